"""examples/hil as a user has it: its tests pass in QEMU, its gates stop a worse model, its workflow names real commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgecomp.build import compiler_version, find_compiler
from edgecomp.errors import ToolError
from edgecomp.target import load_target

EXAMPLES = Path(__file__).parents[2] / "examples"
BOARD = "qemu_cortex_m4"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, whose baseline is of the compiler that is installed here."""
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `data`)")
    try:
        compiler = find_compiler(load_target(BOARD))
    except ToolError as error:
        pytest.skip(str(error))
    if shutil.which("qemu-system-arm") is None:
        pytest.skip("qemu-system-arm is not installed")
    folder = tmp_path_factory.mktemp("examples")
    for name in ("hil", "digits"):
        shutil.copytree(EXAMPLES / name, folder / name, ignore=shutil.ignore_patterns("artifacts", "runs", "__pycache__"))
    written_with = json.loads((folder / "hil" / "baseline" / f"digits.{BOARD}.json").read_text())["toolchain"]["compiler"]
    if written_with != compiler_version(compiler):
        assert run_tests(folder / "hil", "--edgecomp-update").returncode == 0
    return folder / "hil"


def run_tests(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "--edgecomp-require", "--edgecomp-target", BOARD, *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=300)


def compare(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgecomp", "compare", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=60)


def test_the_tests_pass_and_leave_runs_and_artifacts(project: Path) -> None:
    done = run_tests(project)
    assert done.returncode == 0, f"where a change is meant: pytest --edgecomp-update in examples/hil\n{done.stdout}"
    assert "8 passed, 1 skipped" in done.stdout
    assert list(project.glob("artifacts/test_digits.py/*/*/report.json"))
    compared = compare(project, "baseline", "runs", "--max-instructions", "+2%", "--markdown", "summary.md")
    assert compared.returncode == 0, compared.stderr
    assert "### digits on qemu_cortex_m4" in (project / "summary.md").read_text()


def test_a_slower_model_is_stopped(project: Path) -> None:
    file = project / "baseline" / f"digits.{BOARD}.json"
    committed = file.read_text()
    document = json.loads(committed)
    document["per_inference"]["instructions"] = round(document["per_inference"]["instructions"] / 1.1)
    try:
        file.write_text(json.dumps(document))
        done = run_tests(project, "-k", "slower")
    finally:
        file.write_text(committed)
    assert done.returncode == 1
    assert re.search(r"instructions rose by (9|10)\.\d % .* \(--max-instructions \+2%\)", done.stdout), done.stdout


def test_the_workflow_and_the_page_name_options_there_are(project: Path) -> None:
    text = (project / ".github/workflows/firmware.yml").read_text() + (project / "README.md").read_text()
    known = subprocess.run([sys.executable, "-m", "pytest", "--help"], capture_output=True, text=True, cwd=project).stdout
    known += compare(project, "--help").stdout
    used = set(re.findall(r"--(?:edgecomp|github|max|markdown)[\w-]*", text))
    assert used and all(option in known for option in used), used
    for board in re.findall(r"--edgecomp-target (\w+)", text):
        load_target(board)

"""The wheel holds everything that runs, and the editable install finds the same."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edgecomp.paths import codegen_dir, runtime_dir, targets_dir

ROOT = Path(__file__).resolve().parents[2]
DATA_FOLDERS = ("codegen", "targets", "runtime_c")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout and unpacked as an installer would."""
    pytest.importorskip("build", reason="the package `build` is not installed (extra `test`)")
    pytest.importorskip("hatchling", reason="the package `hatchling` is not installed (extra `test`)")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def in_wheel(installed: Path, *arguments: str) -> str:
    """Run Python from elsewhere with the unpacked wheel first on its path; return what it prints."""
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(installed)!r})\n{arguments[0]}", *arguments[1:]]
    done = subprocess.run(command, capture_output=True, text=True, cwd=installed)
    assert done.returncode == 0, done.stderr
    return done.stdout


def data_files(root: Path) -> set[str]:
    return {file.relative_to(root).as_posix() for folder in DATA_FOLDERS for file in (root / folder).rglob("*") if file.is_file()}


def test_one_import_package(installed: Path) -> None:
    assert {entry.name for entry in installed.iterdir() if not entry.name.endswith(".dist-info")} == {"edgecomp"}
    assert (installed / "edgecomp" / "py.typed").is_file()


def test_all_templates_boards_and_kernels_are_inside(installed: Path) -> None:
    assert data_files(installed / "edgecomp" / "_data") == data_files(ROOT)


def test_the_wheel_finds_its_own_data(installed: Path) -> None:
    said = in_wheel(installed, "from edgecomp.paths import *; print(codegen_dir(), targets_dir(), runtime_dir(), sep='\\n')")
    assert said.split() == [str(installed / "edgecomp" / "_data" / folder) for folder in DATA_FOLDERS]
    boards = in_wheel(installed, "from edgecomp.target import *; print(*(load_target(name).name for name in list_targets()))")
    assert {"host", "qemu_cortex_m4", "qemu_rv32imc"} <= set(boards.split())


def test_the_wheel_s_command_line_runs(installed: Path) -> None:
    said = in_wheel(installed, "from edgecomp.cli import execute; sys.exit(execute(['boards', '--json', '-']))")
    assert '"host"' in said


def test_the_wheel_s_pytest_plugin_serves_tests(installed: Path, tmp_path: Path, digits_onnx: Path) -> None:
    test = f"""
import numpy as np
from edgecomp import pytest_plugin

def test_infers(edgecomp_board):
    assert pytest_plugin.__file__.startswith({str(installed)!r})
    x = np.random.default_rng(0).random((8, 1, 8, 8), np.float32)
    edgecomp_board.load({str(digits_onnx)!r}, x, method="min-max").infer(x).assert_matches_reference()
"""
    (tmp_path / "test_board.py").write_text(test)
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run([sys.executable, "-m", "pytest", "-q"], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout


def test_a_checkout_finds_the_folders_at_its_top() -> None:
    assert [codegen_dir(), targets_dir(), runtime_dir()] == [ROOT / folder for folder in DATA_FOLDERS]
    assert not (ROOT / "edgecomp" / "_data").exists()

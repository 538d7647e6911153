"""docs/testing.md is true: its test runs, its tables list the options and limits there are."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgecomp import cli
from edgecomp.pytest_plugin.result import InferenceResult

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "testing.md").read_text()


def test_the_example_runs(tmp_path: Path, digits_onnx: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `data`)")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "test_page.py").write_text(code)
    shutil.copyfile(digits_onnx, tmp_path / "digits.onnx")
    for split in ("train", "test"):
        assert cli.execute(["data", "digits", "--split", split, "-o", str(tmp_path / f"digits-{split}.npz")]) == 0
    done = subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout


def test_options_are_those_there_are() -> None:
    offered = subprocess.run([sys.executable, "-m", "pytest", "--help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    options = set(re.findall(r"--edgecomp-[\w-]+", offered))
    assert options == set(re.findall(r"--edgecomp-[\w-]+", PAGE))
    assert set(re.findall(r"^  edgecomp_(\w+)", offered, re.MULTILINE)) - {"scope"} == {
        option.removeprefix("--edgecomp-") for option in options - {"--edgecomp-update"}
    }


def test_limits_are_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    cli.execute(["compare", "--help"])
    offered = set(re.findall(r"--(?:max|min|same)-[\w-]+", capsys.readouterr().out))
    assert offered == set(re.findall(r"--(?:max|min|same)-[\w-]+", PAGE))


def test_properties_of_a_result_exist() -> None:
    table = PAGE.partition("| of a result |")[2].partition("\n\n")[0]
    names = {name.partition("(")[0] for row in table.splitlines()[2:] for name in re.findall(r"`([\w(\")]+)`", row.split("|")[1])}
    fields = {name for name in dir(InferenceResult) if not name.startswith("_")} | set(InferenceResult.__dataclass_fields__)
    assert names and names <= fields

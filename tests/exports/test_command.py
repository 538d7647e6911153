"""`edgecomp generate --format`: choices, metadata, the row the example runs, nothing half-written."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from edgecomp.cli import execute
from edgecomp.errors import ExportError
from edgecomp.exports import FORMATS
from edgecomp.exports.library import Package
from edgecomp.pipeline import QuantizedModel


@pytest.fixture(scope="module")
def model(digits: QuantizedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "digits.qdq.onnx"
    path.write_bytes(digits.to_onnx())
    return path


def generate(model: Path, *arguments: object) -> int:
    return execute(["generate", str(model), "--prefix", "digits", *map(str, arguments)])


@pytest.mark.parametrize("format_name", FORMATS)
def test_each_format_is_a_choice(model: Path, tmp_path: Path, format_name: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert generate(model, "--target", "host", "--format", format_name, "-o", out, "--json", tmp_path / "said.json") == 0
    said = json.loads((tmp_path / "said.json").read_text())
    assert said["format"] == format_name
    assert {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()} - {".edgecomp-files"} == set(said["files"])
    assert "README.md" in capsys.readouterr().out


def test_cmake_is_the_default(model: Path, tmp_path: Path) -> None:
    assert generate(model, "--target", "host", "-o", tmp_path / "a") == 0
    assert generate(model, "--target", "host", "--format", "cmake", "-o", tmp_path / "b") == 0
    trees = [{path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()} for root in tmp_path.iterdir()]
    assert trees[0] == trees[1]
    assert Path("CMakeLists.txt") in trees[0] and Path("digits.h") in trees[0]


def test_another_format_takes_the_place_of_the_first(model: Path, tmp_path: Path) -> None:
    assert generate(model, "--target", "host", "--format", "zephyr", "-o", tmp_path / "out") == 0
    (tmp_path / "out" / "notes.txt").write_text("mine")
    assert generate(model, "--target", "host", "--format", "arduino", "-o", tmp_path / "out") == 0
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
    assert not (tmp_path / "out" / "zephyr" / "module.yml").exists()
    assert (tmp_path / "out" / "library.properties").is_file()


def test_the_example_runs_a_row_of_the_data(digits: QuantizedModel, model: Path, tmp_path: Path) -> None:
    from edgecomp.data.digits import load_digits

    x, _ = load_digits("test")
    np.savez(tmp_path / "mine.npz", x=x[7:9])
    for name, data in (("with", ["--data", tmp_path / "mine.npz"]), ("without", [])):
        assert generate(model, "--target", "host", "--format", "make", "-o", tmp_path / name, *data) == 0
    given, made_up = ((tmp_path / name / "example" / "digits_test_vector.h").read_text() for name in ("with", "without"))
    assert "row 0 of mine.npz" in given and "made-up values" in made_up
    values = [int(word) for word in re.findall(r"-?\d+", re.search(r"input\[64\] = \{([^}]*)\}", given).group(1))]  # type: ignore[union-attr]
    np.testing.assert_array_equal(values, digits.buffers(digits.samples(x[7:8]))[0])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--format", "esp-idf", "--target", "qemu_cortex_m4"], ["arm_dsp", "--target host"]),
        (["--format", "cmsis-pack", "--target", "qemu_rv32imc"], ["riscv", "--target host"]),
        (["--format", "arduino", "--target", "host", "--prefix", "arduino"], ["--prefix"]),
        (["--format", "bazel", "--target", "host"], ["bazel", "cmsis-pack"]),
        (["--package-version", "1.0", "--target", "host"], ["--package-version", "1.0.0"]),
        (["--url", "ftp://x", "--target", "host"], ["--url", "https://"]),
        (["--author", "two\nlines", "--target", "host"], ["--author"]),
    ],
)
def test_what_cannot_be_written_leaves_nothing(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: list[str]
) -> None:
    assert generate(model, *arguments, "-o", tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert all(word in said for word in words), said
    assert not list(tmp_path.iterdir())


def test_files_of_others_are_not_overwritten(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.md").write_text("mine")
    assert generate(model, "--target", "host", "--format", "arduino", "-o", tmp_path) == 1
    assert "README.md" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_ctrl_c_leaves_nothing(model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edgecomp", "generate", str(model), "--target", "host", "--format", "cmsis-pack"]
    for delay_s in (0.5, 1.5):
        running = subprocess.Popen([*command, "-o", str(tmp_path / "out")], stderr=subprocess.PIPE, text=True, env={**os.environ})
        time.sleep(delay_s)
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
        left = [path.name for path in tmp_path.iterdir()]
        assert left == [] or (left == ["out"] and (tmp_path / "out" / ".edgecomp-files").is_file())


@pytest.mark.parametrize("author", ["", " x", "arduino", 'a"b', "a<b>", "a\\b", "n" * 200])
def test_authors_that_no_package_can_hold(author: str) -> None:
    with pytest.raises(ExportError, match="--author"):
        Package(author=author).verify()


@pytest.mark.parametrize("version", ["", "1", "1.2", "1.2.3.4", "v1.2.3", "01.2.3", "1.2.3\n", "1.2.-3"])
def test_versions_that_no_package_can_hold(version: str) -> None:
    with pytest.raises(ExportError, match="--package-version"):
        Package(version=version).verify()

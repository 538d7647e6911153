"""`edgecomp analyze` from an ONNX file to tables and JSON."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecomp.cli import execute
from edgecomp.paths import targets_dir
from edgecomp.report import LayerFacts, Memory, ModelFacts, PerInference, RunReport, TargetFacts
from edgecomp.target import list_targets

NARROW_COLUMNS = 100


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A residual block with a branch: Conv, Conv, Add, Relu, Flatten, Gemm on [1, 3, 8, 8]."""
    random = np.random.default_rng(2)
    weights = {"w0": (4, 3, 3, 3), "w1": (4, 4, 3, 3), "w2": (10, 256), "b2": (10,)}
    nodes = [
        helper.make_node("Conv", ["x", "w0"], ["a"], "stem", pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["a", "w1"], ["b"], "branch", pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["a", "b"], ["c"], "join"),
        helper.make_node("Relu", ["c"], ["d"], "relu"),
        helper.make_node("Flatten", ["d"], ["e"], "flatten"),
        helper.make_node("Gemm", ["e", "w2", "b2"], ["y"], "dense", transB=1),
    ]
    constants = [numpy_helper.from_array(random.normal(size=shape).astype(np.float32), name) for name, shape in weights.items()]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])
    graph = helper.make_graph(nodes, "residual", [x], [y], constants)
    file = tmp_path_factory.mktemp("models") / "residual.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), file)
    return file


@pytest.fixture
def small_board(tmp_path: Path) -> Path:
    """The host's folder with too little RAM."""
    board = tmp_path / "tiny"
    shutil.copytree(targets_dir() / "host", board)
    description = (board / "board.toml").read_text()
    (board / "board.toml").write_text(description.replace("ram_bytes = 1073741824", "ram_bytes = 500"))
    return board


def analyze(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    file = tmp_path / "analysis.json"
    assert execute(["analyze", *arguments, "--json", str(file)]) == 0
    document: dict[str, Any] = json.loads(file.read_text())
    return document


def test_figures_of_a_residual_block(model_file: Path, tmp_path: Path) -> None:
    found = analyze(tmp_path, str(model_file), "--target", "qemu_cortex_m4")
    positions, inside = 8 * 8 * 9, (8 * 3 - 2) ** 2
    assert [layer["macs"] for layer in found["layers"]] == [positions * 3 * 4, positions * 4 * 4, 0, 2560]
    assert [layer["padding_macs"] for layer in found["layers"]] == [(positions - inside) * 3 * 4, (positions - inside) * 4 * 4, 0, 0]
    assert found["model"]["macs"] == sum(layer["macs"] for layer in found["layers"])
    assert found["model"]["parameters"] == 108 + 144 + 2560 + 10
    assert found["memory"]["arena_bytes"] == 2 * 256  # the addition overwrites the stem's output
    assert found["fits"] is True


def test_document_has_the_keys_of_run(model_file: Path, tmp_path: Path) -> None:
    found = analyze(tmp_path, str(model_file), "--target", "qemu_cortex_m4")

    def keys(kind: type) -> set[str]:
        return {field.name for field in fields(kind)}

    assert found["schema"] == "edgecomp.analyze/1"
    assert keys(RunReport) - {"outputs"} <= set(found)
    for part, kind in {"model": ModelFacts, "target": TargetFacts, "memory": Memory, "per_inference": PerInference}.items():
        assert keys(kind) <= set(found[part])
    assert all(keys(LayerFacts) <= set(layer) for layer in found["layers"])
    assert found["accuracy"] is None


def test_without_a_target_all_boards_are_judged(model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = analyze(tmp_path, str(model_file))
    assert [board["board"] for board in found["boards"]] == list(list_targets())
    assert found["memory"]["ram_bytes"] is None
    assert found["target"]["board"] is None
    printed = capsys.readouterr().out
    assert all(name in printed for name in list_targets())


def test_model_that_does_not_fit_ends_in_an_error_after_its_figures(
    model_file: Path, small_board: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "analysis.json"
    assert execute(["analyze", str(model_file), "--target", str(small_board), "--json", str(file)]) == 1
    said = capsys.readouterr()
    assert "does not fit tiny" in said.err
    assert "has 500" in said.err
    assert "RAM peaks at layer" in said.out
    assert json.loads(file.read_text())["fits"] is False


def test_tables_fit_a_narrow_terminal(model_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", str(NARROW_COLUMNS))
    assert execute(["analyze", str(model_file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= NARROW_COLUMNS
    assert any("6,912" in line and "conv2d" in line for line in lines)


def test_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["analyze", str(tmp_path / "nothing.onnx")]) == 1
    assert "nothing.onnx" in capsys.readouterr().err

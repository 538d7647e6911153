"""`edgecomp skip` from end to end on the digit classifier: rules that hold, files that come back, errors that name the cure."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgecomp
from edgecomp.cli import execute
from edgecomp.errors import ModelError
from edgecomp.skip.rules import Spatial, ZeroInput

MODES = ("auto", "exact", "uniform-layer", "early-exact", "early-predictive", "perforated")
HOW = ("--layout", "nhwc", "--mean", "0", "--std", "16")


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory, digits_onnx: Path) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("digits")
    files = {split: str(folder / f"{split}.npz") for split in ("train", "test")}
    for split, path in files.items():
        assert execute(["data", "digits", "--split", split, "-o", path]) == 0
    return {**files, "model": str(digits_onnx)}


def skip(digits: dict[str, str], folder: Path, *options: str) -> tuple[dict[str, Any], Path]:
    out, report = folder / "out.onnx", folder / "skip.json"
    arguments = ["skip", digits["model"], "--data", digits["test"], "--calib", digits["train"], *HOW, "--no-figures"]
    assert execute([*arguments, *options, "-o", str(out), "--json", str(report)]) == 0
    return json.loads(report.read_text()), out


@pytest.mark.parametrize("mode", MODES)
def test_modes_hold_the_loss_and_come_back(mode: str, digits: dict[str, str], tmp_path: Path) -> None:
    report, out = skip(digits, tmp_path, "--mode", mode, "--max-loss", "2", "--budget-seconds", "20")
    assert report["schema"] == "edgecomp.skip/1" and report["mode"] == mode
    assert report["macs"]["executed"] <= report["macs"]["dense"]
    assert report["accuracy"]["dense"] - report["accuracy"]["skip"] <= 0.02 + 1e-9
    quantized = edgecomp.load(out).quantize()
    assert {layer["name"] for layer in report["layers"] if layer["enabled"]} == {
        node.layer for node in quantized.qgraph.nodes if node.output in quantized.rules
    }
    x = np.load(digits["test"])["x"][:20]
    found = quantized.run("host", x)
    assert found.bit_exact is not None and found.bit_exact.equal
    assert found.per_inference.macs_executed <= report["macs"]["dense"]
    if mode in ("exact", "early-exact"):
        dense = edgecomp.load(digits["model"]).quantize(np.load(digits["train"])["x"][:200], preprocessing=quantized.preprocessing)
        assert found.outputs_sha256 == dense.run("host", x).outputs_sha256


def test_rules_that_do_not_fit_are_refused(digits: dict[str, str]) -> None:
    x = np.load(digits["train"])["x"][:200]
    dense = edgecomp.load(digits["model"]).quantize(x)
    tensor = next(node.output for node in dense.dense.nodes if node.op.kernel == "conv2d_s8")
    wrong = {
        "not computed": {"nowhere": ZeroInput(0.5)},
        "does not fit": {tensor: Spatial(2, np.full((1, 1, 1), 9, np.uint16), np.zeros(3, np.int32))},
        "no ZeroInput rule": {dense.dense.nodes[-1].output: ZeroInput(0.5)},
    }
    for rules in wrong.values():
        with pytest.raises(ModelError, match="skip"):
            _ = replace(dense, rules=rules).qgraph


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--max-loss", "1", "--layers", "nowhere"], "no convolution"),
        (["--max-loss", "1", "--finetune", "1"], "--train"),
        (["--max-loss", "1", "--mode", "uniform-layer", "--patterns", "12x"], "pattern"),
        (["--max-loss", "1", "--target", "nowhere"], "nowhere"),
        (["--max-loss", "1", "--mode", "exact", "--records", "r.jsonl"], "--records"),
        (["--max-loss", "1", "--ones-range", "3:1"], "A:B"),
    ],
)
def test_bad_options_are_one_clear_error(
    options: list[str], says: str, digits: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.onnx"
    arguments = ["skip", digits["model"], "--data", digits["test"], "--calib", digits["train"], *HOW, "--no-figures"]
    assert execute([*arguments, *options, "-o", str(out)]) == 1
    assert says in capsys.readouterr().err
    assert not out.exists()


def test_a_layer_is_named_by_its_place_among_the_convolutions(
    digits: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second convolution of the residual block ends in a sum with a ReLU, on which its masks are judged."""
    options = ("--max-loss", "5", "--mode", "exhaustive-uniform-layer", "--patterns", "diagonal", "--budget-seconds", "10")
    report, _ = skip(digits, tmp_path, *options, "--layers", "residual_b")
    assert "at most 2 evaluations" in capsys.readouterr().err
    assert {layer["name"].split("+")[0] for layer in report["layers"] if layer["enabled"]} <= {"residual_b"}

"""`edgecomp compress`: what is written, what is said, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from edgecomp.cli import execute
from edgecomp.data.npz import save_samples

OPTIONS = ("--layout", "nhwc", "--mean", "0", "--std", "16", "--epochs", "0")


def compressed(model: Path, data: Path, output: Path, *options: str) -> int:
    """The exit code."""
    return execute(["compress", str(model), "--data", str(data), "-o", str(output), *OPTIONS, *options])


def test_the_result_is_a_valid_smaller_network(digits_onnx: Path, digits_train_npz: Path, digits_npz: Path, tmp_path: Path) -> None:
    output, report = tmp_path / "small.onnx", tmp_path / "small.json"
    options = ("--method", "thinet", "--keep-macs", "0.6", "--test", str(digits_npz), "--json", str(report), "--target", "qemu_cortex_m4")
    assert compressed(digits_onnx, digits_train_npz, output, *options) == 0
    onnx.checker.check_model(onnx.load(output), full_check=True)
    session = onnxruntime.InferenceSession(output, providers=["CPUExecutionProvider"])
    assert session.run(None, {session.get_inputs()[0].name: np.zeros((1, 1, 8, 8), np.float32)})[0].shape == (1, 10)
    facts = json.loads(report.read_text())
    assert facts["schema"] == "edgecomp.compress/1" and facts["method"] == "thinet"
    assert facts["macs"]["after"] <= 0.6 * facts["macs"]["before"]
    assert 0.5 < facts["accuracy"]["after"] <= 1.0
    assert "80 chose" in facts["split"]
    assert not (tmp_path / "small.checkpoints").exists()
    assert execute(["run", str(output), "--data", str(digits_npz), "--target", "host", "--samples", "50"]) == 0  # preprocessing is stored


def test_a_recipe_and_a_picture(digits_onnx: Path, digits_train_npz: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra `edgecomp[figures]`)")
    recipe, picture = tmp_path / "r.toml", tmp_path / "r.png"
    recipe.write_text('[[step]]\nmethod = "prune-filters-l1"\nkeep_macs = 0.8\n\n[[step]]\nmethod = "thinet"\nkeep_macs = 0.6\n')
    assert compressed(digits_onnx, digits_train_npz, tmp_path / "r.onnx", "--recipe", str(recipe), "--figure", str(picture)) == 0
    assert picture.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--method", "nonsense", "--keep-macs", "0.5"), "no method 'nonsense': must be one of"),
        (("--method", "thinet", "--keep-macs", "0.5", "--option", "x=1"), "has no option 'x'"),
        (("--method", "thinet", "--keep-macs", "0.5", "--layers", "nothing"), "has no layer 'nothing'"),
        (("--method", "thinet", "--keep-macs", "0.5", "--layers", "dense"), "cannot be made thinner"),
        (("--method", "thinet", "--keep-macs", "0.00001"), "the least possible is"),
        (("--method", "thinet"), "how small the network is to be is not said"),
        (("--method", "thinet", "--recipe", "r.toml"), "exclude one another"),
        (("--recipe", "missing.toml"), "cannot be read"),
        (("--option", "a=b", "--keep-macs", "0.5"), "--option belongs to --method"),
        ((), "a plan needs a size"),
    ],
)
def test_mistakes_are_refused_and_nothing_is_written(
    digits_onnx: Path, digits_train_npz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    assert compressed(digits_onnx, digits_train_npz, tmp_path / "out.onnx", *options) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out.onnx").exists()


def test_classes_beyond_the_outputs_are_refused(digits_onnx: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "wrong.npz"
    save_samples(data, np.zeros((50, 8, 8, 1), np.uint8), np.full(50, 12))
    assert compressed(digits_onnx, data, tmp_path / "out.onnx", "--method", "thinet", "--keep-macs", "0.5") == 1
    assert "y holds class 12" in capsys.readouterr().err


def test_a_loss_that_is_not_finite_says_what_to_lower(
    digits_onnx: Path, digits_train_npz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed (extra `edgecomp[train]`)")
    wild = ("--method", "prune-filters-l1", "--keep-macs", "0.5", "--epochs", "1", "--learning-rate", "1e30")
    assert compressed(digits_onnx, digits_train_npz, tmp_path / "out.onnx", *wild) == 1
    assert "the loss is not finite in epoch 1" in capsys.readouterr().err
    assert not (tmp_path / "out.onnx").exists()


def test_a_quantized_network_is_refused(digits_onnx: Path, digits_npz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quantized = tmp_path / "q.onnx"
    assert execute(["quantize", str(digits_onnx), "--data", str(digits_npz), *OPTIONS[:6], "-o", str(quantized)]) == 0
    assert compressed(quantized, digits_npz, tmp_path / "out.onnx", "--method", "thinet", "--keep-macs", "0.5") == 1
    assert "is quantized, and integers are not compressed: give the float model" in capsys.readouterr().err


def test_help_lists_the_methods_with_their_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["compress", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "thinet" in shown and "epochs_between" in shown and "Examples:" in shown

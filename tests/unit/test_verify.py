"""A board that computes other bits is caught, and the first layer, index and both values are named."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import edgecomp.emit
from edgecomp import verify
from edgecomp.build import Sources
from edgecomp.cli import execute
from edgecomp.data.samples import Preprocessing
from edgecomp.pipeline import QuantizedModel, load
from edgecomp.plan import Plan

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits" / "digits.onnx"
ROUNDING = "((int64_t)1 << 30)"
PIXELS = Preprocessing(layout="nhwc", mean=(0.0,), std=(16.0,))

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on this computer")


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 17, (24, 8, 8, 1)).astype(np.uint8)


@pytest.fixture(scope="module")
def quantized(pixels: np.ndarray) -> QuantizedModel:
    return load(DIGITS).quantize(pixels, preprocessing=PIXELS)


@pytest.fixture
def wrong_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels that round down where they must round half up."""

    def emit_wrong(plan: Plan) -> Sources:
        sources = edgecomp.emit.emit(plan)
        header = sources.files["include/ec_requantize.h"]
        assert ROUNDING in header
        return replace(sources, files={**sources.files, "include/ec_requantize.h": header.replace(ROUNDING, "0")})

    monkeypatch.setattr(verify, "emit", emit_wrong)


def test_equal_bits_are_said_to_be_equal(quantized: QuantizedModel, pixels: np.ndarray) -> None:
    report = quantized.run("host", pixels)
    assert report.bit_exact is not None
    assert report.bit_exact.equal
    assert report.bit_exact.compared == len(pixels) * 10
    assert report.bit_exact.first_difference is None


@pytest.mark.usefixtures("wrong_rounding")
def test_the_first_difference_is_named(quantized: QuantizedModel, pixels: np.ndarray) -> None:
    exact = quantized.run("host", pixels, index=np.arange(100, 124)).bit_exact
    assert exact is not None
    assert not exact.equal
    first = exact.first_difference
    assert first is not None
    assert 100 <= first.sample < 124
    assert first.layer == 0
    assert first.layer_name == "stem+stem_relu"
    assert first.reference == first.target + 1


@pytest.mark.usefixtures("wrong_rounding")
def test_the_command_says_where_and_exits_1(pixels: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "pixels.npz"
    np.savez(data, x=pixels)
    arguments = [
        "run",
        str(DIGITS),
        "--target",
        "host",
        "--data",
        str(data),
        "--layout",
        "nhwc",
        "--std",
        "16",
        "--json",
        str(tmp_path / "r.json"),
    ]
    assert execute(arguments) == 1
    said = capsys.readouterr()
    assert "stem+stem_relu" in said.out and "reference" in said.out
    assert "computes other bits than the reference" in said.err
    assert '"equal": false' in (tmp_path / "r.json").read_text()

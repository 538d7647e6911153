"""The model and the data that all tests share."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from edgecomp.data.digits import load_digits

MODEL = Path(__file__).parents[1] / "digits" / "digits.onnx"


class Samples(NamedTuple):
    x: np.ndarray
    y: np.ndarray


@pytest.fixture(scope="session")
def held_out() -> Samples:
    """Images uint8 [360, 8, 8, 1], 0 to 16, that training never saw, and their digits [360]."""
    return Samples(*load_digits("test"))


@pytest.fixture(scope="module")
def digits(edgecomp_board):
    """The classifier on the board: quantized, built, flashed and held against the reference."""
    return edgecomp_board.load(MODEL, load_digits("train")[0][:200], layout="nhwc", std=16)


@pytest.fixture(scope="module")
def measured(digits, held_out):
    """One run over the held-out images, which every gate judges."""
    return digits.infer(held_out.x, held_out.y)

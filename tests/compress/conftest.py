"""What tests of compression share: the digit classifier on a bench, and a cache of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

import edgecomp
from edgecomp.compress.job import Samples
from edgecomp.compress.run import Bench, bench
from edgecomp.data.digits import load_digits
from edgecomp.data.npz import save_samples
from edgecomp.data.samples import Preprocessing

ROWS = 800
DIGITS = Preprocessing("nhwc", (0.0,), (16.0,))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sensitivities are kept in the test's own folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def digits_bench(digits_onnx: Path) -> Bench:
    """The digit classifier (depthwise convolution, residual sum) and 800 rows."""
    model = edgecomp.load(digits_onnx)
    x, y = load_digits("train")
    return bench(model.simplified, Samples(DIGITS.apply(x[:ROWS], model.input_shape), y[:ROWS]))


@pytest.fixture(scope="session")
def digits_train_npz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The training rows as a file."""
    path = tmp_path_factory.mktemp("digits") / "train.npz"
    x, y = load_digits("train")
    save_samples(path, x[:ROWS], y[:ROWS])
    return path

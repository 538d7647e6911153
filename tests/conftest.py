"""Settings and fixtures that all tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "edgecomp", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("edgecomp")
os.environ["COLUMNS"] = "160"  # reports are as wide under pytest-xdist, which says 80, as in a pipe

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def digits_onnx() -> Path:
    """The trained digit classifier: float [N, 1, 8, 8] in 0..1 -> probabilities [N, 10]."""
    return ROOT / "examples" / "digits" / "digits.onnx"


@pytest.fixture(scope="session")
def digits_npz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The held-out digits as `edgecomp data digits --split test` writes them: x uint8 [360, 8, 8, 1], 0..16, and y [360]."""
    from edgecomp.data.digits import load_digits
    from edgecomp.data.npz import save_samples

    path = tmp_path_factory.mktemp("digits") / "digits.npz"
    save_samples(path, *load_digits("test"))
    return path

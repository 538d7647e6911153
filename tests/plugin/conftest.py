"""Inner test runs: pytest run by pytest, with the user's cache of compiled files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import onnxruntime
import onnxslim
import pytest

import edgecomp.pytest_plugin.session
from edgecomp.cache import cache_folder

# pytest forgets what an inner run imports, and compiled modules cannot be imported twice: they are all here before.
IMPORTED = (onnx, onnxruntime, onnxslim, edgecomp.pytest_plugin.session)

USERS_CACHE = cache_folder("").parent
Inner = Callable[..., pytest.RunResult]

LOADING = """
import numpy as np
import pytest

X = np.random.default_rng(1).integers(0, 17, (12, 8, 8, 1)).astype(np.uint8)
Y = np.arange(12) % 10


@pytest.fixture
def digits(edgecomp_board):
    return edgecomp_board.load({model!r}, X, layout="nhwc", std=16, method="min-max")
"""


@pytest.fixture
def inner(pytester: pytest.Pytester, digits_onnx: Path, monkeypatch: pytest.MonkeyPatch) -> Inner:
    """Runs a test file whose fixture `digits` is the digit classifier, loaded; X [12, 8, 8, 1] and Y [12] are data."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(USERS_CACHE))  # pytester moves the home directory
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(tests: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(test_inner=LOADING.format(model=str(digits_onnx)) + tests)
        return pytester.runpytest_inprocess("-p", "no:randomly", *options)

    return run

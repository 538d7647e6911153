"""The kernels, compiled once a session."""

from __future__ import annotations

import shutil

import pytest

from tests.runtime_c.native import Kernels, build_shared_library


@pytest.fixture(scope="session")
def compiler() -> str:
    """The host's C compiler."""
    found = shutil.which("gcc") or shutil.which("cc")
    if found is None:
        pytest.skip("no C compiler on this machine")
    return found


@pytest.fixture(scope="session")
def kernels(compiler: str, tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    """The portable kernels, optimised for this machine."""
    return Kernels(build_shared_library(compiler, tmp_path_factory.mktemp("kernels")))

"""Trials on many machines: a Dask cluster as an executor. A task whose worker is lost runs again on another."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from edgecomp.errors import ToolError

CONNECT_TIMEOUT_S = 20
MOST_RETRIES = 3


@contextmanager
def cluster_executor(address: str) -> Iterator[Executor]:
    """An executor on the cluster whose scheduler listens at `address`, such as tcp://host:8786.

    Raises:
        ToolError: the package is not installed, or no scheduler answers.
    """
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise ToolError("--scheduler needs the package distributed, which is not installed: pip install 'edgecomp[dask]'") from error
    try:
        client = distributed.Client(address, timeout=CONNECT_TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ToolError(f"--scheduler {address}: no Dask scheduler answers there ({error}); start one with `dask scheduler`") from error
    try:
        executor = client.get_executor(pure=False, retries=MOST_RETRIES)
        executor.workers = sum(client.nthreads().values())
        yield executor
    finally:
        client.close()

"""Whether PyTorch is there, and what to say where it is not."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from edgecomp.errors import ToolError

INSTALL = "pip install 'edgecomp[train]'"
WAITING = "OMP_WAIT_POLICY"


def require_torch() -> str:
    """The version of PyTorch, imported.

    Raises:
        ToolError: PyTorch is missing or broken; names the command that installs it.
    """
    try:
        with _sleeping_threads():
            import torch
    except ImportError as error:
        raise ToolError(f"training needs PyTorch, which cannot be imported ({error}); install it with: {INSTALL}") from error
    except Exception as error:  # its libraries raise errors of their own while they load
        raise ToolError(f"PyTorch is installed but does not load: {error}; install it again with: {INSTALL}") from error
    return str(torch.__version__)


@contextmanager
def _sleeping_threads() -> Iterator[None]:
    """OpenMP, as long as it is loaded inside, lets threads sleep that wait for one another.

    By default they spin. Where other processes want the cores too, two spinning threads take many times the time of one. The user's own
    setting stays, and so does the environment.
    """
    if WAITING in os.environ or "torch" in sys.modules:
        yield
        return
    os.environ[WAITING] = "PASSIVE"
    try:
        yield
    finally:
        del os.environ[WAITING]

"""Things that one process may use at a time, across pytest-xdist's workers and other runs: serial ports, and work worth doing once."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from edgecomp.cache import cache_folder, content_key
from edgecomp.errors import RunError

WAIT_S: Final = 1800.0
"""Longest wait for others."""
_POLL_S: Final = 0.05


@contextmanager
def one_of(names: Sequence[str], wait_s: float = WAIT_S) -> Iterator[str]:
    """Hold the first of `names` that is free for the block; gives its name. The system lets go of what a process held when it ends.

    Raises:
        RunError: all were in use for `wait_s`.
    """
    give_up_s = time.monotonic() + wait_s
    while True:
        for name in names:
            held = _try_lock(name)
            if held is not None:
                try:
                    yield name
                finally:
                    os.close(held)
                return
        if time.monotonic() > give_up_s:
            raise RunError(f"{', '.join(names)}: in use by another test run for {wait_s:.0f} s; end it, or name another port")
        time.sleep(_POLL_S)


def lock_file(name: str) -> Path:
    """The file whose lock stands for a name; all names of one device are one."""
    return cache_folder("locks") / content_key(os.path.realpath(name) if os.path.exists(name) else name)


def _try_lock(name: str) -> int | None:
    path = lock_file(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor

"""A board's machine behind a TCP port, for code that speaks to serial ports by URL."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgecomp.target import Target

TIMEOUT_S = 20.0


@contextmanager
def emulated_port(target: Target, elf: Path) -> Iterator[str]:
    """The pyserial URL of a machine that runs `elf`; it takes one connection."""
    if shutil.which(target.emulator) is None:
        pytest.skip(f"{target.name} needs {target.emulator}, which is not installed")
    port = _free_port()
    quiet = ["-display", "none", "-monitor", "none", "-parallel", "none", "-nic", "none"]
    serial = ["-serial", f"tcp:127.0.0.1:{port},server=on,wait=on,nodelay=on"]
    command = [target.emulator, *target.machine, *quiet, *serial, "-kernel", str(elf)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        deadline_s = time.monotonic() + TIMEOUT_S
        while not _is_taken(port):
            assert process.poll() is None and time.monotonic() < deadline_s, "the emulator did not open its port"
            time.sleep(0.02)
        yield f"socket://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False

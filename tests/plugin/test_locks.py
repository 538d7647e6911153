"""One process at a time has a serial port."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from edgecomp.errors import RunError
from edgecomp.pytest_plugin.locks import lock_file, one_of

HOLD = """
import sys, time
from edgecomp.pytest_plugin.locks import one_of
with one_of(sys.argv[2:]) as port:
    start = time.monotonic()
    time.sleep(float(sys.argv[1]))
    print(port, start, time.monotonic())
"""


def holder(seconds: float, *ports: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", HOLD, str(seconds), *ports], stdout=subprocess.PIPE, text=True)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_processes_take_turns() -> None:
    said = [process.communicate(timeout=60)[0].split() for process in [holder(0.3, "/dev/none") for _ in range(3)]]
    times = sorted((float(start), float(end)) for _, start, end in said)
    assert all(end <= start for (_, end), (start, _) in pairwise(times))


def test_several_boards_serve_several_processes() -> None:
    said = [process.communicate(timeout=60)[0].split() for process in [holder(0.5, "/dev/a", "/dev/b") for _ in range(2)]]
    assert {port for port, *_ in said} == {"/dev/a", "/dev/b"}


def test_a_process_that_is_killed_lets_go() -> None:
    process = holder(60, "/dev/none")
    while not lock_file("/dev/none").exists():
        time.sleep(0.01)
    process.kill()
    process.wait()
    with one_of(["/dev/none"], wait_s=5) as port:
        assert port == "/dev/none"


def test_waiting_ends() -> None:
    with one_of(["/dev/none"]), pytest.raises(RunError, match="/dev/none: in use by another test run"), one_of(["/dev/none"], wait_s=0.1):
        pass


def test_all_names_of_a_device_are_one(tmp_path: Path) -> None:
    (tmp_path / "ttyACM0").touch()
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyACM0")
    assert lock_file(str(tmp_path / "by-id")) == lock_file(str(tmp_path / "ttyACM0")) != lock_file("socket://localhost:1")

"""A board on the desk from end to end: QEMU stands for it, started anew by the board's flash command, spoken to over its serial line."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from edgecomp.target import load_target
from tests.plugin.conftest import Inner

pytest_plugins = ["pytester"]

MODELLED = "stm32f405"
FLASH = """
import os, signal, subprocess, sys
from contextlib import suppress

elf, port, folder = sys.argv[1:]
with suppress(FileNotFoundError, ProcessLookupError):
    os.kill(int(open(f"{{folder}}/pid").read()), signal.SIGKILL)
with open(f"{{folder}}/flashed", "a") as log:
    log.write(elf + chr(10))
address = port.removeprefix("socket://")
line = ["-serial", f"tcp:{{address}},server=on,wait=off,nodelay=on"]
quiet = ["-display", "none", "-monitor", "none"]
with open(f"{{folder}}/log", "wb") as log:
    board = subprocess.Popen([*{emulator!r}, *quiet, *line, "-kernel", elf], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                             start_new_session=True)
open(f"{{folder}}/pid", "w").write(str(board.pid))
"""
INFERS = """
def test_one(digits, edgecomp_board):
    result = digits.infer(X[:2])
    result.assert_matches_reference()
    assert result.report.transport.kind == "serial" and result.report.transport.frames > 0
    assert (result.instructions is None) == (edgecomp_board.counts == "cycles")

def test_two(digits):
    digits.infer(X[:3]).assert_matches_reference()
"""
OTHER = """
def test_other(edgecomp_board):
    model = edgecomp_board.load({model!r}, X, layout="nhwc", std=16, method="min-max", optimize="size")
    model.infer(X[:2]).assert_matches_reference()
"""


@pytest.fixture
def desk(pytester: pytest.Pytester) -> Iterator[list[str]]:
    """Options for a board `on_the_desk`; the folder `desk` holds what its flash command leaves."""
    board = load_target(MODELLED)
    for tool in (f"{board.toolchain_prefix}gcc", board.emulator):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    folder = pytester.mkdir("desk")
    (folder / "flash.py").write_text(FLASH.format(emulator=[board.emulator, *board.machine]))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = f"socket://127.0.0.1:{free.getsockname()[1]}"
    shutil.copytree(board.directory, pytester.path / "on_the_desk")
    file = pytester.path / "on_the_desk" / "board.toml"
    lines = [line for line in file.read_text().splitlines() if not line.startswith(("command =", "install ="))]
    command = f"command = '{sys.executable} {folder}/flash.py {{elf}} {{port}} {folder}'"
    file.write_text("\n".join(lines).replace("[flash]", f"[flash]\n{command}") + "\n")
    yield ["--edgecomp-target", str(file.parent), "--edgecomp-port", f"on_the_desk={port}"]
    with suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int((folder / "pid").read_text()), signal.SIGKILL)


def flashed(pytester: pytest.Pytester) -> int:
    return len((pytester.path / "desk" / "flashed").read_text().splitlines())


def test_a_board_is_flashed_once_and_answers_every_test(inner: Inner, pytester: pytest.Pytester, desk: list[str]) -> None:
    inner(INFERS, *desk).assert_outcomes(passed=2)
    assert flashed(pytester) == 1
    inner(INFERS, *desk).assert_outcomes(passed=2)
    assert flashed(pytester) == 1


@pytest.mark.slow
def test_workers_take_turns_and_flash_what_they_need(inner: Inner, pytester: pytest.Pytester, desk: list[str], digits_onnx: Path) -> None:
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    inner(INFERS + OTHER.format(model=str(digits_onnx)), "--collect-only", "-q", *desk)
    done = pytester.runpytest_subprocess("-n2", *desk)
    done.assert_outcomes(passed=3)
    assert 2 <= flashed(pytester) <= 3


def test_a_board_that_was_flashed_behind_our_back_is_flashed_again(
    inner: Inner, pytester: pytest.Pytester, desk: list[str], digits_onnx: Path
) -> None:
    inner(OTHER.format(model=str(digits_onnx)), *desk).assert_outcomes(passed=1)
    from edgecomp.cache import cache_folder
    from edgecomp.pytest_plugin.locks import lock_file

    noted = cache_folder("flashed") / lock_file(desk[-1].partition("=")[2]).name
    kept = noted.read_text()
    inner(INFERS, *desk).assert_outcomes(passed=2)
    noted.write_text(kept)  # as if the first program had been flashed last
    inner(OTHER.format(model=str(digits_onnx)), *desk).assert_outcomes(passed=1)
    assert flashed(pytester) == 3


def test_the_emulator_that_models_a_board(inner: Inner, desk: list[str]) -> None:
    inner(INFERS, "--edgecomp-target", MODELLED, "--edgecomp-emulate").assert_outcomes(passed=2)


def test_boards_may_be_reached_by_another_transport(inner: Inner) -> None:
    tests = """
def test_it(digits):
    assert digits.infer(X[:2]).report.transport.kind == "serial"
"""
    inner(tests, "--edgecomp-target", "host", "--edgecomp-transport", "serial").assert_outcomes(passed=1)
    done = inner(tests, "-rs", "--edgecomp-target", "host", "--edgecomp-transport", "semihosting")
    done.assert_outcomes(skipped=1)
    done.stdout.fnmatch_lines(["*board host is not reached by semihosting, only by files, serial*"])

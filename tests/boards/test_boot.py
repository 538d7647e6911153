"""Boards that an emulator models boot there and talk over their UART: start-up, memory map, clocks and UART of the very image."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgecomp.target import list_targets, load_target
from tests.boards.echo_firmware import REAL_BOARDS, build_echo
from tests.boards.emulated_port import emulated_port

EMULATED = [name for name in REAL_BOARDS if load_target(name).emulator]
TIMEOUT_S = 20.0


@contextmanager
def emulated(board: str, elf: Path) -> Iterator[socket.socket]:
    """The board's machine with the program, and its first serial port as a socket."""
    with emulated_port(load_target(board), elf) as url:
        host, _, port = url.removeprefix("socket://").rpartition(":")
        with socket.create_connection((host, int(port)), TIMEOUT_S) as line:
            yield line


def receive(line: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        piece = line.recv(count - len(got))
        assert piece, f"the line closed after {got!r}"
        got += piece
    return got


@pytest.mark.parametrize("board", EMULATED)
def test_it_boots_and_every_byte_comes_back(board: str, tmp_path: Path) -> None:
    elf = build_echo(board, tmp_path)
    with emulated(board, elf) as line:
        assert receive(line, 6) == b"hello "
        while receive(line, 1) != b"\n":
            pass
        every_byte = bytes(range(256))
        for start in range(0, 256, 4):  # the smallest receiver holds six
            line.sendall(every_byte[start : start + 4])
            assert receive(line, 4) == bytes((byte + 1) & 0xFF for byte in every_byte[start : start + 4])


@pytest.mark.parametrize("board", EMULATED)
def test_waits_for_what_an_emulator_does_not_model_are_short(board: str, tmp_path: Path) -> None:
    elf = build_echo(board, tmp_path)
    started = time.monotonic()
    with emulated(board, elf) as line:
        receive(line, 6)
        assert time.monotonic() - started < 10


def test_every_real_board_is_tested_here() -> None:
    assert {name for name in list_targets() if load_target(name).runner == "serial"} == set(REAL_BOARDS)


@pytest.mark.parametrize("board", REAL_BOARDS)
def test_what_was_proven_is_said(board: str) -> None:
    target = load_target(board)
    assert target.verified.endswith("not run on hardware")
    if target.emulator:
        assert target.machine[1].partition(",")[0] in target.verified

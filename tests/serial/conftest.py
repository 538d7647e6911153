"""Boards to talk to: the firmware for a serial line as a program of this computer."""

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgecomp.build import Firmware, build
from edgecomp.run.serial import SerialClient, open_line
from edgecomp.target import load_target
from tests.serial.summing_model import SummingModel

BAUD = 3_000_000
"""By which the client reckons how long bytes take; those of this computer take less."""
QUICK_S = 0.03
"""First timeout in tests: the line is this computer's."""


@dataclass(frozen=True)
class HostBoard:
    """A running board."""

    port: int
    process: "subprocess.Popen[bytes]"
    firmware: Firmware


def client_at(port: int, image_id: str | None = None, first_timeout_s: float = QUICK_S) -> AbstractContextManager[SerialClient]:
    """A greeted board behind a TCP port of this computer."""

    @contextlib.contextmanager
    def connected() -> Iterator[SerialClient]:
        with open_line(f"socket://127.0.0.1:{port}", BAUD) as line:
            yield SerialClient(line, BAUD, image_id, first_timeout_s)

    return connected()


@pytest.fixture(scope="session")
def firmware_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[SummingModel], Firmware]:
    """The serial image of a model for this computer; built once."""
    built: dict[SummingModel, Firmware] = {}

    def make(model: SummingModel) -> Firmware:
        if model not in built:
            folder: Path = tmp_path_factory.mktemp("serial")
            built[model] = build(model.sources(), load_target("host"), folder, sanitize=True, transport="serial")
        return built[model]

    return make


@pytest.fixture
def host_board(firmware_of: Callable[[SummingModel], Firmware]) -> Iterator[Callable[[SummingModel], HostBoard]]:
    """Starts a board; it is ended with the test."""
    running: list[subprocess.Popen[bytes]] = []

    def start(model: SummingModel) -> HostBoard:
        firmware = firmware_of(model)
        process = subprocess.Popen([firmware.elf], stdout=subprocess.PIPE, start_new_session=True)
        running.append(process)
        assert process.stdout is not None
        return HostBoard(int(process.stdout.readline().split()[1]), process, firmware)

    yield start
    for process in running:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()

"""What is at the other end of the line: hardware at a port, an emulator, or a program of this computer."""

import contextlib
import select
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final

from edgecomp.errors import RunError, TargetError, ToolError
from edgecomp.processes import signals_deferred
from edgecomp.run.emulator import QUIET, find_emulator
from edgecomp.run.faults import telling_line
from edgecomp.run.request import Request
from edgecomp.target import BOARD_FILE

_LOG_FILE: Final = "log.txt"
_START_TIMEOUT_S: Final = 30.0
_END_TIMEOUT_S: Final = 20.0
_POLL_S: Final = 0.02
_WAITING: Final = b"waiting for connection"
"""What QEMU says once it listens (`wait=on`)."""


def is_hardware(request: Request) -> bool:
    """Whether the run goes to a board and not to an emulator or a program of this computer.

    Raises:
        TargetError: neither a port nor an emulator is there.
    """
    target, connection = request.target, request.connection
    if connection.port:
        return True
    if connection.emulate and not target.emulator:
        raise TargetError(f"board {target.name} has no [emulate] in {target.directory / BOARD_FILE}: no emulator models it; give --port")
    if target.runner == "serial" and not connection.emulate:
        emulate = ", or run its image in QEMU with --emulate" if target.emulator else ""
        raise TargetError(
            f"board {target.name} is reached by a serial line, and no port is known: give --port (a device such as /dev/ttyACM0, "
            f"socket://HOST:PORT or rfc2217://HOST:PORT), name the board in a hardware map{emulate}"
        )
    return False


@contextlib.contextmanager
def url_of(request: Request, folder: Path, emulator_options: Sequence[str] = ()) -> Iterator[str]:
    """The pyserial URL of the line. What had to be started for it runs in `folder` and has ended, by itself if it can, after the block.

    Raises:
        ToolError: the emulator is missing or does not start.
        TargetError: see `is_hardware`.
    """
    if is_hardware(request):
        assert request.connection.port
        yield request.connection.port
    elif request.target.runner == "host":
        with _running([str(request.firmware.elf.resolve())], folder, stdout=subprocess.PIPE) as process:
            yield f"socket://127.0.0.1:{_told_port(process)}"
    else:
        port = _free_port()
        serial = ["-serial", f"tcp:127.0.0.1:{port},server=on,wait=on,nodelay=on"]
        command = [find_emulator(request.target), *request.target.machine, *QUIET, *serial, *emulator_options]
        with _running([*command, "-kernel", str(request.firmware.elf.resolve())], folder) as process:
            _wait_until_listening(process, folder)
            yield f"socket://127.0.0.1:{port}"


@contextlib.contextmanager
def _running(command: Sequence[str], folder: Path, stdout: int | None = None) -> "Iterator[subprocess.Popen[bytes]]":
    with (folder / _LOG_FILE).open("wb") as log, signals_deferred():
        try:
            process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=stdout or log, stderr=log, start_new_session=True
            )
        except OSError as error:
            raise ToolError(f"cannot start {command[0]}: {error.strerror}") from error
    try:
        yield process
        _end(process)
    except RunError as error:
        raise _with_ending(error, process, folder) from error
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Let it write what it has to write."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_END_TIMEOUT_S)


def _with_ending(error: RunError, process: "subprocess.Popen[bytes]", folder: Path) -> RunError:
    """The error, or what the far end said when it ended, which is nearer to the cause."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_POLL_S)  # the line may tell of its end before the system does
    if not process.returncode:
        return error
    return RunError(_ending(process, folder))


def _ending(process: "subprocess.Popen[bytes]", folder: Path) -> str:
    said = telling_line((folder / _LOG_FILE).read_text(encoding="utf-8", errors="replace"))
    return f"the program at the other end of the line ended with code {process.returncode}: {said or 'it said nothing'}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_listening(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    """The emulator takes one connection and no other, so its port is not tried: it says itself that it waits."""
    deadline_s = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline_s:
        if process.poll() is not None:
            raise ToolError(_ending(process, folder))
        if _WAITING in (folder / _LOG_FILE).read_bytes():
            return
        time.sleep(_POLL_S)
    raise ToolError(f"the emulator did not open its serial line within {_START_TIMEOUT_S:g} s")


def _told_port(process: "subprocess.Popen[bytes]") -> int:
    """The port that the host's program says on its first line."""
    stream: IO[bytes] | None = process.stdout
    assert stream is not None
    if not select.select([stream], [], [], _START_TIMEOUT_S)[0]:
        raise RunError("the program did not open its serial line")
    line = stream.readline().split()
    if len(line) != 2 or line[0] != b"port":
        raise RunError("the program did not say the port of its serial line")
    return int(line[1])

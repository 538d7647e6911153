"""A serial line by pyserial: a device, `socket://HOST:PORT`, `rfc2217://HOST:PORT`, or any other of its URLs."""

import contextlib
from collections.abc import Iterator
from typing import Any, Final, Protocol

from edgecomp.errors import RunError

SLICE_S: Final = 0.05
"""Longest wait of one read, after which deadlines are looked at."""
_WRITE_TIMEOUT_S: Final = 20.0


class Line(Protocol):
    """What the client needs of a line."""

    def read(self, wanted_bytes: int) -> bytes:
        """Up to `wanted_bytes` bytes, at once when they are there, fewer after `SLICE_S`."""
        ...

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        ...


class SerialLine:
    """An open line, 8N1."""

    def __init__(self, port: Any, url: str) -> None:
        self._port = port
        self._url = url

    def read(self, wanted_bytes: int) -> bytes:
        """See `Line`."""
        with _told(self._url):
            return bytes(self._port.read(wanted_bytes))

    def write(self, data: bytes) -> None:
        """See `Line`."""
        with _told(self._url):
            self._port.write(data)


@contextlib.contextmanager
def open_line(url: str, baud: int) -> Iterator[SerialLine]:
    """Open a line for as long as the block lasts.

    Raises:
        RunError: there is no such line, it is in use or not allowed, or it broke off.
    """
    import serial

    with _told(url):
        port = serial.serial_for_url(url, baudrate=baud, timeout=SLICE_S, do_not_open=True)
        if not url.startswith("rfc2217:"):  # which knows no such limit
            port.write_timeout = _WRITE_TIMEOUT_S
        if "://" not in url:
            port.exclusive = True
        port.open()
    try:
        yield SerialLine(port, url)
    finally:
        with contextlib.suppress(Exception):
            port.close()


@contextlib.contextmanager
def _told(url: str) -> Iterator[None]:
    """Whatever goes wrong with a line ends in one clear error."""
    import serial

    try:
        yield
    except serial.SerialTimeoutException as error:
        raise RunError(f"serial line {url}: nothing could be sent for {_WRITE_TIMEOUT_S:g} s; is the board powered and running?") from error
    except (OSError, ValueError, EOFError, serial.SerialException) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise RunError(f"serial line {url}: {said}{_cure(url, said)}") from error


def _cure(url: str, said: str) -> str:
    """What helps against the errors that people meet."""
    if "Permission denied" in said:
        return "; add yourself to the group of the device (on Debian: sudo usermod -aG dialout $USER) and log in again"
    if "exclusively lock" in said or "busy" in said.lower():
        return "; another program has it open: close that one"
    if "No such file" in said or "could not open port" in said:
        return "; is the board plugged in? `python -m serial.tools.list_ports` lists what is there"
    if "disconnected" in said or "Input/output error" in said or "Bad file descriptor" in said:
        return "; the cable was pulled, or the program at the other end has ended"
    return "; is the other end there?" if "://" in url else ""

"""What is plugged into this computer: the boards of the hardware map, and serial ports whose USB numbers are those of a known adapter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from edgecomp.boards.hardware_map import HardwareMap, MappedBoard, find_map


@dataclass(frozen=True)
class Adapter:
    """A USB device that carries a board's serial line."""

    name: str
    vendor: int
    products: tuple[int, ...]
    """Empty: any product of the vendor."""
    boards: tuple[str, ...]
    """Boards that have it built in."""


# Numbers: usb.ids of linux-usb.org, and 60-openocd.rules and pyOCD's probe tables for the debug probes.
ADAPTERS: Final = (
    Adapter("ST-LINK", 0x0483, (0x374B, 0x374E, 0x374F, 0x3752, 0x3753, 0x3754), ("nucleo_f446re", "nucleo_l4r5zi")),
    Adapter("DAPLink", 0x0D28, (0x0204,), ("microbit",)),
    Adapter("J-Link", 0x1366, (), ("nrf52840dk", "hifive1")),
    Adapter("CP210x", 0x10C4, (0xEA60,), ("esp32c3_devkit",)),
    Adapter("Raspberry Pi Debug Probe", 0x2E8A, (0x000C, 0x0004), ()),
    Adapter("FTDI", 0x0403, (), ()),
    Adapter("CH340", 0x1A86, (), ()),
)
"""Adapters by their USB numbers; the more particular first."""


@dataclass(frozen=True)
class SerialPort:
    """A serial port of this computer, as the system describes it."""

    device: str
    description: str
    vendor: int | None = None
    product: int | None = None
    serial_number: str = ""

    @property
    def adapter(self) -> Adapter | None:
        """What it is, where its numbers are known."""
        for adapter in ADAPTERS:
            if self.vendor == adapter.vendor and (not adapter.products or self.product in adapter.products):
                return adapter
        return None


@dataclass(frozen=True)
class Connection:
    """A board or port that is, or should be, plugged in."""

    port: str
    """Its URL or device."""
    board: str
    """Its name in the map; empty where the map does not know the port."""
    candidates: tuple[str, ...]
    """Where the map does not know it: the boards that it may be."""
    found: bool
    """Whether the port is there; URLs of other computers count as there."""
    description: str


def list_ports() -> tuple[SerialPort, ...]:
    """The serial ports with USB numbers, and any other that is named, sorted by device."""
    from serial.tools import list_ports as system

    ports = [_of_system(port) for port in system.comports()]
    return tuple(sorted((port for port in ports if port.vendor is not None), key=lambda port: port.device))


def find_connections(hardware_map: HardwareMap, ports: Sequence[SerialPort]) -> tuple[Connection, ...]:
    """The map's boards first, then ports of known adapters that the map does not name."""
    mapped = [_of_map(board, ports) for board in hardware_map.boards]
    taken = {connection.port for connection in mapped}
    return (*mapped, *_unmapped(port for port in ports if port.device not in taken))


def find_places(name: str, map_file: str | None) -> tuple[MappedBoard, ...]:
    """The boards of a kind that the hardware map knows, each with its port, which may be found by its probe; without one it is left out.

    Raises:
        TargetError: the map is missing or out of form.
    """
    mapped = find_map(map_file).of(name)
    ports = list_ports() if any(not board.port for board in mapped) else ()
    places = [replace(board, port=_of_map(board, ports).port) for board in mapped]
    return tuple(place for place in places if place.port)


def _of_map(board: MappedBoard, ports: Sequence[SerialPort]) -> Connection:
    port = next((port for port in ports if _is_at(board, port)), None)
    is_url = "://" in board.port
    description = port.description if port else "not a port of this computer" if is_url else "not plugged in"
    return Connection(port.device if port else board.port, board.name, (), port is not None or is_url, description)


def _is_at(board: MappedBoard, port: SerialPort) -> bool:
    """By its port; by its probe where the map says no port, as ports may change their names."""
    return port.device == board.port if board.port else bool(board.probe) and port.serial_number == board.probe


def _unmapped(ports: Iterable[SerialPort]) -> Iterable[Connection]:
    for port in ports:
        adapter = port.adapter
        if adapter:
            yield Connection(port.device, "", adapter.boards, True, adapter.name)


def _of_system(port: Any) -> SerialPort:
    return SerialPort(port.device, port.description or "", port.vid, port.pid, port.serial_number or "")

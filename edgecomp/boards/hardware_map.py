"""Which boards are plugged in where: a hardware map, ours in TOML or the one of Zephyr's twister in YAML.

    # boards.toml
    [[board]]
    name = "nucleo_f446re"            # as `edgecomp boards` lists it, or the path of a board folder
    port = "/dev/ttyACM0"             # any pyserial URL
    probe = "066BFF495177514867232828"    # serial number of the debug probe, where more than one is plugged in
    baud = 115200                     # where it is not the board's own

A twister map (docs.zephyrproject.org, "Test Runner", section "Hardware map") is a list of boards with `platform`, `serial`, `id` and
`baud`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgecomp.errors import TargetError

MAP_FILE: Final = "boards.toml"
ZEPHYR_NAMES: Final[Mapping[str, str]] = {
    "bbc_microbit": "microbit",
    "esp32c3_devkitc": "esp32c3_devkit",
    "esp32c3_devkitm": "esp32c3_devkit",
    "hifive1_revb": "hifive1",
    "nrf52840dk_nrf52840": "nrf52840dk",
    "rpi_pico": "rp2040_pico",
    "rpi_pico2": "rp2350_pico2",
    "rpi_pico2/rp2350a/hazard3": "rp2350_pico2_riscv",
}
"""Zephyr's names of boards where ours differ, with the qualifiers behind the name only where they matter."""
_KEYS: Final[Mapping[str, type]] = {"name": str, "port": str, "probe": str, "baud": int}


@dataclass(frozen=True)
class MappedBoard:
    """One board on the desk."""

    name: str
    """As `edgecomp boards` lists it, or the path of a board folder."""
    port: str
    """URL of its serial port, as pyserial takes them; empty where the map says none."""
    probe: str = ""
    """Serial number of its debug probe; empty where the map says none."""
    baud: int | None = None
    """Rate of its serial line where it is not the board's own."""


@dataclass(frozen=True)
class HardwareMap:
    """The boards of one map file."""

    file: Path | None
    """None where there is no map."""
    boards: tuple[MappedBoard, ...] = ()

    def of(self, name: str) -> tuple[MappedBoard, ...]:
        """All boards of a kind, in the order of the file; a board outside the project goes by the name of its folder."""
        return tuple(board for board in self.boards if Path(board.name).name == name)


def line_speed(places: Sequence[MappedBoard], default_baud: int) -> int:
    """The baud rate of boards that run one firmware.

    Raises:
        TargetError: the map has them at different rates.
    """
    speeds = {place.baud or default_baud for place in places} or {default_baud}
    if len(speeds) > 1:
        said = " and ".join(map(str, sorted(speeds)))
        raise TargetError(f"the hardware map has boards {places[0].name} at {said} baud, and one firmware has one speed: give --baud")
    return speeds.pop()


def find_map(explicit: str | os.PathLike[str] | None = None) -> HardwareMap:
    """The map at `explicit`, else `boards.toml` in this folder, else the user's; an empty one where there is none.

    Raises:
        TargetError: `explicit` is missing, or a map is out of form.
    """
    if explicit is not None:
        return load_map(explicit)
    for file in (Path(MAP_FILE), user_map_file()):
        if file.is_file():
            return load_map(file)
    return HardwareMap(None)


def user_map_file() -> Path:
    """Where a user keeps a map for all projects (XDG Base Directory Specification)."""
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    folder = Path(configured) if os.path.isabs(configured) else Path.home() / ".config"
    return folder / "edgecomp" / MAP_FILE


def load_map(path: str | os.PathLike[str]) -> HardwareMap:
    """Read a map; `.yml` and `.yaml` are twister's, all else is ours.

    Raises:
        TargetError: the file is missing or out of form; the message names the entry, the key and what is allowed.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise TargetError(f"hardware map {file}: cannot be read: {reason}") from error
    boards = _from_twister(file, text) if file.suffix in (".yml", ".yaml") else _from_toml(file, text)
    ports = [board.port for board in boards if board.port]
    for port in ports:
        if ports.count(port) > 1:
            raise TargetError(f'hardware map {file}: two boards have the port "{port}"; each needs its own')
    return HardwareMap(file, tuple(boards))


def _from_toml(file: Path, text: str) -> list[MappedBoard]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TargetError(f"hardware map {file}: not valid TOML: {error}") from error
    unknown = [key for key in document if key != "board"]
    entries = document.get("board", [])
    if unknown or not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        found = f'the key "{unknown[0]}"' if unknown else "board that is no list"
        raise TargetError(f"hardware map {file}: has {found}; allowed are [[board]] sections with {', '.join(_KEYS)}")
    return [_checked(file, number, entry) for number, entry in enumerate(entries, start=1)]


def _checked(file: Path, number: int, entry: Mapping[str, Any]) -> MappedBoard:
    where = f"hardware map {file}: board {number}"
    for key, value in entry.items():
        if key not in _KEYS:
            raise TargetError(f'{where} has the key "{key}"; allowed: {", ".join(_KEYS)}')
        if not isinstance(value, _KEYS[key]) or isinstance(value, bool):
            raise TargetError(f"{where}: {key} is {value!r}; it must be {'a whole number' if _KEYS[key] is int else 'a string'}")
    if not entry.get("name"):
        raise TargetError(f'{where} has no name; add name = "BOARD", as `edgecomp boards` lists it')
    if entry.get("baud", 1) <= 0:
        raise TargetError(f"{where}: baud is {entry['baud']}; it must be positive")
    return MappedBoard(entry["name"], entry.get("port", ""), entry.get("probe", ""), entry.get("baud"))


def _from_twister(file: Path, text: str) -> list[MappedBoard]:
    import yaml

    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise TargetError(f"hardware map {file}: not valid YAML: {' '.join(str(error).split())}") from error
    entries: Sequence[Any] = document or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise TargetError(f"hardware map {file}: is no list of boards, as twister --generate-hardware-map writes it")
    return [_of_twister(file, number, entry) for number, entry in enumerate(entries, start=1) if entry.get("connected", True)]


def _of_twister(file: Path, number: int, entry: Mapping[str, Any]) -> MappedBoard:
    platform = entry.get("platform")
    if not isinstance(platform, str) or not platform:
        raise TargetError(f"hardware map {file}: board {number} has no platform; write its name there, as `edgecomp boards` lists it")
    short = platform.partition("/")[0]
    name = ZEPHYR_NAMES.get(platform) or ZEPHYR_NAMES.get(short) or short
    baud = entry.get("baud")
    rate = baud if isinstance(baud, int) and baud > 0 else None
    return MappedBoard(name, str(entry.get("serial") or ""), str(entry.get("id") or ""), rate)

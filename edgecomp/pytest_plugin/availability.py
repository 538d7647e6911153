"""Whether a board can be tested on here, where it is plugged in, and what it counts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from edgecomp.doctor import board_status, install_command
from edgecomp.pytest_plugin.settings import Settings
from edgecomp.target import Target

if TYPE_CHECKING:
    from edgecomp.boards.hardware_map import MappedBoard

SERIAL_RUNNER: Final = "serial"


def on_a_desk(target: Target, settings: Settings) -> bool:
    """Whether the board is a real one, reached by its port."""
    return target.runner == SERIAL_RUNNER and not settings.emulate


def counted(target: Target, settings: Settings) -> str:
    """What the board counts; an emulator counts instructions."""
    return "instructions" if target.runner == SERIAL_RUNNER and settings.emulate else target.counter


def what_is_missing(target: Target, settings: Settings, places: Sequence[MappedBoard]) -> str | None:
    """Why tests cannot run on the board here; None where they can."""
    if settings.transport and settings.transport not in target.transports:
        return f"board {target.name} is not reached by {settings.transport}, only by {', '.join(target.transports)}"
    desk = on_a_desk(target, settings)
    status = board_status(target)
    missing = [tool for tool in status.missing if tool != target.emulator or not desk]
    if missing:
        return f"board {target.name} needs {', '.join(missing)}, which is not installed: {install_command(status.debian_packages)}"
    if not desk:
        return f"no emulator models board {target.name}" if target.runner == SERIAL_RUNNER and not target.emulator else None
    if not places:
        return f"board {target.name} has no port: give --edgecomp-port {target.name}=PORT, --edgecomp-map FILE or --edgecomp-emulate"
    if any("://" in place.port or os.path.exists(place.port) for place in places):
        return None
    return f"board {target.name} is not plugged in: {', '.join(place.port for place in places)} is not there"


def places_of(target: Target, settings: Settings) -> list[MappedBoard]:
    """Where boards of this kind are plugged in: the ports of the options, with what the hardware map knows of them, else the map's.

    Raises:
        TargetError: the map is missing or out of form.
    """
    from edgecomp.boards.connected import find_places
    from edgecomp.boards.hardware_map import MappedBoard

    if not on_a_desk(target, settings):
        return []
    mapped = find_places(target.name, None if settings.hardware_map is None else str(settings.hardware_map))
    given = [port for board, port in settings.ports if board in (None, target.name)]
    known = {place.port: place for place in mapped}
    return [known.get(port, MappedBoard(target.name, port)) for port in given] if given else list(mapped)

"""Whether a board can be tested on here, and how it is reached."""

from __future__ import annotations

import os

from edgecomp.doctor import board_status, install_command
from edgecomp.pytest_plugin.settings import Settings
from edgecomp.target import Target

SERIAL_RUNNER = "serial"


def what_is_missing(target: Target, settings: Settings) -> str | None:
    """Why tests cannot run on the board here; None where they can."""
    status = board_status(target)
    emulated = settings.emulate or target.runner != SERIAL_RUNNER
    missing = [tool for tool in status.missing if tool != target.emulator or emulated]
    if missing:
        return f"board {target.name} needs {', '.join(missing)}, which is not installed: {install_command(status.debian_packages)}"
    if emulated:
        return None if target.emulator or not settings.emulate or target.name == "host" else f"no emulator models board {target.name}"
    ports = ports_of(target, settings)
    if not ports:
        return f"board {target.name} has no port: give --edgecomp-port {target.name}=PORT or --edgecomp-map FILE, or --edgecomp-emulate"
    absent = [port for port in ports if "://" not in port and not os.path.exists(port)]
    return f"board {target.name} is not plugged in: {', '.join(absent)} is not there" if len(absent) == len(ports) else None


def ports_of(target: Target, settings: Settings) -> list[str]:
    """Where boards of this kind are plugged in, by the options, else by the hardware map."""
    return [port for board, port in settings.ports if board in (None, target.name)]

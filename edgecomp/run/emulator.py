"""QEMU: where it is, and the options that keep it quiet."""

import shutil
from typing import Final

from edgecomp.errors import ToolError
from edgecomp.target import Target

QUIET: Final = ("-display", "none", "-monitor", "none", "-parallel", "none", "-nic", "none")


def find_emulator(target: Target) -> str:
    """Path of the emulator that is the board, or models it.

    Raises:
        ToolError: it is not installed; names its Debian package.
    """
    found = shutil.which(target.emulator) if target.emulator else None
    if not found:
        package = target.emulator_debian_package
        cure = f"on Debian or Ubuntu: sudo apt-get install {package}" if package else "install it and put it on PATH"
        raise ToolError(f"board {target.name} needs {target.emulator or 'an emulator'}, which is not installed; {cure}")
    return found

"""Writing a board's flash with the program that its board.toml names in one line.

The line is split as a shell would (without running one), placeholders are filled in, and a part in brackets is left out where its
placeholder is not known: `pyocd flash --target nrf51 [--uid {probe}] {elf}`.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgecomp.artifacts import write_atomically
from edgecomp.boards.images import Image, read_image
from edgecomp.errors import TargetError, ToolError
from edgecomp.processes import call
from edgecomp.target import BOARD_FILE, Target

FLASH_TIMEOUT_S: Final = 300.0
"""Longest time a flash program may take: megabytes over a slow serial port take minutes."""
_PLACEHOLDER: Final = re.compile(r"{(\w+)}")
_OPTIONAL_PART: Final = re.compile(r"\[([^\]]*)\]")
_HOW_TO_TELL: Final = {
    "port": "give --port, such as --port /dev/ttyUSB0, or name the board's port in the hardware map",
    "probe": "give --probe with the debug probe's serial number, or name it in the hardware map",
}


@dataclass(frozen=True)
class Flashing:
    """A command that writes a program to a board, ready to be run."""

    target: Target
    command: tuple[str, ...]
    images: Mapping[Path, str]
    """Files the command reads beside the ELF file, each with its form: "bin", "hex" or "uf2"."""
    elf: Path

    def __str__(self) -> str:
        return shlex.join(self.command)


def plan_flashing(target: Target, elf: Path, port: str | None = None, probe: str | None = None) -> Flashing:
    """The command for a board and a program; image files lie beside the program.

    `port` is the board's serial port, `probe` the serial number of its debug probe.

    Raises:
        TargetError: the board says no command, or the command needs what was not given.
    """
    file = target.directory / BOARD_FILE
    if not target.flash_command:
        raise TargetError(
            f'{file}: the board has no flash.command; add a line such as command = "pyocd flash --target CHIP {{elf}}" to [flash]'
        )
    values: dict[str, str] = {form: str(elf.with_suffix(f".{form}")) for form in IMAGE_FORMS} | {"elf": str(elf)}
    values |= {name: value for name, value in (("port", port), ("probe", probe)) if value}
    line = _OPTIONAL_PART.sub(lambda part: part[1] if values.keys() >= set(_PLACEHOLDER.findall(part[1])) else "", target.flash_command)
    for name in _PLACEHOLDER.findall(line):
        if name not in values:
            raise TargetError(f"flashing {target.name} needs its {name}: {_HOW_TO_TELL[name]}")
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise TargetError(f"{file}: flash.command is {target.flash_command!r}: {error}; close every quotation mark") from None
    command = tuple(_PLACEHOLDER.sub(lambda part: values[part[1]], word) for word in words)
    used = [form for form in IMAGE_FORMS if f"{{{form}}}" in line]
    return Flashing(target, command, {Path(values[form]): form for form in used}, elf)


def flash(flashing: Flashing, timeout_s: float = FLASH_TIMEOUT_S) -> str:
    """Write the images, run the command to its end and return what it said.

    Raises:
        ToolError: the program is missing (the message says how to get it), failed or took longer than `timeout_s`.
        OutputError: an image cannot be written.
    """
    program = find_program(flashing)
    for path, form in flashing.images.items():
        write_atomically(path, image_content(read_image(flashing.elf), form, flashing.target))
    done = call([program, *flashing.command[1:]], timeout_s=timeout_s)
    said = (done.stdout + done.stderr).strip()
    if done.returncode != 0:
        last = "\n".join(said.splitlines()[-8:]) or "it said nothing"
        failed = f"{flashing.command[0]} could not write {flashing.target.name} (exit code {done.returncode})"
        cure = "is the board plugged in, powered and free of other programs?"
        raise ToolError(f"{failed}; {cure} The command was: {flashing}\nIts last words:\n{last}")
    return said


def find_program(flashing: Flashing) -> str:
    """Path of the flash program: on PATH, or beside this Python, where `pip install` puts it.

    Raises:
        ToolError: it is not installed; the message says how to get it.
    """
    name = flashing.command[0]
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if not found:
        how = flashing.target.flash_install or "install it and put it on PATH"
        raise ToolError(f"flashing {flashing.target.name} needs {name}, which is not installed; {how}")
    return found


def image_content(image: Image, form: str, target: Target) -> bytes:
    """The bytes of an image file of one of IMAGE_FORMS.

    Raises:
        TargetError: UF2 is asked for and the board names no family.
        ToolError: the program does not fit the form.
    """
    return IMAGE_FORMS[form](image, target)


def _uf2(image: Image, target: Target) -> bytes:
    if not target.uf2_family:
        raise TargetError(f"{target.directory / BOARD_FILE}: the board has no flash.uf2_family, so it takes no UF2; allowed: bin, hex")
    return image.to_uf2(target.uf2_family)


IMAGE_FORMS: Final[Mapping[str, Callable[[Image, Target], bytes]]] = {
    "bin": lambda image, _: image.to_bin(),
    "hex": lambda image, _: image.to_hex().encode(),
    "uf2": _uf2,
}
"""Suffix of an image file -> what makes it."""

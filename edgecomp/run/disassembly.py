"""The program's instructions by address, as the toolchain's objdump prints them."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from edgecomp.errors import ToolError
from edgecomp.processes import call

_LINE: Final = re.compile(r"^\s*([0-9a-f]+):\t(\S+)\t?(.*)$")
_COMMENT: Final = re.compile(r"(^|\s)[@;#] .*$|\s*<[^>]*>")  # a remark, or the symbol behind an address


@dataclass(frozen=True)
class Instruction:
    """One instruction in assembly language."""

    mnemonic: str
    """Without a width suffix such as ".w"."""
    operands: str


@dataclass(frozen=True)
class Disassembly:
    """All instructions of a program."""

    instructions: Mapping[int, Instruction]
    following: Mapping[int, int]
    """Address -> address of the next instruction in memory."""

    def block(self, address: int, count: int) -> list[Instruction]:
        """`count` instructions from `address` on; fewer where the program's text ends."""
        found: list[Instruction] = []
        at: int | None = address
        while at is not None and len(found) < count and at in self.instructions:
            found.append(self.instructions[at])
            at = self.following.get(at)
        return found


def disassemble(elf: Path, toolchain_prefix: str) -> Disassembly:
    """Disassemble a program.

    Raises:
        ToolError: objdump is missing or failed.
    """
    objdump = shutil.which(f"{toolchain_prefix}objdump")
    if not objdump:
        raise ToolError(f"{toolchain_prefix}objdump is not installed; it comes with the board's compiler")
    command = [objdump, "-d", "-z", "--no-show-raw-insn", str(elf)]
    result = call(command)
    if result.returncode != 0:
        raise ToolError(f"{objdump} failed on {elf}: {result.stderr.strip()}")
    instructions = {}
    for line in result.stdout.splitlines():
        found = _LINE.match(line)
        if found:
            mnemonic = re.sub(r"\.[wn]$", "", found[2])
            instructions[int(found[1], 16)] = Instruction(mnemonic, _COMMENT.sub("", found[3]).strip())
    addresses = sorted(instructions)
    return Disassembly(instructions, dict(pairwise(addresses)))

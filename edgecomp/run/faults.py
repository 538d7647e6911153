"""What firmware and emulators say when they end."""

import re
from pathlib import Path
from typing import Final

from edgecomp.elf import ElfFile

_QEMU_ERROR: Final = r"^qemu-system-[\w-]+: (?!.*(info|warning):|terminating)"


def with_function(said: str, elf: Path) -> str:
    """A fault's line, with the name of the function it happened in."""
    faulting_pc = re.match(r"fault: .* at pc 0x([0-9a-f]+)", said)
    if not faulting_pc:
        return said
    return f"{said} in {ElfFile(elf).function_at(int(faulting_pc[1], 16)) or 'no known function'}"


def telling_line(log: str) -> str:
    """The line that says what went wrong: a fault, a sanitizer's finding, or the last one."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    for pattern in (r"^fault:", r"runtime error:", r"ERROR: \w+Sanitizer", r"^harness:", _QEMU_ERROR):
        for line in lines:
            if re.search(pattern, line):
                return line
    return lines[-1] if lines else ""

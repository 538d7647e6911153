"""A chip of which only the core is emulated (by Unicorn): its registers are a table, its boot what the manual says the boot ROM does.

It proves what a reading of C cannot: that a program starts from its flash image, that each register it touches is one the test knows, and
what stands in them in the end. It proves nothing about silicon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edgecomp.boards.images import Image, read_image
from edgecomp.target import load_target

unicorn = pytest.importorskip("unicorn", reason="pip install unicorn: emulates cores of boards that no emulator models")
from unicorn import riscv_const  # noqa: E402
from unicorn.arm_const import (  # noqa: E402
    UC_ARM_REG_MSP,
    UC_ARM_REG_PC,
    UC_CPU_ARM_CORTEX_M0,
    UC_CPU_ARM_CORTEX_M4,
    UC_CPU_ARM_CORTEX_M33,
)

PAGE_BYTES = 4096
RUN_INSTRUCTIONS = 25_000
"""Enough to come from reset to the end of the greeting, with waits of 50 reads."""
SYST_CVR = 0xE000E018
ARM_CORES = {"cortex-m0": UC_CPU_ARM_CORTEX_M0, "cortex-m0plus": UC_CPU_ARM_CORTEX_M0, "cortex-m4": UC_CPU_ARM_CORTEX_M4}
ARM_CORES["cortex-m33"] = UC_CPU_ARM_CORTEX_M33
CSR_INSTRUCTION = 0x73
MCOUNTINHIBIT = 0x320


@dataclass
class Registers:
    """The registers of a chip by address. One that is in none of the tables may not be touched."""

    plain: Mapping[int, int]
    """Address -> value at reset; keeps what is written."""
    ready: Mapping[int, int | Callable[[Mapping[int, int]], int]] = field(default_factory=dict)
    """Address -> bits that read as one whatever was written, such as of an oscillator that runs; or what tells them from the others."""
    transmit: int = 0
    """Where a byte to send is written."""
    receive: Callable[[int, int], int | None] = lambda address, waiting: None
    """(address, bytes waiting) -> what a register of the receiver reads, None for a register that is none."""
    on_write: Callable[[int, int], None] = lambda address, value: None


class Chip:
    """One chip with a program in its flash."""

    def __init__(self, board: str, elf: Path, registers: Registers) -> None:
        self.target = load_target(board)
        self.image = read_image(elf)
        self.registers = registers
        self.values = dict(registers.plain)
        self.sent = bytearray()
        self.line = bytearray()
        """Bytes on their way to the chip."""
        self.ticks = 0
        """Of SysTick, one a read."""
        self.strangers: list[str] = []
        """Accesses to registers that are in no table."""
        arm = self.target.core in ARM_CORES
        architecture = unicorn.UC_ARCH_ARM if arm else unicorn.UC_ARCH_RISCV
        self.core = unicorn.Uc(architecture, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS if arm else unicorn.UC_MODE_RISCV32)
        if arm:
            self.core.ctl_set_cpu_model(ARM_CORES[self.target.core])
        self._map_registers()

    def memory(self, address: int, size: int, content: bytes = b"") -> None:
        """Map memory, filled with rubbish behind `content`."""
        self.core.mem_map(address, size)
        self.core.mem_write(address, content + b"\xa5" * (size - len(content)))

    def start_arm(self, stack_pointer: int, entry: int) -> None:
        """As a Cortex-M comes out of reset."""
        assert entry & 1, "the reset vector is not a Thumb address"
        self.core.reg_write(UC_ARM_REG_MSP, stack_pointer)
        self._run(entry)

    def start_riscv(self, entry: int) -> None:
        self.core.hook_add(unicorn.UC_HOOK_CODE, self._skip_unknown_csr)
        self._run(entry)

    def proceed(self) -> None:
        """Run on from where it stopped."""
        self._run(self.program_counter())

    def _run(self, start: int) -> None:
        self.core.emu_start(start, 0, count=RUN_INSTRUCTIONS)

    def program_counter(self) -> int:
        """Where it runs on; odd on Arm."""
        if self.target.core in ARM_CORES:
            return int(self.core.reg_read(UC_ARM_REG_PC)) | 1
        return int(self.core.reg_read(riscv_const.UC_RISCV_REG_PC))

    def _map_registers(self) -> None:
        addresses = [*self.registers.plain, *self.registers.ready, self.registers.transmit]
        for page in sorted({address & -PAGE_BYTES for address in addresses}):
            self.core.mmio_map(page, PAGE_BYTES, self._read, page, self._write, page)

    def _read(self, _: Any, offset: int, size: int, page: int) -> int:
        address = page + offset
        if address == SYST_CVR:
            self.ticks += 1
            return 0xFFFFFF - self.ticks % 0xFFFFFF
        received = self.registers.receive(address, len(self.line))
        if received is not None:
            return self._take(received)
        if address not in self.values and address not in self.registers.ready:
            self.strangers.append(f"read of 0x{address:08x}")
        ready = self.registers.ready.get(address, 0)
        return (self.values.get(address, 0) | (ready if isinstance(ready, int) else ready(self.values))) & 0xFFFFFFFF

    def _take(self, received: int) -> int:
        """A negative number stands for the next byte on the line, which it takes."""
        if received >= 0:
            return received
        return self.line.pop(0) if self.line else 0

    def _write(self, _: Any, offset: int, size: int, value: int, page: int) -> None:
        address = page + offset
        if size != 4:
            self.strangers.append(f"write of {size} bytes to 0x{address:08x}")
        if address == self.registers.transmit:
            self.sent.append(value & 0xFF)
        elif address in self.values:
            self.values[address] = value
        else:
            self.strangers.append(f"write of 0x{value:x} to 0x{address:08x}")
        self.registers.on_write(address, value)

    def _skip_unknown_csr(self, core: Any, address: int, size: int, _: Any) -> None:
        """Registers that Unicorn's core does not have: mcountinhibit, and from 0x7C0 on those of a chip's own."""
        word = int.from_bytes(core.mem_read(address, 4), "little") if size == 4 else 0
        if word & 0x7F == CSR_INSTRUCTION and (word >> 20 == MCOUNTINHIBIT or 0x7C0 <= word >> 20 < 0x800):
            core.reg_write(riscv_const.UC_RISCV_REG_PC, address + 4)


def flash_content(image: Image, address: int, size: int) -> bytes:
    """What flash mapped at `address` holds; `image` begins there or above."""
    content = image.to_bin()
    lead = image.address - address
    assert lead >= 0 and lead + len(content) <= size
    return b"\xff" * lead + content

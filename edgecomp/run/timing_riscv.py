"""Timing of two in-order RV32 cores, by their manuals.

- Hazard3 (RP2350): Hazard3 documentation, section "Instruction Cycle Counts": one cycle an instruction; a load delays the next
  instruction by one cycle if that computes with its result (not if it stores it); taken branches and jumps two cycles; division 18.
  The figures are for MULDIV_UNROLL=2, MUL_FAST and MULH_FAST.
- SiFive E31: E31 Core Complex Manual, chapter 3 "E31 RISC-V Core", section "Execution Pipeline": result latency of LW two cycles, of LH,
  LHU, LB and LBU three, of multiplication five (one at a time), of division 2 to 33; correctly predicted branches cost nothing.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from edgecomp.run.disassembly import Instruction
from edgecomp.run.timing import ZERO_WAIT_STATES, BlockCycles

_REGISTER: Final = re.compile(r"\b(zero|ra|sp|gp|tp|fp|a[0-7]|s1[01]|s[0-9]|t[0-6])\b")
_BRANCH: Final = re.compile(r"(c\.)?b(eq|ne|lt|ge|gt|le)u?z?")
_JUMP: Final = re.compile(r"(c\.)?(j|jal|jr|jalr|ret|call|tail)")
_STORE: Final = re.compile(r"(c\.)?s[bhw](sp)?")
_NARROW_LOADS: Final = ("lb", "lbu", "lh", "lhu")
_MULTIPLIES: Final = ("mul", "mulh", "mulhu", "mulhsu")
_DIVIDES: Final = ("div", "divu", "rem", "remu")


@dataclass(frozen=True)
class Rv32InOrder:
    """One instruction a cycle, held up where an operand is not ready or a unit is busy."""

    name: str
    note: str
    taken_extra: int
    """Cycles a taken branch or jump adds."""
    store_data_late: bool
    """The datum of a store is read a stage later than an operand."""
    result_latency: Mapping[str, int] = field(default_factory=dict)
    """Mnemonic -> cycles after which the result can be used; 1 where absent."""
    busy: Mapping[str, int] = field(default_factory=dict)
    """Mnemonic -> cycles for which nothing else is issued; 1 where absent."""

    def block_cycles(self, block: Sequence[Instruction]) -> BlockCycles:
        """See `TimingModel`. Results still outstanding at the end of the block are taken as ready in the next."""
        now = 0
        ready: dict[str, int] = {}
        multiplier_free = 0
        for instruction in block:
            mnemonic = instruction.mnemonic.removeprefix("c.")
            start = max([now, *(ready.get(register, 0) for register in self._needed(instruction))])
            latency = self.result_latency.get(mnemonic, 1)
            if mnemonic in _MULTIPLIES:
                start = max(start, multiplier_free)
                multiplier_free = start + latency
            for register in _written(instruction):
                ready[register] = start + latency
            now = start + self.busy.get(mnemonic, 1)
        branches = bool(block) and (_BRANCH.fullmatch(block[-1].mnemonic) or _JUMP.fullmatch(block[-1].mnemonic))
        return BlockCycles(now, self.taken_extra if branches else 0)

    def _needed(self, instruction: Instruction) -> list[str]:
        """Registers that must be ready when the instruction starts."""
        registers = _REGISTER.findall(instruction.operands)
        if _STORE.fullmatch(instruction.mnemonic):
            return registers[1:] if self.store_data_late else registers
        return registers[len(_written(instruction)) :]


def _written(instruction: Instruction) -> list[str]:
    mnemonic = instruction.mnemonic
    if _STORE.fullmatch(mnemonic) or _BRANCH.fullmatch(mnemonic) or _JUMP.fullmatch(mnemonic):
        return []
    return _REGISTER.findall(instruction.operands)[:1]


_LOADS: Final = ("lw", "lwsp", *_NARROW_LOADS)

HAZARD3: Final = Rv32InOrder(
    name="hazard3",
    note=(
        "Hazard3 documentation, section Instruction Cycle Counts (MULDIV_UNROLL=2, MUL_FAST, MULH_FAST), without its branch predictor. "
        f"{ZERO_WAIT_STATES}"
    ),
    taken_extra=1,
    store_data_late=True,
    result_latency=dict.fromkeys(_LOADS, 2),
    busy=dict.fromkeys(_DIVIDES, 18),
)
E31: Final = Rv32InOrder(
    name="e31",
    note=(
        "SiFive E31 Core Complex Manual, section Execution Pipeline, with every branch predicted and division in 17 cycles. "
        f"{ZERO_WAIT_STATES}"
    ),
    taken_extra=0,
    store_data_late=False,
    result_latency={"lw": 2, "lwsp": 2, **dict.fromkeys(_NARROW_LOADS, 3), **dict.fromkeys(_MULTIPLIES, 5), **dict.fromkeys(_DIVIDES, 17)},
    busy=dict.fromkeys(_DIVIDES, 17),
)

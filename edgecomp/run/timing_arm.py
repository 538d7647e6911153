"""Timing of Cortex-M cores without caches, by Arm's Technical Reference Manuals (TRM).

- Cortex-M0+ TRM r0p1, section 3.3 "Instruction set summary", table 3-1; the multiplier is the one-cycle option.
- Cortex-M3 TRM r2p1, section 3.3.1, table 3-1, and 3.3.2 "Load/store timings".
- Cortex-M4 TRM r0p1, section 3.3.1, table 3-1, 3.3.2 "Load/store timings", and 7.2.3 "FPU instruction set", table 7-1.

Where a table gives a range, the value taken is named at its constant. Not modelled: the extra cycle of an address that depends on
the instruction before it (3.3.2), unaligned access and targets, folding of IT, and anything across the edge of a block.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edgecomp.run.disassembly import Instruction
from edgecomp.run.timing import ZERO_WAIT_STATES, BlockCycles

_PIPELINE_REFILL: Final = 2
"""P of the M3 and M4 tables: 1 to 3."""
_DIVIDE: Final = 7
"""SDIV and UDIV of the M3 and M4: 2 to 12, by their operands."""
_M3_LONG_MULTIPLY: Final = 4
"""SMULL and UMULL of the M3: 3 to 5."""
_M3_LONG_MULTIPLY_ACCUMULATE: Final = 5
"""SMLAL and UMLAL of the M3: 4 to 7."""
_FLOAT_DIVIDE: Final = 14
_FLOAT_MULTIPLY_ACCUMULATE: Final = 3

_CONDITION: Final = "(eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)"
_BRANCH: Final = re.compile(rf"b{_CONDITION}?|(bl|bx|blx){_CONDITION}?|cbn?z|tb[bh]")
_CALL: Final = re.compile(rf"bl{_CONDITION}?")
_MULTIPLE: Final = re.compile(r"push|pop|ldm|stm|vpush|vpop|vldm|vstm")
_SINGLE_LOAD: Final = re.compile(r"ldr(?!d|ex)")
_SINGLE_STORE: Final = re.compile(r"str(?!d|ex)")


@dataclass(frozen=True)
class CortexM0Plus:
    """Cortex-M0+: two-stage pipeline, no load is hidden."""

    name: str = "cortex-m0plus"
    note: str = f"Cortex-M0+ TRM r0p1 table 3-1 with the one-cycle multiplier. {ZERO_WAIT_STATES}"

    def block_cycles(self, block: Sequence[Instruction]) -> BlockCycles:
        """See `TimingModel`."""
        base = sum(self._base(instruction) for instruction in block)
        return BlockCycles(base, self._taken_extra(block[-1]) if block else 0)

    def _base(self, instruction: Instruction) -> int:
        mnemonic = instruction.mnemonic
        if _MULTIPLE.match(mnemonic):
            return 1 + _register_count(instruction.operands)
        if mnemonic.startswith(("ldr", "str")):
            return 2
        if mnemonic in ("mrs", "msr", "dmb", "dsb", "isb"):
            return 3
        return 1

    def _taken_extra(self, last: Instruction) -> int:
        if last.mnemonic == "bl" or (_MULTIPLE.match(last.mnemonic) and _writes_pc(last)):
            return 2
        return 1 if _BRANCH.fullmatch(last.mnemonic) or _writes_pc(last) else 0


@dataclass(frozen=True)
class CortexM3M4:
    """Cortex-M3 and M4: three-stage pipeline; loads and stores that follow a load overlap with it."""

    name: str
    note: str
    fast_multiply: bool
    """The M4's one-cycle multiplier; the M3 needs more for 64 bits and for accumulation."""

    def block_cycles(self, block: Sequence[Instruction]) -> BlockCycles:
        """See `TimingModel`."""
        base = 0
        previous: Instruction | None = None
        for instruction in block:
            base += self._base(instruction, previous)
            previous = instruction
        return BlockCycles(base, self._taken_extra(block[-1]) if block else 0)

    def _base(self, instruction: Instruction, previous: Instruction | None) -> int:
        mnemonic, operands = instruction.mnemonic, instruction.operands
        if mnemonic.startswith("v"):
            return _float_cycles(instruction)
        if _MULTIPLE.match(mnemonic):
            return 1 + _register_count(operands)
        if mnemonic.startswith(("ldrd", "strd")):
            return 3
        if _SINGLE_LOAD.match(mnemonic):
            return 1 if _overlaps(previous, instruction) else 2
        if _SINGLE_STORE.match(mnemonic):
            register_offset = re.search(r"\[\w+, [a-z]", operands) is not None
            return 2 if register_offset and not _overlaps(previous, instruction) else 1
        if mnemonic.startswith(("sdiv", "udiv")):
            return _DIVIDE
        if mnemonic in ("tbb", "tbh", "ldrex", "strex"):
            return 2
        return 1 if self.fast_multiply else _m3_multiply_cycles(mnemonic)

    def _taken_extra(self, last: Instruction) -> int:
        if _SINGLE_LOAD.match(last.mnemonic) and _writes_pc(last):
            return 3  # section 3.3.2: LDR PC takes two cycles and a refill of three
        return _PIPELINE_REFILL if _BRANCH.fullmatch(last.mnemonic) or _writes_pc(last) else 0


def _m3_multiply_cycles(mnemonic: str) -> int:
    if mnemonic.startswith(("smlal", "umlal")):
        return _M3_LONG_MULTIPLY_ACCUMULATE
    if mnemonic.startswith(("smull", "umull")):
        return _M3_LONG_MULTIPLY
    return 2 if mnemonic.startswith(("mla", "mls")) else 1


def _float_cycles(instruction: Instruction) -> int:
    mnemonic, operands = instruction.mnemonic, instruction.operands
    if _MULTIPLE.match(mnemonic):
        return 1 + _register_count(operands)
    if mnemonic.startswith(("vldr", "vstr")):
        return 3 if operands.startswith("d") else 2
    if mnemonic.startswith(("vdiv", "vsqrt")):
        return _FLOAT_DIVIDE
    if re.match(r"v(n?ml[as]|fn?m[as])", mnemonic):
        return _FLOAT_MULTIPLY_ACCUMULATE
    if mnemonic.startswith("vmov") and operands.count(",") >= 2:
        return 2
    return 1


def _overlaps(previous: Instruction | None, instruction: Instruction) -> bool:
    """Section 3.3.2: a load or store right behind a load saves a cycle, unless its address is what was loaded."""
    if previous is None or not _SINGLE_LOAD.match(previous.mnemonic):
        return False
    loaded = previous.operands.split(",")[0]
    address = instruction.operands.partition("[")[2]
    return re.search(rf"\b{re.escape(loaded)}\b", address) is None


def _register_count(operands: str) -> int:
    """Words in a register list such as "sp!, {r4-r7, lr}"; a double-precision register counts as two."""
    inside = operands.partition("{")[2].partition("}")[0]
    count = 0
    for item in inside.split(","):
        low, _, high = item.strip().partition("-")
        numbers = [re.sub(r"\D", "", name) for name in (low, high)]
        registers = int(numbers[1]) - int(numbers[0]) + 1 if all(numbers) else 1
        count += 2 * registers if low.startswith("d") else registers
    return count


def _writes_pc(instruction: Instruction) -> bool:
    if "{" in instruction.operands:
        return re.match(r"pop|ldm", instruction.mnemonic) is not None and "pc" in instruction.operands.partition("{")[2]
    return instruction.operands.startswith("pc") and not instruction.mnemonic.startswith(("cmp", "cmn", "str"))

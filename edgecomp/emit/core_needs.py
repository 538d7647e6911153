"""What the compiler's own macros must say before a model's kernels can be compiled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class CoreNeed:
    """A rule for the preprocessor, and the same in words."""

    condition: str
    """Holds exactly where the kernels can be compiled; clean under -Wundef."""
    words: str
    """Follows "its kernels need"."""


_RISCV: Final = CoreNeed("defined(__riscv_mul) && __riscv_xlen == 32 && !defined(__riscv_32e)", "RV32IM or more, with all 32 registers")

CORE_NEEDS: Final[Mapping[str, CoreNeed]] = {
    "arm_v6m": CoreNeed("defined(__thumb__)", "Thumb code, as every Cortex-M runs it"),
    "arm_v7m": CoreNeed("defined(__thumb2__)", "Thumb-2: Cortex-M3 or newer, not M0, M0+ or M23"),
    "arm_dsp": CoreNeed("defined(__ARM_FEATURE_DSP) && defined(__thumb2__)", "DSP instructions: Cortex-M4, M7, M33 with DSP, M55 or M85"),
    "arm_mve": CoreNeed(
        "defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)",
        "vector instructions (MVE): Cortex-M55 or M85, with -mfloat-abi=hard or softfp",
    ),
    "riscv": _RISCV,
    "riscv_winograd": _RISCV,
}
"""Instruction set -> what it needs. A set that is not here needs nothing, or says so itself."""


def core_needs(instruction_sets: Iterable[str]) -> tuple[CoreNeed, ...]:
    """The rules of some instruction sets, each once, in order of the sets' names."""
    return tuple(dict.fromkeys(CORE_NEEDS[isa] for isa in sorted(set(instruction_sets)) if isa in CORE_NEEDS))

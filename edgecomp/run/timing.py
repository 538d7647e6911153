"""What a timing model is: cycles of straight-line code, from a published table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from edgecomp.run.disassembly import Instruction

ZERO_WAIT_STATES: Final = "Zero wait states are assumed; kernels on real Cortex-M boards took 1.0 to 1.4 times as long."


@dataclass(frozen=True)
class BlockCycles:
    """Cycles of one pass through a block."""

    base: int
    taken_extra: int
    """Added when the last instruction branches."""


class TimingModel(Protocol):
    """Cycles by a published table, for memory without wait states."""

    @property
    def name(self) -> str:
        """As a board.toml names it."""
        ...

    @property
    def note(self) -> str:
        """Source and limits, one sentence each."""
        ...

    def block_cycles(self, block: Sequence[Instruction]) -> BlockCycles:
        """Cycles of straight-line code whose last instruction may branch."""
        ...

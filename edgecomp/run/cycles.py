"""Estimated cycles: what a profile's blocks would take by a published timing table. Never a measurement.

Real boards took 1.0 to 1.4 times such estimates, for their flash has wait states. Cortex-M7 and M55 have no model here: one issues
two instructions at a time, the other overlaps vector instructions, and no table of theirs allows a sum over instructions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edgecomp.errors import TargetError
from edgecomp.run.disassembly import Disassembly
from edgecomp.run.profile import Profile
from edgecomp.run.timing import ZERO_WAIT_STATES, TimingModel
from edgecomp.run.timing_arm import CortexM0Plus, CortexM3M4
from edgecomp.run.timing_riscv import E31, HAZARD3

TIMING_MODELS: Final[Mapping[str, TimingModel]] = {
    "cortex-m0plus": CortexM0Plus(),
    "cortex-m3": CortexM3M4(
        name="cortex-m3",
        note=f"Cortex-M3 TRM r2p1 sections 3.3.1 and 3.3.2, pipeline refill 2. {ZERO_WAIT_STATES}",
        fast_multiply=False,
    ),
    "cortex-m4": CortexM3M4(
        name="cortex-m4",
        note=f"Cortex-M4 TRM r0p1 sections 3.3.1, 3.3.2 and 7.2.3, pipeline refill 2. {ZERO_WAIT_STATES}",
        fast_multiply=True,
    ),
    "cortex-m33": CortexM3M4(
        name="cortex-m33",
        note=f"Arm publishes no table for the M33; the Cortex-M4's (TRM r0p1 section 3.3) stands in. {ZERO_WAIT_STATES}",
        fast_multiply=True,
    ),
    "e31": E31,
    "hazard3": HAZARD3,
}
NO_MODEL: Final = "none"


@dataclass(frozen=True)
class CycleEstimate:
    """Cycles of one inference, mean over the profile's samples."""

    whole: int
    layers: tuple[int, ...]


def find_timing_model(name: str, where: str) -> TimingModel | None:
    """The model a board names, or None for "none"; `where` names the board's file.

    Raises:
        TargetError: there is no such model.
    """
    if name == NO_MODEL:
        return None
    if name not in TIMING_MODELS:
        raise TargetError(f'{where}: run.timing_model is "{name}"; allowed: {", ".join((*TIMING_MODELS, NO_MODEL))}')
    return TIMING_MODELS[name]


def estimate_cycles(profile: Profile, disassembly: Disassembly, model: TimingModel) -> CycleEstimate:
    """Sum the cycles of all blocks by section."""
    totals = [0] * (profile.layers + 2)
    for block in profile.blocks:
        cycles = model.block_cycles(disassembly.block(block.address, block.instructions))
        totals[block.section] += cycles.base * block.executed + cycles.taken_extra * block.taken
    layers = tuple(round(total / profile.samples) for total in totals[: profile.layers])
    return CycleEstimate(whole=round(sum(totals[:-1]) / profile.samples), layers=layers)

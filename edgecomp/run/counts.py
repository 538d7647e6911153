"""What was counted of an inference: from the profiler's blocks to instructions and estimated cycles, by layer and in all."""

from dataclasses import dataclass

from edgecomp.errors import ToolError
from edgecomp.run.cycles import CycleEstimate, estimate_cycles, find_timing_model
from edgecomp.run.disassembly import disassemble
from edgecomp.run.profile import Profile
from edgecomp.run.request import Request
from edgecomp.target import BOARD_FILE


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Per inference, means over the profiled samples; None where the board cannot tell."""

    profiled_samples: int = 0
    instructions: int | None = None
    """Executed from the call of the model to its return."""
    layer_instructions: tuple[int, ...] | None = None
    """For each layer, from the end of the layer before it to its own end."""
    cycles: int | None = None
    """Counted by a real board, as `instructions`."""
    layer_cycles: tuple[int, ...] | None = None
    counting_note: str | None = None
    """Why there are no counts, where a board that can count gave none; or what is doubtful about them."""
    estimated_cycles: int | None = None
    """By the published timing table `cycle_model`; an estimate, never a measurement."""
    layer_estimated_cycles: tuple[int, ...] | None = None
    cycle_model: str | None = None
    cycle_model_note: str | None = None
    """The limits of the estimate, or why there is none."""


def counts_of(request: Request, profile: Profile | None, no_counts_because: str | None) -> Counts:
    """What an emulator's profiler counted."""
    estimate, model_name, model_note = _estimate(request, profile)
    sections = profile.section_instructions() if profile else []
    return Counts(
        profiled_samples=profile.samples if profile else 0,
        instructions=round(sum(sections) / profile.samples) if profile else None,
        layer_instructions=tuple(round(count / profile.samples) for count in sections[: profile.layers]) if profile else None,
        counting_note=no_counts_because,
        estimated_cycles=estimate.whole if estimate else None,
        layer_estimated_cycles=estimate.layers if estimate else None,
        cycle_model=model_name,
        cycle_model_note=model_note,
    )


def _estimate(request: Request, profile: Profile | None) -> tuple[CycleEstimate | None, str | None, str | None]:
    """Estimated cycles with the model's name and note; without an estimate, the note says why."""
    target = request.target
    model = find_timing_model(target.timing_model, str(target.directory / BOARD_FILE))
    if model is None:
        return None, None, f"No published timing table allows an estimate of cycles for {target.core}."
    if profile is None:
        return None, None, "Cycles are estimated from counted instructions, and none were counted."
    try:
        disassembly = disassemble(request.firmware.elf, target.toolchain_prefix)
    except ToolError as error:
        return None, None, f"Cycles are not estimated: {error}"
    return estimate_cycles(profile, disassembly, model), model.name, model.note

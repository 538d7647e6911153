"""Whether a plan fits its board, and if not, what stands in the way."""

from __future__ import annotations

from edgecomp.errors import FitError
from edgecomp.plan.types import CONTEXT_BYTES, Plan


def check_fit(plan: Plan) -> Plan:
    """Return the plan if its board has the RAM and the flash.

    Raises:
        FitError: it has not; the message names the layer, the bytes needed and the bytes there.
    """
    reasons = [reason for reason in (_ram_shortage(plan), _flash_shortage(plan)) if reason]
    if reasons:
        raise FitError(f"{plan.qgraph.name} does not fit {plan.target.name}: {'; '.join(reasons)}")
    return plan


def fits(plan: Plan) -> bool:
    """Whether the board has the RAM and the flash."""
    return plan.ram_bytes <= plan.target.ram_bytes and plan.flash_bytes <= plan.target.flash_bytes


def _ram_shortage(plan: Plan) -> str:
    if plan.ram_bytes <= plan.target.ram_bytes:
        return ""
    where = "its tensors"
    if plan.steps:
        where = f"at its peak, layer {plan.steps[plan.peak_step].node.layer!r}, {plan.live_bytes[plan.peak_step]:,} bytes are alive"
    return (
        f"it needs {plan.ram_bytes:,} bytes of RAM (arena {plan.arena_bytes:,}, scratch {plan.scratch_bytes:,}, "
        f"stack {plan.stack_bytes:,}, static {CONTEXT_BYTES}) and the board has {plan.target.ram_bytes:,}; {where}: "
        "choose a board with more RAM, or make that layer's feature maps smaller"
    )


def _flash_shortage(plan: Plan) -> str:
    if plan.flash_bytes <= plan.target.flash_bytes:
        return ""
    where = ""
    if plan.steps:
        largest = max(plan.steps, key=lambda step: step.weight_bytes)
        where = f"; the largest layer, {largest.node.layer!r}, takes {largest.weight_bytes:,}"
    return (
        f"it needs {plan.flash_bytes:,} bytes of flash (weights {plan.weight_bytes:,}, "
        f"code and records about {plan.code_bytes + plan.record_bytes:,}) "
        f"and the board has {plan.target.flash_bytes:,}{where}: choose a board with more flash, or compress the weights"
    )

"""Whether a network is planned with convolutions joined to what follows them (`edgecomp.fusion`)."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from edgecomp.fusion import READERS, fuse
from edgecomp.plan.cost import estimate_instructions
from edgecomp.plan.fit import fits
from edgecomp.plan.kernels import select_kernels
from edgecomp.plan.types import Plan
from edgecomp.qgraph import QGraph

MOST_EXTRA_INSTRUCTIONS = 0.01
"""What a smaller plan may cost where speed counts, as a part of all instructions."""


@lru_cache(maxsize=4)
def fused_forms(qgraph: QGraph) -> tuple[QGraph, ...]:
    """The network with each kind of fusion alone and with all of them, as far as they differ from it and from one another."""
    forms = [fuse(qgraph, {reader}) for reader in READERS]
    changed = tuple(form for form in forms if form is not qgraph)
    return changed if len(changed) < len(READERS) else (*changed, fuse(qgraph))


def pays(fused: Plan, plain: Plan) -> bool:
    """Whether to take a plan with fusions rather than one without, or with others.

    It must need less RAM and lose no fast kernel. Where speed counts it must not take noticeably more instructions, as far as they
    can be told; where size counts, no more flash. A plan that fits the board beats one that does not.
    """
    if fits(fused) != fits(plain):
        return fits(fused)
    if fused.ram_bytes >= plain.ram_bytes or _falls_back(fused):
        return False
    if fused.optimize == "size":
        return fused.flash_bytes <= plain.flash_bytes
    if fused.optimize == "speed":
        before, after = _instructions(plain), _instructions(fused)
        return before is None or after is None or after <= before * (1 + MOST_EXTRA_INSTRUCTIONS)
    return True


def _falls_back(plan: Plan) -> bool:
    """Whether a fused operator is computed by another instruction set's convolution than that alone would be."""
    fused = [step for step in plan.steps if step.op.parts]
    alone = select_kernels([replace(step.node, op=step.node.op.parts[0]) for step in fused], plan.target, plan.optimize)
    return any(alone[step.node.output].isa != step.kernel.isa for step in fused)


def _instructions(plan: Plan) -> int | None:
    each = [estimate_instructions(step.op, plan.target.core, step.kernel.isa) for step in plan.steps]
    return None if None in each else sum(value for value in each if value is not None)

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
from edgecomp.target import Target

MOST_EXTRA_INSTRUCTIONS = 0.01
"""What a smaller plan may cost where speed counts, as a part of all instructions."""

_fuse = lru_cache(maxsize=8)(fuse)


def fused_forms(qgraph: QGraph, target: Target, optimize: str) -> tuple[QGraph, ...]:
    """The network with each kind of fusion alone and with all of them, as far as they differ from it and from one another.

    Unless least RAM is wanted, a convolution stays apart whose own kernel comes from a better instruction set than the fused one.
    """
    apart = frozenset[str]() if optimize == "ram" else _slower(_fuse(qgraph), target, optimize)
    single = (_fuse(qgraph, frozenset([reader]), apart) for reader in READERS)
    changed = tuple(form for form in single if form is not qgraph)
    return changed if len(changed) < 2 else (*changed, _fuse(qgraph, frozenset(READERS), apart))


def pays(fused: Plan, plain: Plan) -> bool:
    """Whether to take a plan with fusions rather than one without, or with others.

    It must need less RAM. Where speed counts it must not take noticeably more instructions, as far as they can be told; where size
    counts, no more flash. A plan that fits the board beats one that does not.
    """
    if fits(fused) != fits(plain):
        return fits(fused)
    if fused.ram_bytes >= plain.ram_bytes:
        return False
    if fused.optimize == "size":
        return fused.flash_bytes <= plain.flash_bytes
    if fused.optimize == "speed":
        before, after = _instructions(plain), _instructions(fused)
        return before is None or after is None or after <= before * (1 + MOST_EXTRA_INSTRUCTIONS)
    return True


def _slower(fused: QGraph, target: Target, optimize: str) -> frozenset[str]:
    """Outputs of fused nodes that another instruction set's convolution computes than the one chosen for the convolution alone."""
    joined = [node for node in fused.nodes if node.op.parts]
    alone = [replace(node, op=node.op.parts[0]) for node in joined]
    chosen, wanted = select_kernels(joined, target, optimize), select_kernels(alone, target, optimize)
    return frozenset(node.output for node in joined if chosen[node.output].isa != wanted[node.output].isa)


def _instructions(plan: Plan) -> int | None:
    each = [estimate_instructions(step.op, plan.target.core, step.kernel.isa) for step in plan.steps]
    return None if None in each else sum(value for value in each if value is not None)

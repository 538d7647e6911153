"""Planning: kernels, execution order and the place of every buffer."""

from edgecomp.plan.fit import check_fit, fits
from edgecomp.plan.kernels import OPTIMIZE, Kernel, Tile
from edgecomp.plan.planner import lay_out, plan
from edgecomp.plan.types import CONTEXT_BYTES, Buffer, Plan, Step, element_bytes

__all__ = [
    "CONTEXT_BYTES",
    "OPTIMIZE",
    "Buffer",
    "Kernel",
    "Plan",
    "Step",
    "Tile",
    "check_fit",
    "element_bytes",
    "fits",
    "lay_out",
    "plan",
]

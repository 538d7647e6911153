"""Which C kernel computes an operator on a target.

Every operator has a portable kernel, `runtime_c/src/portable/ec_<operator>.c`, which takes every shape and is the specification. A kernel
for an instruction set lies under the same file name in a folder named after the set, its symbol ends in the set's name, and it is declared
in `edgecomp.plan.instruction_sets` with the shapes, the weight layout and the scratch it takes. Kernels are chosen node by node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edgecomp.plan.cost import estimate_instructions
from edgecomp.qgraph import QNode, QOp
from edgecomp.target import PORTABLE_ISA, Target

IN_PLACE = "in_place"
"""Folder of portable kernels that trade speed for RAM."""

OPTIMIZE = ("speed", "size", "ram")
"""What a plan may be optimized for."""


@dataclass(frozen=True)
class Tile:
    """How many output channels, output pixels and input elements a kernel's inner block takes at once; 1 wastes nothing."""

    output_channels: int = 1
    pixels: int = 1
    inputs: int = 1


@dataclass(frozen=True, eq=False)
class Kernel:
    """One C kernel and what the plan must know of it."""

    name: str
    """As `QOp.kernel`, such as "conv2d_s8"."""
    isa: str
    tile: Tile = Tile()
    supports: Callable[[QOp], bool] = lambda op: True
    pack: Callable[[QOp], QOp] = lambda op: op
    """The operator with its weights in the layout this kernel reads."""
    scratch_bytes: Callable[[QOp], int] = lambda op: 0
    overlap_bytes: Callable[[QOp], int | None] = lambda op: None
    """Distance at which the output may start before the input and lie over it, or further before it (`plan.overlap`); 0 where it may
    start exactly where the input starts; None where it may do neither."""

    uses: tuple[Kernel, ...] = ()
    """Other kernels that it calls."""

    @property
    def symbol(self) -> str:
        """The C function."""
        return f"ec_{self.name}" if self.isa == PORTABLE_ISA else f"ec_{self.name}_{self.isa}"

    @property
    def source(self) -> str:
        """The C file, relative to `runtime_c`."""
        return f"src/{self.isa}/ec_{self.name}.c"

    @property
    def header(self) -> str:
        """The header that declares it and its parameters, as it is included."""
        return f"ec_{self.name}.h"

    @property
    def struct(self) -> str:
        """The C type of its parameters."""
        return f"ec_{self.name}_params"


KernelTable = Mapping[str, Mapping[str, Kernel]]
"""Instruction set -> operator name -> kernel."""


def select_kernel(node: QNode, target: Target, optimize: str, table: KernelTable) -> Kernel:
    """The kernel of one node: "speed" and "size" take what costs the fewest instructions, "ram" what needs the least RAM.

    Costs come from measurements (`plan.cost`); kernels that were not measured rank by the target's order of instruction sets.
    "size" takes what "speed" takes: a kernel is small beside the weights, and its nodes share it.
    """
    sets = (IN_PLACE, *target.isa) if optimize == "ram" else target.isa
    candidates = [kernel for isa in sets if (kernel := _kernel(node.op.kernel, isa, table)) and kernel.supports(node.op)]
    if optimize == "ram":
        return min(candidates, key=lambda kernel: _ram_of(kernel, node.op))
    costs = [estimate_instructions(node.op, target.core, kernel.isa) for kernel in candidates]
    known = [cost for cost in costs if cost is not None]
    return candidates[costs.index(min(known))] if len(known) == len(costs) else candidates[0]


def _ram_of(kernel: Kernel, op: QOp) -> tuple[bool, int]:
    """What a kernel adds to the larger of input and output; first those that need both beside one another at no time."""
    distance = kernel.overlap_bytes(op)
    return distance is None, kernel.scratch_bytes(op) + (distance or 0)


def _kernel(name: str, isa: str, table: KernelTable) -> Kernel | None:
    declared = table.get(isa, {}).get(name)
    return Kernel(name, isa) if declared is None and isa == PORTABLE_ISA else declared


def select_kernels(nodes: Sequence[QNode], target: Target, optimize: str) -> Mapping[str, Kernel]:
    """The kernel of each node, by the node's output."""
    from edgecomp.plan.instruction_sets import KERNELS

    return {node.output: select_kernel(node, target, optimize, KERNELS) for node in nodes}

"""Which C kernel computes an operator on a target.

A kernel is a file `runtime_c/src/<isa>/ec_<kernel>.c`. All files of one name define the same symbol, so a firmware links one of
them, and it serves every node of that operator. A kernel with limits, its own weight layout or scratch declares them in `KERNELS`;
a file without an entry there serves every operator of its name as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edgecomp.errors import UnsupportedError
from edgecomp.paths import runtime_dir
from edgecomp.qgraph import QNode, QOp
from edgecomp.target import PORTABLE_ISA, Target

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

    @property
    def symbol(self) -> str:
        """The C function."""
        return f"ec_{self.name}"

    @property
    def source(self) -> str:
        """The C file, relative to `runtime_c`."""
        return f"src/{self.isa}/{self.symbol}.c"

    @property
    def header(self) -> str:
        """The header, as it is included."""
        return f"{self.symbol}.h"


KERNELS: Mapping[tuple[str, str], Kernel] = {}
"""(isa, name) -> kernels that declare more than their file says."""


def select_kernels(nodes: Sequence[QNode], target: Target, optimize: str) -> Mapping[str, Kernel]:
    """The kernel for each operator name in `nodes`.

    "speed" takes the first instruction set of the target that serves all nodes of the operator, "ram" the one that needs the least
    scratch, "size" the portable kernel, which is the smallest.

    Raises:
        UnsupportedError: no kernel of the target serves a node.
    """
    by_name: dict[str, list[QNode]] = {}
    for node in nodes:
        by_name.setdefault(node.op.kernel, []).append(node)
    return {name: _select(name, served, target, optimize) for name, served in by_name.items()}


def _select(name: str, served: Sequence[QNode], target: Target, optimize: str) -> Kernel:
    sets = [PORTABLE_ISA] if optimize == "size" else target.isa
    present = [isa for isa in sets if (runtime_dir() / Kernel(name, isa).source).is_file()]
    candidates = [KERNELS.get((isa, name), Kernel(name, isa)) for isa in present]
    fitting = [kernel for kernel in candidates if all(kernel.supports(node.op) for node in served)]
    if not fitting:
        raise UnsupportedError(
            f"layer {served[0].layer!r}: no kernel for operator {name!r} on board {target.name}; "
            f"looked for {Kernel(name, sets[-1]).source} in runtime_c, also under {', '.join(sets)}"
        )
    if optimize == "ram":
        return min(fitting, key=lambda kernel: max(kernel.scratch_bytes(node.op) for node in served))
    return fitting[0]

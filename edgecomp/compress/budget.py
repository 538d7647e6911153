"""How large a network is, and how large it may be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from edgecomp.errors import DataError
from edgecomp.graph import Graph, Node
from edgecomp.ops.conv import Conv
from edgecomp.ops.conv_transpose import ConvTranspose
from edgecomp.ops.gemm import Gemm, MatMul

LAYERS = (Conv, ConvTranspose, Gemm, MatMul)
"""Operators that multiply and add."""


@dataclass(frozen=True)
class Size:
    """MACs of one inference, every tap of every window counted, and floating-point constants: the figures of every report."""

    macs: int
    parameters: int


@dataclass(frozen=True)
class Budget:
    """How small the result is to be.

    Attributes:
        reference: size of the network that the shares are of: the one the user gave.
        keep_macs: share of its MACs that may remain, 0..1; None: any.
        keep_parameters: share of its parameters that may remain, 0..1; None: any.
        max_loss_points: accuracy that may be lost on the judging rows, in points; None: as much as the size asks for.
    """

    reference: Size
    keep_macs: float | None = None
    keep_parameters: float | None = None
    max_loss_points: float | None = None

    def __post_init__(self) -> None:
        for option, share in (("keep-macs", self.keep_macs), ("keep-parameters", self.keep_parameters)):
            if share is not None and not 0 < share <= 1:
                raise DataError(f"--{option} {share:g}: must be greater than 0 and at most 1, the share that remains")
        if self.max_loss_points is not None and self.max_loss_points < 0:
            raise DataError(f"--max-loss {self.max_loss_points:g}: must be 0 or more, in points of accuracy")

    @property
    def names_a_size(self) -> bool:
        """Whether it says how small, not only how accurate."""
        return self.keep_macs is not None or self.keep_parameters is not None

    def excess(self, size: Size) -> float:
        """How many times too large a network is, by the worse of what is limited: at most 1 where it fits; 0 without limits."""
        shares = [
            size.macs / (self.keep_macs * self.reference.macs) if self.keep_macs is not None else 0.0,
            size.parameters / (self.keep_parameters * self.reference.parameters) if self.keep_parameters is not None else 0.0,
        ]
        return max(shares)

    def eased(self, excess: float, share: float) -> Budget:
        """The budget after a share of the way, 0..1 in equal ratios, from a network `excess` times too large to this budget."""
        factor = max(excess, 1.0) ** (1 - share)
        macs, parameters = (None if keep is None else min(1.0, keep * factor) for keep in (self.keep_macs, self.keep_parameters))
        return replace(self, keep_macs=macs, keep_parameters=parameters)

    def allows(self, size: Size) -> bool:
        """Whether a network is small enough."""
        return self.excess(size) <= 1.0


def size_of(graph: Graph) -> Size:
    """MACs and parameters of a simplified graph."""
    return Size(sum(macs_of(graph, node) for node in graph.nodes), graph.parameters)


def macs_of(graph: Graph, node: Node) -> int:
    """Products of one node in one inference; 0 of all but convolutions and matrix products."""
    if not isinstance(node.op, LAYERS):
        return 0
    weights, source, result = (graph.tensors[str(name)].shape for name in (node.inputs[1], node.inputs[0], node.outputs[0]))
    if isinstance(node.op, Conv):
        return prod(result) * prod(weights[1:])
    if isinstance(node.op, ConvTranspose):
        return prod(source) * prod(weights[1:])
    return prod(result) * source[0 if isinstance(node.op, Gemm) and node.op.transA else -1]

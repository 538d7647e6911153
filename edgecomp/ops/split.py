"""Division of a tensor into pieces along an axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgecomp.graph import Array, Node, Shape
from edgecomp.ops.base import Imported, OnnxCall, OnnxNode, Operator
from edgecomp.qops.copy import Copy

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering


@dataclass(frozen=True)
class Split(Operator):
    """Pieces of `split` elements along `axis`, one an output."""

    limits: ClassVar[str] = "any axis; constant sizes"
    keeps_scale: ClassVar[bool] = True

    axis: int
    split: Shape

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        shape = node.shape(0)
        axis = int(node.attributes.get("axis", 0)) % len(shape)
        sizes = node.attributes.get("split") if node.opset < 13 else node.constant(1, "split")
        if sizes is None:
            count = int(node.attributes.get("num_outputs", len(node.outputs)))
            piece = -(-shape[axis] // count)
            sizes = [min(piece, shape[axis] - piece * index) for index in range(count)]
        sizes = tuple(int(size) for size in sizes)
        if sum(sizes) != shape[axis] or min(sizes) <= 0 or len(sizes) != len(node.outputs):
            raise node.reject(f"sizes {list(sizes)} of {shape[axis]}", "positive sizes that add up, one an output", "correct the sizes")
        return cls(axis, sizes), node.inputs[:1]

    def to_onnx(self) -> OnnxCall:
        return OnnxCall("Split", {"axis": self.axis}, (np.asarray(self.split, np.int64),))

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        return tuple(np.split(x, np.cumsum(self.split)[:-1], axis=self.axis))

    def lower(self, node: Node, lowering: Lowering) -> None:
        value = lowering.plain(str(node.inputs[0]))
        order, stored = value.permutation, value.stored
        start = 0
        for output, size in enumerate(self.split):
            starts = [start if axis == self.axis else 0 for axis in order]
            sizes = [size if axis == self.axis else value.shape[axis] for axis in order]
            lowering.move(node, Copy.sliced(stored, starts, [1] * len(order), sizes), value.tensor, order, output)
            start += size

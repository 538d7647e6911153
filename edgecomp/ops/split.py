"""Division of a tensor into pieces along an axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.graph import Array, Shape
from edgecomp.ops.base import Imported, OnnxCall, OnnxNode, Operator


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

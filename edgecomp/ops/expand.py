"""Repetition along axes of length 1."""

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
class Expand(Operator):
    """The input broadcast to `shape`, the final static shape."""

    limits: ClassVar[str] = "constant shape"
    keeps_scale: ClassVar[bool] = True

    shape: Shape

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        given = node.constant(1, "shape")
        if given is None:
            raise node.reject("no shape", "a constant shape", "give the shape")
        return cls(np.broadcast_shapes(node.shape(0), tuple(int(n) for n in given))), node.inputs[:1]

    def to_onnx(self) -> OnnxCall:
        return OnnxCall("Expand", constants=(np.asarray(self.shape, np.int64),))

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        return (np.broadcast_to(x, np.broadcast_shapes(x.shape, self.shape)),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        value = lowering.plain(str(node.inputs[0]))
        new = len(self.shape) - len(value.shape)
        order = (*range(new), *(axis + new for axis in value.permutation))
        op = Copy.expanded((*(1,) * new, *value.stored), [self.shape[axis] for axis in order])
        lowering.move(node, op, value.tensor, order)

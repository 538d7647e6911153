"""Repetition along axes of length 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.graph import Array, Shape
from edgecomp.ops.base import Imported, OnnxCall, OnnxNode, Operator


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

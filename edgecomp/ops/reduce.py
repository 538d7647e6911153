"""Reduction along axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.graph import Array, Shape
from edgecomp.ops.base import Imported, OnnxCall, OnnxNode, Operator


@dataclass(frozen=True)
class Reduce(Operator):
    """One value for all elements along `axes`, which stay with length 1 where `keepdims`."""

    axes_input_since_opset: ClassVar[int] = 18

    axes: Shape
    keepdims: int = 1

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        rank = len(node.shape(0))
        given = node.attributes.get("axes") if node.opset < cls.axes_input_since_opset else node.constant(1, "axes")
        axes = () if given is None else tuple(sorted(int(axis) % rank for axis in given))
        if not axes and not node.attributes.get("noop_with_empty_axes", 0):
            axes = tuple(range(rank))
        return cls(axes, int(node.attributes.get("keepdims", 1))), node.inputs[:1]


@dataclass(frozen=True)
class ReduceMean(Reduce):
    """Mean along axes."""

    limits: ClassVar[str] = "any axes"

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        return (np.mean(x, axis=self.axes, keepdims=bool(self.keepdims)).astype(x.dtype) if self.axes else x,)


@dataclass(frozen=True)
class ReduceSum(Reduce):
    """Sum along axes."""

    limits: ClassVar[str] = "any axes"
    axes_input_since_opset: ClassVar[int] = 13

    def to_onnx(self) -> OnnxCall:
        attributes = {"keepdims": self.keepdims, "noop_with_empty_axes": 1}
        return OnnxCall("ReduceSum", attributes, (np.asarray(self.axes, np.int64),))

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        return (np.sum(x, axis=self.axes, keepdims=bool(self.keepdims)).astype(x.dtype) if self.axes else x,)


@dataclass(frozen=True)
class ReduceMax(Reduce):
    """Maximum along axes."""

    limits: ClassVar[str] = "the spatial axes"
    keeps_scale: ClassVar[bool] = True

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        return (np.max(x, axis=self.axes, keepdims=bool(self.keepdims)) if self.axes else x,)

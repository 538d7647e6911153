"""Softmax and its logarithm."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from edgecomp.graph import Array
from edgecomp.ops.base import Imported, OnnxNode, Operator

PER_AXIS_SINCE_OPSET = 13


@dataclass(frozen=True)
class Softmax(Operator):
    """exp(x) over its sum along one axis.

    Before opset 13 ONNX joined all axes from `axis` on; that is taken where only one of them is longer than 1.
    """

    limits: ClassVar[str] = "one axis, any"

    axis: int = -1

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        return cls(_resolve_axis(node)), node.inputs

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        powers = np.exp(x - x.max(axis=self.axis, keepdims=True))
        return (powers / powers.sum(axis=self.axis, keepdims=True),)


@dataclass(frozen=True)
class LogSoftmax(Operator):
    """x - log(sum(exp(x))) along one axis."""

    limits: ClassVar[str] = "one axis, any"

    axis: int = -1

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        return cls(_resolve_axis(node)), node.inputs

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        centred = x - x.max(axis=self.axis, keepdims=True)
        return (centred - np.log(np.exp(centred).sum(axis=self.axis, keepdims=True)),)


def _resolve_axis(node: OnnxNode) -> int:
    """The one axis, not negative, that the operator works along."""
    shape = node.shape(0)
    joined = node.opset < PER_AXIS_SINCE_OPSET
    axis = int(node.attributes.get("axis", 1 if joined else -1)) % len(shape)
    if not joined or prod(shape[axis:]) == shape[axis]:
        return axis
    long = [index for index in range(axis, len(shape)) if shape[index] > 1]
    if len(long) > 1:
        found = f"axis={axis} over shape {shape}, which opset {node.opset} joins to one axis of {prod(shape[axis:])}"
        raise node.reject(found, "one axis longer than 1", "put Flatten before it, or export with opset 13 or later")
    return long[0]

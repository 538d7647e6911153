"""Softmax and its logarithm."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgecomp.graph import Array, Node, Shape
from edgecomp.ops.base import Imported, OnnxNode, Operator
from edgecomp.qops.log_softmax import LogSoftmax as LogSoftmaxKernel
from edgecomp.qops.softmax import Softmax as SoftmaxKernel
from edgecomp.qops.softmax import exponential_table

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering

SOFTMAX_QUANT = (1 / 256, -128)


PER_AXIS_SINCE_OPSET = 13


@dataclass(frozen=True)
class Softmax(Operator):
    """exp(x) over its sum along one axis.

    Before opset 13 ONNX joined all axes from `axis` on; that is taken where only one of them is longer than 1.
    """

    limits: ClassVar[str] = "one axis, any"
    fixed_quant: ClassVar[tuple[float, int] | None] = (1 / 256, -128)

    axis: int = -1

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        return cls(_resolve_axis(node)), node.inputs

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        powers = np.exp(x - x.max(axis=self.axis, keepdims=True))
        return (powers / powers.sum(axis=self.axis, keepdims=True),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        x = str(node.inputs[0])
        shape = lowering.shape(x)
        order = _innermost(lowering.plain(x).permutation, self.axis)
        op = SoftmaxKernel(prod(shape) // shape[self.axis], shape[self.axis], exponential_table(lowering.quant(x).step))
        lowering.rescaled(node, op, lowering.ordered(x, order), order, *SOFTMAX_QUANT)


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

    def lower(self, node: Node, lowering: Lowering) -> None:
        x = str(node.inputs[0])
        shape = lowering.shape(x)
        order = _innermost(lowering.plain(x).permutation, self.axis)
        result = lowering.result(node, fuse=False)
        rows, depth = prod(shape) // shape[self.axis], shape[self.axis]
        op = LogSoftmaxKernel.scaled(rows, depth, lowering.quant(x).step, result.quant.step, result.quant.zero)
        lowering.emit(op, (lowering.ordered(x, order),), result, order)


def _innermost(order: Shape, axis: int) -> Shape:
    """The order with one axis moved to the end."""
    return (*(a for a in order if a != axis), axis)


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

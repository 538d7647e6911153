"""Arithmetic on two tensors that broadcast as in numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgecomp.graph import Array, Graph, Node, Shape
from edgecomp.ops.base import Imported, OnnxNode, Operator, refusal
from edgecomp.ops.images import affine
from edgecomp.ops.pointwise import Clip
from edgecomp.qops.add import Add as AddKernel
from edgecomp.qops.boxes import broadcast_box
from edgecomp.qops.mul import Mul as MulKernel
from edgecomp.qops.requantize import multiplier_and_shift
from edgecomp.qops.rescale import add_weights
from edgecomp.quant.scheme import Quant

if TYPE_CHECKING:
    from edgecomp.qgraph import QOp
    from edgecomp.quant.lowering import Lowering, Result


@dataclass(frozen=True)
class Arithmetic(Operator):
    """Two arrays in, one out."""

    limits: ClassVar[str] = "two tensors, or a tensor and a constant; numpy broadcasting"

    def function(self, a: Array, b: Array) -> Array:
        """The operation; `a` and `b` broadcast."""
        raise NotImplementedError(type(self).__name__)

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        a, b = inputs
        assert a is not None and b is not None
        return (self.function(a, b),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        a, b = (str(name) for name in node.inputs)
        for name, other, swapped in ((b, a, False), (a, b, True)):
            constant = lowering.constant(name)
            if constant is not None and self.lower_constant(node, lowering, other, constant, swapped):
                return
        self.lower_tensors(node, lowering, a, b)

    def lower_constant(self, node: Node, lowering: Lowering, x: str, constant: Array, swapped: bool) -> bool:
        """Emit x op constant (constant op x where `swapped`) without a constant tensor; False where that cannot be."""
        if not self.takes_constant(constant, lowering.shape(x), lowering.shape(node.outputs[0]), swapped):
            return False
        axes = long_axes(constant, len(lowering.shape(x)))
        if not axes:
            value = np.asarray(float(constant.reshape(())))
            lowering.pointwise(node, x, (lambda v: self.function(value, v)) if swapped else (lambda v: self.function(v, value)))
            return True
        gain_and_offset = self.affine(constant.reshape(-1).astype(np.float64), swapped)
        assert gain_and_offset is not None
        affine(node, lowering, x, axes[0], *gain_and_offset, lowering.result(node))
        return True

    def takes_constant(self, constant: Array, shape: Shape, result: Shape, swapped: bool) -> bool:
        """Whether x op constant, x of `shape`, is a table or a scale and a shift along one axis: a constant that is no tensor in flash."""
        if shape != result:
            return False
        axes = long_axes(constant, len(shape))
        return not axes or (len(axes) == 1 and self.affine(constant.reshape(-1).astype(np.float64), swapped) is not None)

    def integer_operands(self, node: Node, graph: Graph) -> tuple[str, ...]:
        result = graph.tensors[node.outputs[0]].shape
        names = [str(name) for name in node.inputs]
        found = []
        for index, name in enumerate(names):
            constant, shape = graph.constant(name), graph.tensors[names[1 - index]].shape
            if constant is not None and not self.takes_constant(constant, shape, result, swapped=index == 0):
                found.append(name)
        return tuple(found)

    def affine(self, constant: Array, swapped: bool) -> tuple[Array, Array] | None:
        """(gain, offset) such that the operation is gain * x + offset; None where it is not affine."""
        return None

    def lower_tensors(self, node: Node, lowering: Lowering, a: str, b: str) -> None:
        """Emit the operation on two tensors in the layout of the larger."""
        shape = lowering.shape(node.outputs[0])
        leader = next((n for n in (a, b) if lowering.constant(n) is None and lowering.shape(n) == shape), None)
        order = lowering.plain(leader).permutation if leader else tuple(range(len(shape)))
        buffers, stored, quants = [], [], []
        for name in (a, b):
            own = lowering.shape(name)
            missing = len(shape) - len(own)
            restricted = tuple(axis - missing for axis in order if axis >= missing)
            buffer, quant = lowering.operand(name, restricted, own)
            buffers.append(buffer)
            quants.append(quant)
            stored.append([1 if axis < missing else own[axis - missing] for axis in order])
        result = lowering.result(node)
        box = broadcast_box(*stored)
        lowering.emit(self.kernel(node, box, quants[0], quants[1], result), buffers, result, order)

    def kernel(self, node: Node, box: tuple[Shape, Shape, Shape], a: Quant, b: Quant, result: Result) -> QOp:
        """The integer operator over a broadcast box.

        Raises:
            UnsupportedError: there is none for two tensors.
        """
        raise refusal(node, "two computed tensors", f"{self.limits}", "make one of them constant")


@dataclass(frozen=True)
class Add(Arithmetic):
    """a + b; ONNX Sum of two operands is read as Add."""

    fuses_clamp: ClassVar[bool] = True

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        return super().from_onnx(_two_operands(node))

    def function(self, a: Array, b: Array) -> Array:
        return a + b

    def affine(self, constant: Array, swapped: bool) -> tuple[Array, Array] | None:
        return np.ones_like(constant), constant

    def kernel(self, node: Node, box: tuple[Shape, Shape, Shape], a: Quant, b: Quant, result: Result) -> QOp:
        return _sum(box, a, b, result, subtract=False)


@dataclass(frozen=True)
class Sub(Arithmetic):
    """a - b."""

    fuses_clamp: ClassVar[bool] = True

    def function(self, a: Array, b: Array) -> Array:
        return a - b

    def affine(self, constant: Array, swapped: bool) -> tuple[Array, Array] | None:
        return (-np.ones_like(constant), constant) if swapped else (np.ones_like(constant), -constant)

    def kernel(self, node: Node, box: tuple[Shape, Shape, Shape], a: Quant, b: Quant, result: Result) -> QOp:
        return _sum(box, a, b, result, subtract=True)


@dataclass(frozen=True)
class Mul(Arithmetic):
    """a * b."""

    fuses_clamp: ClassVar[bool] = True

    def function(self, a: Array, b: Array) -> Array:
        return a * b

    def affine(self, constant: Array, swapped: bool) -> tuple[Array, Array] | None:
        return constant, np.zeros_like(constant)

    def kernel(self, node: Node, box: tuple[Shape, Shape, Shape], a: Quant, b: Quant, result: Result) -> QOp:
        multiplier, shift = multiplier_and_shift(a.step * b.step / result.quant.step)
        clamps = (result.clamp_min, result.clamp_max)
        return MulKernel(*box, a.zero, b.zero, result.quant.zero, *clamps, int(multiplier[0]), shift)


@dataclass(frozen=True)
class Div(Arithmetic):
    """a / b; integers round toward zero, as in C."""

    limits: ClassVar[str] = "constant divisor"
    fuses_clamp: ClassVar[bool] = True

    def function(self, a: Array, b: Array) -> Array:
        if np.issubdtype(a.dtype, np.integer):
            quotient = np.abs(a) // np.abs(b)
            return np.asarray(np.sign(a) * np.sign(b) * quotient, a.dtype)
        return np.divide(a, b)

    def affine(self, constant: Array, swapped: bool) -> tuple[Array, Array] | None:
        return None if swapped else (1 / constant, np.zeros_like(constant))


@dataclass(frozen=True)
class Min(Arithmetic):
    """The smaller of two; read as Clip where one is a constant number."""

    limits: ClassVar[str] = "two operands, one of them a constant number"

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        return _as_clip(node, lambda bound: Clip(max=bound)) or super().from_onnx(_two_operands(node))

    def function(self, a: Array, b: Array) -> Array:
        return np.minimum(a, b)


@dataclass(frozen=True)
class Max(Arithmetic):
    """The larger of two; read as Clip where one is a constant number."""

    limits: ClassVar[str] = "two operands, one of them a constant number"

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        return _as_clip(node, lambda bound: Clip(min=bound)) or super().from_onnx(_two_operands(node))

    def function(self, a: Array, b: Array) -> Array:
        return np.maximum(a, b)


def long_axes(values: Array, rank: int) -> list[int]:
    """Axes longer than 1 of an array aligned to the right of `rank` axes."""
    return [axis + rank - values.ndim for axis, size in enumerate(values.shape) if size != 1]


def _sum(box: tuple[Shape, Shape, Shape], a: Quant, b: Quant, result: Result, subtract: bool) -> AddKernel:
    weights = add_weights(a.step, b.step, a.zero, b.zero, result.quant.step, result.quant.zero, subtract)
    return AddKernel(*box, *weights, result.clamp_min, result.clamp_max)


def _two_operands(node: OnnxNode) -> OnnxNode:
    if len(node.inputs) != 2:
        raise node.reject(f"{len(node.inputs)} operands", "2 operands", "chain nodes of two operands")
    return node


def _as_clip(node: OnnxNode, clip: Callable[[float], Clip]) -> Imported | None:
    """A Clip that computes the node, where one operand is a constant number and the other decides the shape."""
    for index, other in ((0, 1), (1, 0)):
        value = node.constants.get(node.input(index) or "")
        if len(node.inputs) == 2 and value is not None and value.size == 1 and value.ndim <= len(node.shape(other)):
            return clip(float(value.reshape(()))), (node.input(other),)
    return None

"""Arithmetic on two tensors that broadcast as in numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.graph import Array
from edgecomp.ops.base import Imported, OnnxNode, Operator
from edgecomp.ops.pointwise import Clip


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


@dataclass(frozen=True)
class Add(Arithmetic):
    """a + b."""

    def function(self, a: Array, b: Array) -> Array:
        return a + b


@dataclass(frozen=True)
class Sub(Arithmetic):
    """a - b."""

    def function(self, a: Array, b: Array) -> Array:
        return a - b


@dataclass(frozen=True)
class Mul(Arithmetic):
    """a * b."""

    def function(self, a: Array, b: Array) -> Array:
        return a * b


@dataclass(frozen=True)
class Div(Arithmetic):
    """a / b; integers round toward zero, as in C."""

    limits: ClassVar[str] = "constant divisor"

    def function(self, a: Array, b: Array) -> Array:
        if np.issubdtype(a.dtype, np.integer):
            quotient = np.abs(a) // np.abs(b)
            return np.asarray(np.sign(a) * np.sign(b) * quotient, a.dtype)
        return np.divide(a, b)


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

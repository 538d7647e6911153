"""Functions of one value: the output at a place depends on the input at that place only.

An int8 kernel for any of them is a table of 256 entries made from `function`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, inf, pi, sqrt
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgecomp.graph import Array, Node
from edgecomp.ops.base import Imported, OnnxCall, OnnxNode, Operator

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering


@dataclass(frozen=True)
class Pointwise(Operator):
    """One array in, one of the same shape out."""

    limits: ClassVar[str] = "any shape; int8 table"

    def function(self, x: Array) -> Array:
        """The function, in the precision of `x`."""
        raise NotImplementedError(type(self).__name__)

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        return (np.asarray(self.function(x), x.dtype),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        lowering.pointwise(node, str(node.inputs[0]), self.function)


@dataclass(frozen=True)
class Relu(Pointwise):
    """max(x, 0)."""

    limits: ClassVar[str] = "fused as a clamp, or an int8 table"

    @property
    def clamp(self) -> tuple[float, float]:
        return 0.0, inf

    def function(self, x: Array) -> Array:
        return np.maximum(x, 0)


@dataclass(frozen=True)
class Clip(Pointwise):
    """min(max(x, min), max); ReLU6 is Clip from 0 to 6. Absent bounds are infinite."""

    limits: ClassVar[str] = "constant bounds; fused as a clamp, or an int8 table"

    min: float = -inf
    max: float = inf

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        low, high = -inf, inf
        if node.opset < 11:
            return cls(float(node.attributes.get("min", low)), float(node.attributes.get("max", high))), node.inputs
        bounds = [node.constant(1, "min"), node.constant(2, "max")]
        low, high = (default if bound is None else float(bound.reshape(())) for bound, default in zip(bounds, (low, high), strict=True))
        return cls(low, high), node.inputs[:1]

    def to_onnx(self) -> OnnxCall:
        low = None if self.min == -inf else np.asarray(self.min, np.float32)
        high = None if self.max == inf else np.asarray(self.max, np.float32)
        return OnnxCall("Clip", constants=(low, high))

    @property
    def clamp(self) -> tuple[float, float]:
        return self.min, self.max

    def function(self, x: Array) -> Array:
        return np.minimum(np.maximum(x, self.min), self.max)


@dataclass(frozen=True)
class LeakyRelu(Pointwise):
    """x where x >= 0, alpha * x elsewhere."""

    alpha: float = 0.01

    def function(self, x: Array) -> Array:
        return np.where(x >= 0, x, self.alpha * x)


@dataclass(frozen=True)
class ThresholdedRelu(Pointwise):
    """x where x > alpha, 0 elsewhere."""

    alpha: float = 1.0

    def function(self, x: Array) -> Array:
        return np.where(x > self.alpha, x, 0)


@dataclass(frozen=True)
class Elu(Pointwise):
    """x where x >= 0, alpha * (exp(x) - 1) elsewhere."""

    alpha: float = 1.0

    def function(self, x: Array) -> Array:
        return np.where(x >= 0, x, self.alpha * np.expm1(np.minimum(x, 0)))


@dataclass(frozen=True)
class Celu(Pointwise):
    """max(0, x) + min(0, alpha * (exp(x / alpha) - 1))."""

    alpha: float = 1.0

    def function(self, x: Array) -> Array:
        return np.add(np.maximum(x, 0), self.alpha * np.expm1(np.minimum(x, 0) / self.alpha))


@dataclass(frozen=True)
class Selu(Pointwise):
    """gamma * (x where x > 0, alpha * (exp(x) - 1) elsewhere)."""

    alpha: float = 1.67326319217681884765625
    gamma: float = 1.05070102214813232421875

    def function(self, x: Array) -> Array:
        return np.multiply(self.gamma, np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0))))


@dataclass(frozen=True)
class Sigmoid(Pointwise):
    """1 / (1 + exp(-x))."""

    def function(self, x: Array) -> Array:
        # exp of values below 0 only, so that it never overflows
        decay: Array = np.exp(-np.abs(x))
        result: Array = np.where(x >= 0, 1, decay) / (1 + decay)
        return result


@dataclass(frozen=True)
class Tanh(Pointwise):
    """Hyperbolic tangent."""

    def function(self, x: Array) -> Array:
        return np.tanh(x)


@dataclass(frozen=True)
class HardSigmoid(Pointwise):
    """alpha * x + beta, clamped to 0..1."""

    alpha: float = 0.2
    beta: float = 0.5

    def function(self, x: Array) -> Array:
        return np.clip(self.alpha * x + self.beta, 0, 1)


@dataclass(frozen=True)
class HardSwish(Pointwise):
    """x * HardSigmoid(x) with alpha 1/6 and beta 1/2."""

    def function(self, x: Array) -> Array:
        return np.multiply(x, np.clip(x / 6 + 0.5, 0, 1))


@dataclass(frozen=True)
class Gelu(Pointwise):
    """x * Phi(x), Phi the normal distribution function; `approximate` is "none" (by erf) or "tanh"."""

    approximate: str = "none"

    def function(self, x: Array) -> Array:
        if self.approximate == "tanh":
            share: Array = 1 + np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))
        else:
            share = 1 + error_function(x / sqrt(2))
        return np.multiply(0.5 * x, share)


@dataclass(frozen=True)
class Softplus(Pointwise):
    """log(1 + exp(x))."""

    def function(self, x: Array) -> Array:
        return np.logaddexp(0, x)


@dataclass(frozen=True)
class Softsign(Pointwise):
    """x / (1 + |x|)."""

    def function(self, x: Array) -> Array:
        result: Array = x / (1 + np.abs(x))
        return result


@dataclass(frozen=True)
class Mish(Pointwise):
    """x * tanh(softplus(x))."""

    def function(self, x: Array) -> Array:
        return np.multiply(x, np.tanh(Softplus().function(x)))


@dataclass(frozen=True)
class Erf(Pointwise):
    """The error function."""

    def function(self, x: Array) -> Array:
        return error_function(x)


@dataclass(frozen=True)
class Neg(Pointwise):
    """-x."""

    def function(self, x: Array) -> Array:
        return np.negative(x)


@dataclass(frozen=True)
class Abs(Pointwise):
    """|x|."""

    def function(self, x: Array) -> Array:
        return np.abs(x)


@dataclass(frozen=True)
class Exp(Pointwise):
    """e to the power x."""

    def function(self, x: Array) -> Array:
        return np.exp(x)


@dataclass(frozen=True)
class Log(Pointwise):
    """Natural logarithm."""

    def function(self, x: Array) -> Array:
        return np.log(x)


@dataclass(frozen=True)
class Sqrt(Pointwise):
    """Square root."""

    def function(self, x: Array) -> Array:
        return np.sqrt(x)


@dataclass(frozen=True)
class Reciprocal(Pointwise):
    """1 / x."""

    def function(self, x: Array) -> Array:
        return np.reciprocal(x)


@dataclass(frozen=True)
class Pow(Pointwise):
    """x to a constant power."""

    limits: ClassVar[str] = "constant scalar exponent; int8 table"

    exponent: float

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        exponent = node.constant(1, "exponent")
        if exponent is None or exponent.size != 1:
            raise node.reject(f"an exponent of shape {node.shape(1)}", "one constant exponent", "split the node by exponent")
        return cls(float(exponent.reshape(()))), node.inputs[:1]

    def to_onnx(self) -> OnnxCall:
        return OnnxCall("Pow", constants=(np.asarray(self.exponent, np.float32),))

    def function(self, x: Array) -> Array:
        return np.power(x, self.exponent)


def error_function(x: Array) -> Array:
    """erf of each element, exact to double precision."""
    values = np.asarray([erf(value) for value in x.ravel().tolist()], x.dtype)
    return values.reshape(x.shape)

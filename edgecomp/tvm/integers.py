"""Integer arithmetic as Relax expressions: constants, casts, clamps and the one rounding rule."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from tvm import relax
from tvm.relax import op

from edgecomp.graph import Array

Expr = Any
"""A Relax expression of static shape."""


def constant(values: Array | int | Sequence[int], dtype: str) -> Expr:
    """Values in flash, or a scalar that broadcasts."""
    return relax.const(np.asarray(values, dtype), dtype)


def cast(x: Expr, dtype: str) -> Expr:
    """The same values in another type."""
    return op.astype(x, dtype)


def clamped(x: Expr, low: int, high: int, dtype: str) -> Expr:
    """`x` of type `dtype`, limited to low..high, as int8."""
    return cast(op.minimum(op.maximum(x, constant(low, dtype)), constant(high, dtype)), "int8")


def requantized(accumulator: Expr, multiplier: Expr, layer: Any) -> Expr:
    """int8 by the rule of edgecomp: product exact in 64 bits, halves rounded up.

    `multiplier` is an int64 expression that broadcasts; shift, output zero point and clamps are `layer`'s.
    """
    shifted = op.multiply(cast(accumulator, "int64"), constant(1 << layer.shift, "int64"))
    product = op.add(op.multiply(shifted, multiplier), constant(1 << 30, "int64"))
    rounded = op.right_shift(product, constant(31, "int64"))
    return clamped(op.add(rounded, constant(layer.output_zero_point, "int64")), layer.clamp_min, layer.clamp_max, "int64")


def weighted(x: Expr, weight: int) -> Expr:
    """x * weight in 32 bits."""
    return op.multiply(cast(x, "int32"), constant(weight, "int32"))


def offsets(dims: Sequence[int], steps: Sequence[int], start: int = 0) -> Expr:
    """int64 [product of dims]: start + sum(index * step) of every index of a box, in row-major order."""
    total = constant(np.full([1] * len(dims), start), "int64")
    for axis, (size, step) in enumerate(zip(dims, steps, strict=True)):
        along = op.multiply(op.arange(0, size, 1, "int64"), constant(step, "int64"))
        total = op.add(total, op.reshape(along, [size if i == axis else 1 for i in range(len(dims))]))
    return op.reshape(op.broadcast_to(total, list(dims)), [prod(dims)])


def taken(values: Expr, indices: Expr, axis: int = 0) -> Expr:
    """Elements of `values` along one axis; all indices must be inside."""
    return op.take(values, indices, axis=axis, mode="clip")  # the default mode warns of what it does not check

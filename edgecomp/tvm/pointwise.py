"""Products, sums, tables and normalisations of the integer network, in Relax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from tvm.relax import op

from edgecomp.qops.add import Add
from edgecomp.qops.fully_connected import FullyConnected
from edgecomp.qops.log_softmax import LogSoftmax
from edgecomp.qops.lut import Lut
from edgecomp.qops.matmul import MatMul
from edgecomp.qops.mul import Mul
from edgecomp.qops.prelu import PRelu
from edgecomp.qops.softmax import Softmax
from edgecomp.tvm.integers import Expr, cast, clamped, constant, requantized, taken, weighted

_ONE_Q16 = 1 << 16  # the fixed point of LogSoftmax


def fully_connected(layer: FullyConnected, x: Expr) -> Expr:
    """Every row times the matrix."""
    weights = np.asarray(layer.weights).reshape(layer.output_n, layer.input_n)
    sums = op.matmul(op.reshape(x, [layer.rows, layer.input_n]), constant(weights.T, "int8"), out_dtype="int32")
    return requantized(op.add(sums, constant(layer.bias, "int32")), constant(layer.multiplier, "int64"), layer)


def matmul(layer: MatMul, a: Expr, b: Expr) -> Expr:
    """A batch of products; an operand of batch stride 0 is one matrix for all."""
    left = op.reshape(a, [layer.batch if layer.a_batch_stride else 1, layer.rows, layer.inner])
    shape = [layer.columns, layer.inner] if layer.b_transposed else [layer.inner, layer.columns]
    right = op.reshape(b, [layer.batch if layer.b_batch_stride else 1, *shape])
    if layer.b_transposed:
        right = op.permute_dims(right, [0, 2, 1])
    product = op.matmul(_centred(left, layer.a_zero_point), _centred(right, layer.b_zero_point), out_dtype="int32")
    every = op.broadcast_to(product, [layer.batch, layer.rows, layer.columns])
    return requantized(every, constant(layer.multiplier, "int64"), layer)


def add(layer: Add, a: Expr, b: Expr) -> Expr:
    """A weighted sum with one arithmetic shift."""
    terms = (
        weighted(_boxed(a, layer.dims, layer.a_steps), layer.weight_a),
        weighted(_boxed(b, layer.dims, layer.b_steps), layer.weight_b),
    )
    total = op.add(op.add(*terms), constant(layer.bias, "int32"))
    return clamped(op.right_shift(total, constant(layer.right_shift, "int32")), layer.clamp_min, layer.clamp_max, "int32")


def mul(layer: Mul, a: Expr, b: Expr) -> Expr:
    """A product of values less their zero points."""
    left = _centred(_boxed(a, layer.dims, layer.a_steps), layer.a_zero_point)
    right = _centred(_boxed(b, layer.dims, layer.b_steps), layer.b_zero_point)
    return requantized(op.multiply(left, right), constant(layer.multiplier, "int64"), layer)


def _boxed(x: Expr, dims: Sequence[int], steps: Sequence[int]) -> Expr:
    """A dense operand in its own shape, aligned with the box: length 1 along axes it is repeated on."""
    return op.reshape(x, [size if step else 1 for size, step in zip(dims, steps, strict=True)])


def _centred(x: Expr, zero_point: int) -> Expr:
    return op.subtract(cast(x, "int32"), constant(zero_point, "int32"))


def lut(layer: Lut, x: Expr) -> Expr:
    """A gather from the table."""
    return taken(constant(layer.table, "int8"), op.add(cast(x, "int32"), constant(128, "int32")))


def prelu(layer: PRelu, x: Expr) -> Expr:
    """Both branches are computed, one is taken."""
    values = _centred(op.reshape(x, [layer.count // layer.channels, layer.channels]), layer.input_zero_point)
    negative = op.less(values, constant(0, "int32"))
    factor = op.where(negative, constant(layer.slope, "int32"), constant(layer.one, "int32"))
    return requantized(op.multiply(values, factor), constant(layer.multiplier, "int64"), layer)


def softmax(layer: Softmax, x: Expr) -> Expr:
    """Exponentials by table, then a rounded division."""
    e = taken(constant(layer.table, "int64"), _distance(layer, x))
    total = op.sum(e, axis=[1], keepdims=True)
    share = op.floor_divide(op.add(op.multiply(e, constant(512, "int64")), total), op.multiply(total, constant(2, "int64")))
    return clamped(op.subtract(share, constant(128, "int64")), -128, 127, "int64")


def log_softmax(layer: LogSoftmax, x: Expr) -> Expr:
    """-(distance * step) - ln(sum), in fixed point with 16 fraction bits."""
    distance = _distance(layer, x)
    total = op.sum(taken(constant(layer.exp_table, "int64"), distance), axis=[1], keepdims=True)
    fixed = op.negative(op.add(op.multiply(distance, constant(layer.step, "int64")), _logarithm(total, layer)))
    return requantized(fixed, constant(layer.multiplier, "int64"), _LogSoftmaxScaling(layer))


class _LogSoftmaxScaling:
    """What `requantized` asks of a layer; LogSoftmax has no shift and clamps to the whole of int8."""

    shift = 0
    clamp_min = -128
    clamp_max = 127

    def __init__(self, layer: LogSoftmax) -> None:
        self.output_zero_point = layer.output_zero_point


def _distance(layer: Any, x: Expr) -> Expr:
    """int64 [rows, depth]: how far each element is below the largest of its row."""
    wide = cast(op.reshape(x, [layer.rows, layer.depth]), "int64")
    return op.subtract(op.max(wide, axis=[1], keepdims=True), wide)


def _logarithm(total: Expr, layer: LogSoftmax) -> Expr:
    """ln(total / 65535) of totals in 1..2^32 - 1: the power of two below, and 64 linear segments up to the next."""
    powers = constant([1 << k for k in range(1, 32)], "int64")
    exponent = op.sum(cast(op.greater_equal(total, powers), "int64"), axis=[1], keepdims=True)
    scaling = op.left_shift(constant(1, "int64"), op.subtract(constant(31, "int64"), exponent))
    above = op.subtract(op.multiply(total, scaling), constant(1 << 31, "int64"))
    index = op.right_shift(above, constant(25, "int64"))
    fraction = op.right_shift(op.subtract(above, op.multiply(index, constant(1 << 25, "int64"))), constant(9, "int64"))
    table = constant(layer.log_table, "int64")
    low, high = taken(table, index), taken(table, op.add(index, constant(1, "int64")))
    inside = op.add(op.multiply(op.subtract(high, low), fraction), constant(_ONE_Q16 // 2, "int64"))
    whole = op.multiply(exponent, constant(round(np.log(2) * _ONE_Q16), "int64"))
    scale = constant(round(np.log(65535) * _ONE_Q16), "int64")
    return op.add(op.subtract(op.add(whole, low), scale), op.right_shift(inside, constant(16, "int64")))

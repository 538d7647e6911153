"""Operators that move elements: copies, concatenation and resizes of the integer network, in Relax."""

from __future__ import annotations

import numpy as np
from tvm.relax import op

from edgecomp.qops.concat import Concat
from edgecomp.qops.copy import Copy
from edgecomp.qops.resize_bilinear import ResizeBilinear
from edgecomp.qops.resize_nearest import ResizeNearest
from edgecomp.tvm.integers import Expr, cast, clamped, constant, offsets, taken, weighted


def copy(layer: Copy, x: Expr) -> Expr:
    """A gather, then a scatter into what is filled."""
    picked = taken(x, offsets(layer.dims, layer.input_steps, layer.input_offset))
    filled = constant(np.full(layer.output_size, layer.fill_value), "int8")
    return op.scatter_elements(filled, offsets(layer.dims, layer.output_steps, layer.output_offset), picked, axis=0)


def concat(layer: Concat, *inputs: Expr) -> Expr:
    """Each input rescaled, row beside row."""
    return op.concat([_rescaled(layer, i, op.reshape(x, [layer.outer, int(layer.inner[i])])) for i, x in enumerate(inputs)], axis=1)


def _rescaled(layer: Concat, i: int, x: Expr) -> Expr:
    shift = int(layer.right_shift[i])
    if shift == 0:
        return x
    total = op.add(weighted(x, int(layer.weight[i])), constant(int(layer.bias[i]), "int32"))
    return clamped(op.right_shift(total, constant(shift, "int32")), -128, 127, "int32")


def resize_nearest(layer: ResizeNearest, x: Expr) -> Expr:
    """Rows picked, then columns."""
    image = op.reshape(x, [layer.input_h, layer.input_w, layer.input_c])
    return taken(taken(image, constant(layer.rows, "int32")), constant(layer.columns, "int32"), axis=1)


def resize_bilinear(layer: ResizeBilinear, x: Expr) -> Expr:
    """A weighted sum of two rows, then of two columns; one rounding at the end."""
    image = cast(op.reshape(x, [layer.input_h, layer.input_w, layer.input_c]), "int32")
    for axis, name in enumerate(("row", "column")):
        weight = np.asarray(getattr(layer, f"{name}_weight"), np.int32).reshape([-1, 1, 1] if axis == 0 else [-1, 1])
        low, high = (taken(image, constant(getattr(layer, f"{name}_{end}"), "int32"), axis=axis) for end in ("low", "high"))
        image = op.add(op.multiply(low, constant(1024 - weight, "int32")), op.multiply(high, constant(weight, "int32")))
    return clamped(op.right_shift(op.add(image, constant(1 << 19, "int32")), constant(20, "int32")), -128, 127, "int32")

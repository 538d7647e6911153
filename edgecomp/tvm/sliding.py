"""Convolutions and pools of the integer network, in Relax."""

from __future__ import annotations

from typing import Any

import numpy as np
from tvm.relax import op

from edgecomp.qops.avg_pool2d import AveragePool2D
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv2d_zero_input import Conv2DZeroInput
from edgecomp.qops.conv_transpose2d import ConvTranspose2D
from edgecomp.qops.depthwise_conv2d import DepthwiseConv2D
from edgecomp.qops.max_pool2d import MaxPool2D
from edgecomp.tvm.integers import Expr, clamped, constant, requantized, taken

_GEOMETRY = ("input", "output", "kernel", "stride", "dilation")


def conv2d(layer: Conv2D, x: Expr) -> Expr:
    """Any groups and dilation; taps outside the input read the zero point."""
    weights = np.asarray(layer.weights).reshape(layer.output_c, layer.kernel_h, layer.kernel_w, -1).transpose(1, 2, 3, 0)
    sums = _convolved(_windowed(layer, x, layer.input_c, layer.input_zero_point), weights, layer, layer.groups)
    return _finished(op.add(sums, constant(layer.bias, "int32")), layer)


def conv2d_zero_input(layer: Conv2DZeroInput, x: Expr) -> Expr:
    """A convolution of inputs of which those close above the zero point are put to it."""
    zero, wide = layer.input_zero_point, op.astype(x, "int32")
    near = op.logical_and(op.greater_equal(wide, constant(zero, "int32")), op.less_equal(wide, constant(zero + layer.zero_span, "int32")))
    return conv2d(layer, op.where(near, constant(zero, "int8"), x))


def depthwise_conv2d(layer: DepthwiseConv2D, x: Expr) -> Expr:
    """A grouped convolution of one input channel a group."""
    weights = np.asarray(layer.weights).reshape(layer.kernel_h, layer.kernel_w, 1, layer.output_c)
    sums = _convolved(_windowed(layer, x, layer.input_c, layer.input_zero_point), weights, layer, layer.input_c)
    return _finished(op.add(sums, constant(layer.bias, "int32")), layer)


def conv_transpose2d(layer: ConvTranspose2D, x: Expr) -> Expr:
    """The input is extended by its zero point, so that every tap of a phase reads something; then the middle is cut out."""
    image = op.reshape(x, [1, layer.input_h, layer.input_w, layer.input_c])
    before_h, after_h = _reach_around("h", layer, layer.pad_top)
    before_w, after_w = _reach_around("w", layer, layer.pad_left)
    image = op.nn.pad(image, [0, 0, before_h, after_h, before_w, after_w, 0, 0], pad_value=layer.input_zero_point)
    groups, outputs = layer.groups, layer.output_c // layer.groups
    weights = np.asarray(layer.weights).reshape(groups, outputs, layer.kernel_h, layer.kernel_w, layer.input_c // groups)
    weights = weights.transpose(0, 4, 1, 2, 3).reshape(layer.input_c, outputs, layer.kernel_h, layer.kernel_w)
    spread = op.nn.conv2d_transpose(
        op.permute_dims(image, [0, 3, 1, 2]),
        constant(weights, "int8"),
        strides=(layer.stride_h, layer.stride_w),
        dilation=(layer.dilation_h, layer.dilation_w),
        groups=groups,
        out_dtype="int32",
    )
    top, left = layer.pad_top + before_h * layer.stride_h, layer.pad_left + before_w * layer.stride_w
    sums = _cut(op.permute_dims(spread, [0, 2, 3, 1]), (top, left), (layer.output_h, layer.output_w))
    bias = constant(np.asarray(layer.bias).reshape(layer.stride_h, layer.stride_w, layer.output_c), "int32")
    row_phases = [(y + layer.pad_top) % layer.stride_h for y in range(layer.output_h)]
    column_phases = [(x + layer.pad_left) % layer.stride_w for x in range(layer.output_w)]
    bias = taken(taken(bias, constant(row_phases, "int32")), constant(column_phases, "int32"), axis=1)
    return _finished(op.add(sums, bias), layer)


def _reach_around(axis: str, layer: ConvTranspose2D, pad: int) -> tuple[int, int]:
    """How many inputs before and behind the image the taps of all outputs reach."""
    size, outputs, kernel, stride, dilation = (getattr(layer, f"{name}_{axis}") for name in _GEOMETRY)
    before = -((pad - (kernel - 1) * dilation) // stride)
    return max(before, 0), max((outputs - 1 + pad) // stride - size + 2, 0)


def max_pool2d(layer: MaxPool2D, x: Expr) -> Expr:
    """-128 stands around the image: it never wins."""
    best = op.nn.max_pool2d(
        _windowed(layer, x, layer.input_c, -128),
        pool_size=(layer.kernel_h, layer.kernel_w),
        strides=(layer.stride_h, layer.stride_w),
        dilation=(layer.dilation_h, layer.dilation_w),
        layout="NHWC",
    )
    return clamped(best, layer.clamp_min, layer.clamp_max, "int8")


def avg_pool2d(layer: AveragePool2D, x: Expr) -> Expr:
    """Sums and the number of their taps, both as convolutions with ones; the number picks the multiplier."""
    ones = np.ones((layer.kernel_h, layer.kernel_w, 1, layer.input_c))
    sums = _convolved(_windowed(layer, x, layer.input_c, layer.input_zero_point), ones, layer, layer.input_c)
    centred = op.subtract(sums, constant(layer.kernel_h * layer.kernel_w * layer.input_zero_point, "int32"))
    mask = op.reshape(op.ones([layer.input_h * layer.input_w], "int8"), [1, layer.input_h, layer.input_w, 1])
    around = [0, 0, layer.pad_top, layer.pad_bottom, layer.pad_left, layer.pad_right, 0, 0]
    mask = op.nn.pad(mask, around, pad_value=layer.count_include_pad)
    height, width = layer.input_h + layer.pad_top + layer.pad_bottom, layer.input_w + layer.pad_left + layer.pad_right
    counts = _convolved(_extended(mask, layer, (height, width), (0, 0), 0), ones[..., :1], layer, 1)
    entry = op.subtract(counts, constant(layer.smallest_count, "int32"))
    return requantized(centred, taken(constant(layer.multiplier, "int64"), entry), layer)


def _windowed(layer: Any, x: Expr, channels: int, fill: int) -> Expr:
    """The image [1, h, w, c] with `fill` around it, of just the size that all windows cover."""
    image = op.reshape(x, [1, layer.input_h, layer.input_w, channels])
    return _extended(image, layer, (layer.input_h, layer.input_w), (layer.pad_top, layer.pad_left), fill)


def _extended(image: Expr, layer: Any, sizes: tuple[int, int], before: tuple[int, int], fill: int) -> Expr:
    reaches, pads = [], [0, 0]
    for axis, size, start in zip("hw", sizes, before, strict=True):
        _, outputs, kernel, stride, dilation = (getattr(layer, f"{name}_{axis}") for name in _GEOMETRY)
        reaches.append((outputs - 1) * stride + (kernel - 1) * dilation + 1)
        pads += [start, max(reaches[-1] - start - size, 0)]
    return _cut(op.nn.pad(image, [*pads, 0, 0], pad_value=fill), (0, 0), (reaches[0], reaches[1]))


def _cut(image: Expr, start: tuple[int, int], size: tuple[int, int]) -> Expr:
    return op.strided_slice(image, [1, 2], list(start), [start[0] + size[0], start[1] + size[1]])


def _convolved(image: Expr, weights: Any, layer: Any, groups: int) -> Expr:
    """int32 sums of an int8 image [1, h, w, c] and weights [h, w, c / groups, outputs]."""
    return op.nn.conv2d(
        image,
        constant(weights, "int8"),
        strides=(layer.stride_h, layer.stride_w),
        dilation=(layer.dilation_h, layer.dilation_w),
        groups=groups,
        data_layout="NHWC",
        kernel_layout="HWIO",
        out_dtype="int32",
    )


def _finished(accumulator: Expr, layer: Any) -> Expr:
    return requantized(accumulator, constant(layer.multiplier, "int64"), layer)

"""Images as kernels see them: height, width, channels; a sequence is an image of height 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgecomp.graph import Array, Node, Shape
from edgecomp.ops.base import refusal
from edgecomp.qops.depthwise_conv2d import DepthwiseConv2D
from edgecomp.qops.requantize import multiplier_and_shift
from edgecomp.quant.scheme import WEIGHT_MAX

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering, Result

CHANNELS_LAST: dict[int, Shape] = {1: (0, 2, 1), 2: (0, 2, 3, 1)}
"""Number of spatial axes -> order of the axes in which kernels store an image."""


def image_size(node: Node, shape: Shape) -> tuple[int, int]:
    """Height and width of [1, C, H, W] or [1, C, W].

    Raises:
        UnsupportedError: more than one image.
    """
    if shape[0] != 1:
        raise refusal(node, f"a batch of {shape[0]} inside the network", "1", "split it along axis 0")
    height, width = (1, 1, *shape[2:])[-2:]
    return height, width


def both(values: Shape, fill: int = 1) -> tuple[int, int]:
    """One value for height and one for width."""
    first, second = (fill, *values)[-2:]
    return first, second


def geometry(node: Node, lowering: Lowering) -> dict[str, Any]:
    """The members that all sliding kernels share, from an operator with kernel_shape, strides, dilations and pads."""
    op: Any = node.op
    input_h, input_w = image_size(node, lowering.shape(str(node.inputs[0])))
    output_h, output_w = image_size(node, lowering.shape(node.outputs[0]))
    kernel_h, kernel_w = both(op.kernel_shape)
    stride_h, stride_w = both(op.strides)
    dilation_h, dilation_w = both(op.dilations)
    begins = op.pads[: len(op.pads) // 2]
    pad_top, pad_left = both(begins, 0)
    return {
        "input_h": input_h,
        "input_w": input_w,
        "input_c": lowering.shape(str(node.inputs[0]))[1],
        "output_h": output_h,
        "output_w": output_w,
        "kernel_h": kernel_h,
        "kernel_w": kernel_w,
        "stride_h": stride_h,
        "stride_w": stride_w,
        "dilation_h": dilation_h,
        "dilation_w": dilation_w,
        "pad_top": pad_top,
        "pad_left": pad_left,
    }


def affine(node: Node, lowering: Lowering, name: str, axis: int, gain: Array, offset: Array, result: Result) -> None:
    """gain * x + offset, one of each along `axis`: a depthwise 1x1 convolution whose scales are the gains, so none is rounded to int8."""
    shape = lowering.shape(name)
    order = (*(a for a in range(len(shape)) if a != axis), axis)
    source = lowering.ordered(name, order)
    quant = lowering.quant(name)
    scales = np.where(gain == 0, 1.0, np.abs(gain.astype(np.float64))) / WEIGHT_MAX
    weights = (np.sign(gain) * WEIGHT_MAX).astype(np.int8)
    accumulator_scale = quant.step * scales
    plain = np.rint(offset.astype(np.float64) / accumulator_scale)
    if np.abs(plain).max(initial=0) > 2**30:  # a gain that is nothing beside its offset
        accumulator_scale = np.maximum(accumulator_scale, np.abs(offset) / 2.0**29)
        weights = np.rint(gain * quant.step / accumulator_scale).astype(np.int8)
        plain = np.rint(offset.astype(np.float64) / accumulator_scale)
    bias = (plain - quant.zero * weights.astype(np.float64)).astype(np.int32)
    multiplier, shift = multiplier_and_shift(accumulator_scale / result.quant.step)
    channels = shape[axis]
    pixels = int(np.prod(shape)) // channels
    height = next(h for h in range(1, pixels + 1) if pixels % h == 0 and pixels // h < 65536)
    op = DepthwiseConv2D(
        input_h=height,
        input_w=pixels // height,
        input_c=channels,
        output_h=height,
        output_w=pixels // height,
        output_c=channels,
        kernel_h=1,
        kernel_w=1,
        stride_h=1,
        stride_w=1,
        dilation_h=1,
        dilation_w=1,
        pad_top=0,
        pad_left=0,
        channel_multiplier=1,
        input_zero_point=quant.zero,
        output_zero_point=result.quant.zero,
        clamp_min=result.clamp_min,
        clamp_max=result.clamp_max,
        weights=weights.reshape(1, 1, channels),
        bias=bias,
        multiplier=multiplier,
        shift=shift,
    )
    lowering.emit(op, (source,), result, order)

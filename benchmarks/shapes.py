"""Integer operators of given shapes with random parameters, for measuring."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgecomp.qgraph import QOp
from edgecomp.qops.add import Add
from edgecomp.qops.avg_pool2d import AveragePool2D
from edgecomp.qops.boxes import broadcast_box
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.depthwise_conv2d import DepthwiseConv2D
from edgecomp.qops.fully_connected import FullyConnected
from edgecomp.qops.lut import Lut
from edgecomp.qops.max_pool2d import MaxPool2D
from edgecomp.qops.mul import Mul
from edgecomp.qops.rescale import add_weights
from edgecomp.qops.softmax import Softmax, exponential_table

RANDOM = np.random.default_rng(2024)
INT8 = (-128, 127)


def _weights(*shape: int) -> np.ndarray:
    return RANDOM.integers(-127, 128, shape).astype(np.int8)


def _rescaling(channels: int) -> tuple[np.ndarray, np.ndarray]:
    return RANDOM.integers(-4000, 4000, channels).astype(np.int32), RANDOM.integers(1 << 18, 1 << 21, channels).astype(np.int32)


def window(
    h: int, w: int, kernel: tuple[int, int], stride: int = 1, dilation: int = 1, pad: tuple[int, int] | None = None
) -> dict[str, int]:
    """Geometry of a sliding operator; padding keeps the size at stride 1 unless given."""
    kernel_h, kernel_w = kernel
    reach_h, reach_w = (kernel_h - 1) * dilation + 1, (kernel_w - 1) * dilation + 1
    pad_h, pad_w = pad if pad is not None else ((reach_h - 1) // 2, (reach_w - 1) // 2)
    return {
        "input_h": h,
        "input_w": w,
        "output_h": (h + 2 * pad_h - reach_h) // stride + 1,
        "output_w": (w + 2 * pad_w - reach_w) // stride + 1,
        "kernel_h": kernel_h,
        "kernel_w": kernel_w,
        "stride_h": stride,
        "stride_w": stride,
        "dilation_h": dilation,
        "dilation_w": dilation,
        "pad_top": pad_h,
        "pad_left": pad_w,
    }


def conv(
    h: int,
    w: int,
    c: int,
    o: int,
    kernel: tuple[int, int] = (3, 3),
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    pad: tuple[int, int] | None = None,
) -> Conv2D:
    """A convolution with random weights."""
    bias, multiplier = _rescaling(o)
    return Conv2D(
        **window(h, w, kernel, stride, dilation, pad),
        input_c=c,
        output_c=o,
        groups=groups,
        input_zero_point=-3,
        output_zero_point=5,
        clamp_min=INT8[0],
        clamp_max=INT8[1],
        weights=_weights(o, *kernel, c // groups),
        bias=bias,
        multiplier=multiplier,
        shift=0,
    )


def depthwise(
    h: int, w: int, c: int, kernel: tuple[int, int] = (3, 3), stride: int = 1, dilation: int = 1, channel_multiplier: int = 1
) -> DepthwiseConv2D:
    """A depthwise convolution with random weights."""
    bias, multiplier = _rescaling(c * channel_multiplier)
    return DepthwiseConv2D(
        **window(h, w, kernel, stride, dilation),
        input_c=c,
        output_c=c * channel_multiplier,
        channel_multiplier=channel_multiplier,
        input_zero_point=-3,
        output_zero_point=5,
        clamp_min=INT8[0],
        clamp_max=INT8[1],
        weights=_weights(*kernel, c * channel_multiplier),
        bias=bias,
        multiplier=multiplier,
        shift=0,
    )


def dense(inputs: int, outputs: int, rows: int = 1) -> FullyConnected:
    """A fully connected layer with random weights."""
    bias, multiplier = _rescaling(outputs)
    return FullyConnected(rows, inputs, outputs, 5, *INT8, _weights(outputs, inputs), bias, multiplier, 0)


def add(a: tuple[int, ...], b: tuple[int, ...]) -> Add:
    """A sum with broadcasting."""
    return Add(*broadcast_box(a, b), *add_weights(0.02, 0.03, -3, 4, 0.05, 1), *INT8)


def mul(a: tuple[int, ...], b: tuple[int, ...]) -> Mul:
    """A product with broadcasting."""
    return Mul(*broadcast_box(a, b), -3, 4, 1, *INT8, 1 << 24, 0)


def average(h: int, w: int, c: int, kernel: tuple[int, int], stride: int = 1) -> AveragePool2D:
    """Average pooling without padding."""
    geometry = window(h, w, kernel, stride, pad=(0, 0))
    pool = AveragePool2D(
        **geometry,
        input_c=c,
        pad_bottom=0,
        pad_right=0,
        count_include_pad=0,
        input_zero_point=-3,
        output_zero_point=5,
        clamp_min=INT8[0],
        clamp_max=INT8[1],
        smallest_count=0,
        multiplier=np.ones(1, np.int32),
        shift=0,
    )
    return pool.with_scale(0.7)


def maximum(h: int, w: int, c: int, kernel: tuple[int, int] = (2, 2), stride: int = 2) -> MaxPool2D:
    """Max pooling without padding."""
    return MaxPool2D(**window(h, w, kernel, stride, pad=(0, 0)), input_c=c, clamp_min=INT8[0], clamp_max=INT8[1])


GRID: Mapping[str, QOp] = {
    "conv 3x3 16->16 @32x32": conv(32, 32, 16, 16),
    "conv 3x3 32->32 @16x16": conv(16, 16, 32, 32),
    "conv 3x3 64->64 @8x8": conv(8, 8, 64, 64),
    "conv 3x3 s2 16->32 @32x32": conv(32, 32, 16, 32, stride=2),
    "conv 3x3 3->16 @32x32": conv(32, 32, 3, 16),
    "conv 10x4 s2 1->64 @49x10": conv(49, 10, 1, 64, (10, 4), 2, pad=(4, 1)),
    "conv 1x1 64->64 @25x5": conv(25, 5, 64, 64, (1, 1)),
    "conv 1x1 s2 16->32 @32x32": conv(32, 32, 16, 32, (1, 1), 2),
    "conv 5x5 24->20 @15x13": conv(15, 13, 24, 20, (5, 5)),
    "conv 7x7 s2 3->10 @31x29": conv(31, 29, 3, 10, (7, 7), 2),
    "conv 3x3 17->13 @11x7": conv(11, 7, 17, 13),
    "conv 3x3 d2 16->16 @16x16": conv(16, 16, 16, 16, dilation=2),
    "conv 3x3 g4 32->32 @12x12": conv(12, 12, 32, 32, groups=4),
    "conv 1x9 12->24 @1x100": conv(1, 100, 12, 24, (1, 9)),
    "depthwise 3x3 64 @25x5": depthwise(25, 5, 64),
    "depthwise 3x3 16 @48x48": depthwise(48, 48, 16),
    "depthwise 3x3 s2 32 @24x24": depthwise(24, 24, 32, stride=2),
    "depthwise 5x5 24 @14x14": depthwise(14, 14, 24, (5, 5)),
    "depthwise 3x3 13 @9x11": depthwise(9, 11, 13),
    "depthwise 3x3 d2 16 @16x16": depthwise(16, 16, 16, dilation=2),
    "depthwise 3x3 x2 12 @12x12": depthwise(12, 12, 12, channel_multiplier=2),
    "depthwise 1x7 20 @1x64": depthwise(1, 64, 20, (1, 7)),
    "dense 640->128": dense(640, 128),
    "dense 128->640": dense(128, 640),
    "dense 64->10": dense(64, 10),
    "dense 75->33": dense(75, 33),
    "dense 24->24 x20": dense(24, 24, 20),
    "add 32x32x16": add((32, 32, 16), (32, 32, 16)),
    "add 8x8x24 + 24": add((8, 8, 24), (24,)),
    "mul 16x16x8": mul((16, 16, 8), (16, 16, 8)),
    "mul 8x8x24 * 1x1x24": mul((8, 8, 24), (1, 1, 24)),
    "average 8x8 64": average(8, 8, 64, (8, 8)),
    "average 2x2 s2 16 @16x16": average(16, 16, 16, (2, 2), 2),
    "max 2x2 s2 16 @32x32": maximum(32, 32, 16),
    "max 3x3 s2 24 @15x15": maximum(15, 15, 24, (3, 3), 2),
    "softmax 10": Softmax(1, 10, exponential_table(0.1)),
    "softmax 64x20": Softmax(64, 20, exponential_table(0.1)),
    "table 4096": Lut(4096, _weights(256)),
}

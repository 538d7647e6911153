"""The convolution of RV32IM that leaves out zero inputs, `runtime_c/src/riscv/ec_conv2d_zero_input_s8.c`: weights, scratch, and shapes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgecomp.graph import Array
from edgecomp.plan.kernels import Kernel
from edgecomp.plan.overlap import sliding_distance
from edgecomp.qgraph import QOp
from edgecomp.qops.conv2d_zero_input import Conv2DZeroInput
from edgecomp.qops.requantize import INT32_MAX

QUAD = 4
"""Output channels whose sums share three accumulators."""
QUAD_WORDS = 3
QUADS = 6
"""Of a block at most."""
SUM_LIMIT = 1 << 22
"""Sums of products are below it and not below its negative."""
TILE_OUTPUTS = 2
TILE_POSITIONS = 4
MOST_OFFSET = (1 << 16) - 1
"""Bytes from a tap's first merged weight to its last, as an entry can say."""
MOST_SCRATCH_BYTES = 50 * 1024


def is_tiled(op: Conv2DZeroInput) -> bool:
    """Whether windows are three columns wide and lie side by side, so that two share four products."""
    return op.kernel_w == 3 and op.stride_w == op.dilation_w == 1


def _entries(op: Conv2DZeroInput) -> int:
    """In a unit."""
    return op.input_c // op.groups + 1


def _scratch_bytes(op: Conv2DZeroInput, quads: int) -> int:
    reach = (op.kernel_h - 1) * op.dilation_h + 1
    units = -(-op.output_w // TILE_OUTPUTS) * TILE_POSITIONS if is_tiled(op) else op.input_w
    channels, columns = op.input_c // op.groups, TILE_POSITIONS if is_tiled(op) else op.kernel_w
    words = op.kernel_h * columns * channels * quads * QUAD_WORDS
    return 4 * (2 * op.kernel_h + 3 * columns + reach + reach * units * _entries(op) + words) + channels


def _fits(op: Conv2DZeroInput, quads: int) -> bool:
    offset_bytes = 4 * quads * QUAD_WORDS * (op.input_c // op.groups)
    return offset_bytes <= MOST_OFFSET and _scratch_bytes(op, quads) <= MOST_SCRATCH_BYTES


def _quads(op: Conv2DZeroInput) -> int:
    """Of a block: what takes the fewest instructions for a listed input, and for listing it once a block; 0 where nothing fits."""
    channels = op.output_c // op.groups

    def instructions(quads: int) -> int:
        return -(-channels // (quads * QUAD)) * (9 * quads + 7)

    return min((quads for quads in range(1, QUADS + 1) if _fits(op, quads)), key=instructions, default=0)


def _weights(op: Conv2DZeroInput) -> Array:
    return np.asarray(op.weights, np.int64).reshape(op.output_c, -1)


def _starts(op: Conv2DZeroInput) -> Array:
    """Biases without the input's zero point, as the kernel adds them."""
    starts: Array = np.asarray(op.bias, np.int64) + op.input_zero_point * _weights(op).sum(axis=1) - SUM_LIMIT
    return starts


def _supports(op: QOp) -> bool:
    """Sums of products that stay in range whatever the inputs, and scratch of a bearable size."""
    assert isinstance(op, Conv2DZeroInput)
    weights = _weights(op)
    above, below = np.maximum(weights, 0).sum(axis=1), np.maximum(-weights, 0).sum(axis=1)
    most, least = 127 - op.input_zero_point, -128 - op.input_zero_point
    largest = int((most * above - least * below).max())
    smallest = int((least * above - most * below).min())
    in_range = largest < SUM_LIMIT and smallest >= -SUM_LIMIT and bool((_starts(op) >= -INT32_MAX).all())
    return in_range and _quads(op) > 0


def _pack(op: QOp) -> QOp:
    """A byte with the quads of a block, then [kernel_h, input_c / groups, kernel_w, channels] for each block of each group."""
    assert isinstance(op, Conv2DZeroInput)
    quads = _quads(op)
    groups = np.asarray(op.weights, np.int8).reshape(op.groups, op.output_c // op.groups, op.kernel_h, op.kernel_w, op.input_c // op.groups)
    blocks = [
        group[first : first + quads * QUAD].transpose(1, 3, 2, 0).ravel()
        for group in groups
        for first in range(0, len(group), quads * QUAD)
    ]
    return replace(op, weights=np.concatenate([np.array([quads], np.int8), *blocks]), bias=_starts(op).astype(np.int32))


def _overlap_bytes(op: QOp) -> int | None:
    """The rows that a row of outputs reads are listed before it is written; only where all channels are computed in one pass."""
    assert isinstance(op, Conv2DZeroInput)
    if op.groups > 1 or op.output_c > _quads(op) * QUAD:
        return None
    return sliding_distance(op, op.output_c, op.output_w, gathers=True)


def _scratch(op: QOp) -> int:
    assert isinstance(op, Conv2DZeroInput)
    return _scratch_bytes(op, _quads(op))


KERNEL = Kernel(Conv2DZeroInput.kernel, "riscv", supports=_supports, pack=_pack, scratch_bytes=_scratch, overlap_bytes=_overlap_bytes)

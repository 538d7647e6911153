"""Weights and ranges of kernels that get four products from three multiplications, see runtime_c/include/ec_four_sums.h."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgecomp.graph import Array
from edgecomp.qgraph import QOp
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.requantize import INT32_MAX

QUAD = 4
"""Output channels whose sums share three accumulators."""
QUAD_WORDS = 3
SUM_BITS = 24
"""What a sum may need, less those by which it comes out larger."""


def _extremes(op: Conv2D) -> tuple[int, int]:
    """The least and the largest sum of products of (input - zero point) and weight, whatever the inputs; not above and not below 0."""
    weights = np.asarray(op.weights, np.int64).reshape(op.output_c, -1)
    above, below = np.maximum(weights, 0).sum(axis=1), np.maximum(-weights, 0).sum(axis=1)
    most, least = 127 - op.input_zero_point, -128 - op.input_zero_point
    return int((least * above - most * below).min()), int((most * above - least * below).max())


def _starts(op: Conv2D) -> Array:
    """Biases without the input's zero point and without the offset that sums start from."""
    weights = np.asarray(op.weights, np.int64).reshape(op.output_c, -1)
    starts: Array = np.asarray(op.bias, np.int64) + op.input_zero_point * weights.sum(axis=1) + _extremes(op)[0]
    return starts


def in_range(op: Conv2D, enlarged_bits: int) -> bool:
    """Whether all sums are exact that come out 2**enlarged_bits times as large."""
    least, most = _extremes(op)
    return most - least < 1 << (SUM_BITS - enlarged_bits) and bool((_starts(op) >= -INT32_MAX).all())


def packed(op: Conv2D, quads: int, blocks: list[Array]) -> QOp:
    """Two words, the offset of sums and the quads of a block, then the blocks of weights; biases to match; multipliers doubled."""
    head = np.array([-_extremes(op)[0], quads], "<u4").view(np.int8)
    weights = np.concatenate([head, *(block.astype(np.int8).ravel() for block in blocks)])
    return replace(op, weights=weights, bias=_starts(op).astype(np.int32), multiplier=2 * np.asarray(op.multiplier))

"""Weights and working memory of convolutions that get three products from two multiplications, see runtime_c/include/ec_triples.h."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgecomp.graph import Array
from edgecomp.plan.kernels import Kernel, Tile
from edgecomp.plan.overlap import sliding_distance
from edgecomp.qgraph import QOp
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.requantize import accumulator_bound
from edgecomp.qops.windows import taps_inside

TRIPLE = 3
"""Output pixels whose sums share two accumulators."""
TRIPLE_BYTES = 8
"""What an element of a triple's patch takes."""
MOST_ELEMENTS = 1024
"""Of a window, for blocks of two triples; beyond, blocks are single triples."""
SUM_LIMIT = 1 << 20
"""Sums are within -SUM_LIMIT..SUM_LIMIT - 1."""
EASY = 0x80000000
"""EC_EASY."""
PAIRED = 0x40000000
"""EC_PAIRED."""
EASY_LIMIT = 7 << 39
"""Sums times multipliers stay below where they are easy to rescale."""


def _elements(op: Conv2D) -> int:
    return op.kernel_h * op.kernel_w * (op.input_c // op.groups)


def _triples(op: Conv2D) -> int:
    """In a block."""
    single = op.output_h * op.output_w <= TRIPLE or _elements(op) > MOST_ELEMENTS
    return 1 if single else 2


def _scratch_bytes(op: QOp, segment_bytes: int) -> int:
    """The patch, what is kept of each of its segments, and a tap in the padding."""
    assert isinstance(op, Conv2D)
    taps = op.output_h * op.output_w * op.kernel_h * op.kernel_w
    padding_bytes = op.input_c // op.groups if taps_inside(op) < taps else 0
    elements = _elements(op)
    segments = -(-elements // (_segment(op) or elements))
    return TRIPLE_BYTES * _triples(op) * elements + segments * segment_bytes + padding_bytes


def _overlap_bytes(op: QOp) -> int:
    """Without groups, all that a block reads is brought together before it is written."""
    assert isinstance(op, Conv2D)
    return sliding_distance(op, op.output_c, TRIPLE * _triples(op), gathers=op.groups == 1)


def segment_elements(weights: Array, bias: Array) -> int:
    """How many columns make a segment such that no sum over one leaves 21 bits, whatever the inputs; 0 for all columns and the bias.

    Args:
        weights: [channels, elements]; segments start at multiples of their size, the last may be shorter.
        bias: [channels].
    """
    count = weights.shape[1]
    above, below = np.maximum(weights, 0).astype(np.int64), np.maximum(-weights.astype(np.int64), 0)

    def exact(size: int, start: Array) -> bool:
        positive, negative = (np.add.reduceat(part, np.arange(0, count, size), axis=1) for part in (above, below))
        most, least = start + 127 * positive + 128 * negative, start - 128 * positive - 127 * negative
        return bool(most.max() < SUM_LIMIT and least.min() >= -SUM_LIMIT)

    if exact(count, bias.astype(np.int64)[:, None]):
        return 0
    return next(int(size) for segments in range(1, count + 1) if exact(size := -(-count // segments), np.zeros((1, 1), np.int64)))


def _segment(op: Conv2D) -> int:
    return segment_elements(np.asarray(op.weights, np.int8).reshape(op.output_c, -1), np.asarray(op.bias))


def _is_easy(op: Conv2D) -> bool:
    """Whether sums that need one segment are easy to rescale, too."""
    bound = accumulator_bound(np.asarray(op.weights).reshape(op.output_c, -1), np.asarray(op.bias), (1,))
    return op.shift == 0 and bool((bound * np.asarray(op.multiplier, np.int64)).max() < EASY_LIMIT)


def _pack_biased(op: QOp) -> QOp:
    """Weights plus 128, and whether sums are easy to rescale."""
    assert isinstance(op, Conv2D)
    weights = np.asarray(op.weights, np.int8).reshape(-1).view(np.uint8) ^ np.uint8(0x80)
    return _with_word(op, _segment(op) or EASY * _is_easy(op), weights.view(np.int8))


def _pack_paired(op: QOp) -> QOp:
    """Pairs of channels interleaved, but for those whose sums are shifted."""
    assert isinstance(op, Conv2D)
    groups = np.asarray(op.weights, np.int8).reshape(op.groups, op.output_c // op.groups, -1)
    if op.shift or groups.shape[1] == 1:
        return _with_word(op, _segment(op), groups)
    paired = groups.shape[1] // 2 * 2
    pairs = groups[:, :paired].reshape(op.groups, paired // 2, 2, -1).transpose(0, 1, 3, 2).reshape(op.groups, -1)
    rest = groups[:, paired:].reshape(op.groups, -1)
    return _with_word(op, _segment(op) | PAIRED, np.concatenate([pairs, rest], axis=1))


def _with_word(op: Conv2D, word: int, weights: Array) -> QOp:
    return replace(op, weights=np.concatenate([np.array([word], "<u4").view(np.int8), weights.reshape(-1)]))


def _sums_below(op: QOp, limit: int) -> bool:
    """Whether no shifted sum reaches the limit, whatever the inputs."""
    assert isinstance(op, Conv2D)
    weights = np.asarray(op.weights).reshape(op.output_c, -1)
    return int(accumulator_bound(weights, np.asarray(op.bias), (1,)).max()) << op.shift < limit


def conv2d(isa: str, biased: bool = False, sum_limit: int = 1 << 31, segment_bytes: int = 0) -> Kernel:
    """The convolution of an instruction set.

    Args:
        biased: weights plus 128, channel by channel; else as they are, in pairs.
        sum_limit: shifted sums must stay below.
        segment_bytes: scratch for each segment.
    """
    return Kernel(
        Conv2D.kernel,
        isa,
        tile=Tile(pixels=TRIPLE),
        supports=lambda op: _sums_below(op, sum_limit),
        pack=_pack_biased if biased else _pack_paired,
        scratch_bytes=lambda op: _scratch_bytes(op, segment_bytes),
        overlap_bytes=_overlap_bytes,
    )

"""Minimal filtering on RV32IM that leaves out zero inputs, `runtime_c/src/riscv_winograd/ec_conv2d_zero_input_s8.c`."""

from __future__ import annotations

import numpy as np

from edgecomp.plan.instruction_sets import riscv_zero_input
from edgecomp.plan.instruction_sets.four_sums import QUAD, QUAD_WORDS, in_range, packed
from edgecomp.plan.kernels import Kernel
from edgecomp.plan.overlap import sliding_distance
from edgecomp.qgraph import QOp
from edgecomp.qops.conv2d_zero_input import Conv2DZeroInput

QUADS = 4
"""Of a block at most."""
POSITIONS = 16
LANES = 4
"""Tiles whose inputs are transformed together."""
CHANNELS = 4
"""Input channels of a round of the inner loop."""
ENLARGED_BITS = 2
FILTER_BYTES = 51200
"""Of transformed filters at most, unless one block needs more: as in `ec_conv2d_zero_input_s8.c`."""
CLUSTERED_INPUTS = 2.5
"""How many of the up to four inputs that a transformed one is made of are zero or not by themselves."""
WINDOW_BYTES = 4 * 10 * 4
MOST_SCRATCH_BYTES = 57344


def _channels(op: Conv2DZeroInput) -> int:
    return -(-op.input_c // CHANNELS) * CHANNELS


def _block_bytes(op: Conv2DZeroInput, quads: int) -> int:
    """Of a block's transformed filters."""
    return 4 * POSITIONS * _channels(op) * quads * QUAD_WORDS


def _quads(op: Conv2DZeroInput) -> int:
    """Of a block: what leaves the fewest channels of the last block unused, then the largest."""
    return min(range(QUADS, 0, -1), key=lambda quads: -(-op.output_c // (quads * QUAD)) * (9 * quads + 5))


def _at_once(op: Conv2DZeroInput) -> int:
    """Output channels whose filters are transformed together."""
    quads = _quads(op)
    return max(FILTER_BYTES // _block_bytes(op, quads), 1) * quads * QUAD


def _scratch_bytes(op: QOp) -> int:
    """Sums of a tile, transformed inputs of four tiles, a window, transformed filters."""
    assert isinstance(op, Conv2DZeroInput)
    quads = _quads(op)
    blocks = -(-min(_at_once(op), op.output_c) // (quads * QUAD))
    inputs_bytes = 2 * POSITIONS * LANES * _channels(op)
    return 4 * POSITIONS * quads * QUAD_WORDS + inputs_bytes + WINDOW_BYTES + blocks * _block_bytes(op, quads)


def instructions(op: Conv2DZeroInput, density: float) -> float:
    """About what the kernel takes where a share of inputs remains, with zeros as clustered as behind a ReLU; measured by
    `benchmarks/zero_input.py`."""
    remaining = 1 - (1 - density) ** CLUSTERED_INPUTS
    size = _quads(op) * QUAD
    tiles = -(-op.output_h // 2) * -(-op.output_w // 2)
    blocks, passes = -(-op.output_c // size), -(-op.output_c // _at_once(op))
    words = _quads(op) * QUAD_WORDS
    products = blocks * POSITIONS * (2.75 * _channels(op) + 3 * words * op.input_c * remaining + 2 * words + 10)
    total = tiles * (products + passes * (85 * op.input_c + 400) + 122 * op.output_c)
    return float(total + 8 * 9 * op.input_c * op.output_c)


def _supports(op: QOp) -> bool:
    """3x3 and stride 1, sums in range, scratch of a bearable size, and fewer instructions than from lists."""
    assert isinstance(op, Conv2DZeroInput)
    density = op.density_percent / 100
    if riscv_zero_input.supports(op) and riscv_zero_input.instructions(op, density) < instructions(op, density):
        return False
    square = op.kernel_h == op.kernel_w == 3 and op.stride_h == op.stride_w == op.dilation_h == op.dilation_w == op.groups == 1
    return square and in_range(op, ENLARGED_BITS) and _scratch_bytes(op) <= MOST_SCRATCH_BYTES


def _pack(op: QOp) -> QOp:
    """For each block [input_c, 3, 3, channels]."""
    assert isinstance(op, Conv2DZeroInput)
    quads = _quads(op)
    weights = np.asarray(op.weights, np.int8).reshape(op.output_c, 3, 3, op.input_c)
    blocks = [weights[first : first + quads * QUAD].transpose(3, 1, 2, 0) for first in range(0, op.output_c, quads * QUAD)]
    return packed(op, quads, blocks)


def _overlap_bytes(op: QOp) -> int | None:
    """Two rows of outputs are written while their windows are read; only where all channels are computed in one pass."""
    assert isinstance(op, Conv2DZeroInput)
    if _at_once(op) < op.output_c:
        return None
    return sliding_distance(op, op.output_c, 2 * op.output_w)


KERNEL = Kernel(
    Conv2DZeroInput.kernel,
    "riscv_winograd",
    supports=_supports,
    pack=_pack,
    scratch_bytes=_scratch_bytes,
    overlap_bytes=_overlap_bytes,
)

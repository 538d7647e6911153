"""The convolution of RV32IM that lists inputs which are not zero, `runtime_c/src/riscv/ec_conv2d_zero_input_s8.c`."""

from __future__ import annotations

import numpy as np

from edgecomp.plan.instruction_sets.four_sums import QUAD, QUAD_WORDS, in_range, packed
from edgecomp.plan.kernels import Kernel
from edgecomp.plan.overlap import sliding_distance
from edgecomp.qgraph import QOp
from edgecomp.qops.conv2d_zero_input import Conv2DZeroInput
from edgecomp.qops.windows import taps_inside

QUADS = 6
"""Of a block at most."""
MOST_OFFSET = (1 << 16) - 1
"""Bytes from a tap's first merged weight to its last, as an entry can say."""
MOST_SCRATCH_BYTES = 57344


def _scratch_bytes(op: Conv2DZeroInput, quads: int) -> int:
    """Taps, rows and what is in the ring; the ring; the merged weights."""
    channels, taps = op.input_c // op.groups, op.kernel_h * op.kernel_w
    reach = (op.kernel_h - 1) * op.dilation_h + 1
    entries = reach * op.input_w * (channels + 1) + 1
    return 8 * (taps + 1) + 8 * op.kernel_h + 4 * reach + 4 * entries + 4 * taps * channels * quads * QUAD_WORDS


def _fits(op: Conv2DZeroInput, quads: int) -> bool:
    channels = op.input_c // op.groups
    return 4 * quads * QUAD_WORDS * channels <= MOST_OFFSET and _scratch_bytes(op, quads) <= MOST_SCRATCH_BYTES


def _quads(op: Conv2DZeroInput) -> int:
    """Of a block, the fewer the better of those that need the fewest blocks that fit; 0 where nothing fits."""
    all_quads = -(-op.output_c // op.groups // QUAD)
    most = max((quads for quads in range(1, min(QUADS, all_quads) + 1) if _fits(op, quads)), default=0)
    return -(-all_quads // -(-all_quads // most)) if most else 0


def supports(op: QOp) -> bool:
    """Sums in range whatever the inputs, and scratch of a bearable size."""
    assert isinstance(op, Conv2DZeroInput)
    return in_range(op, 0) and _quads(op) > 0


def _pack(op: QOp) -> QOp:
    """For each block of each group [kernel_h, kernel_w, input_c / groups, channels]."""
    assert isinstance(op, Conv2DZeroInput)
    size, outputs = _quads(op) * QUAD, op.output_c // op.groups
    groups = np.asarray(op.weights, np.int8).reshape(op.groups, outputs, -1)
    return packed(op, _quads(op), [group[first : first + size].T for group in groups for first in range(0, outputs, size)])


def instructions(op: Conv2DZeroInput, density: float) -> float:
    """About what the kernel takes where a share of inputs remains; measured by `benchmarks/zero_input.py`."""
    outputs, channels = op.output_c // op.groups, op.input_c // op.groups
    pixels, taps = op.output_h * op.output_w, taps_inside(op)
    total = 0.0
    for first in range(0, outputs, _quads(op) * QUAD):
        count = min(outputs - first, _quads(op) * QUAD)
        words = -(-count // QUAD) * QUAD_WORDS
        products = taps * (18 + channels * density * (3 * words + 5)) + pixels * (60 + 21 * count)
        listed = op.input_h * op.input_w * channels * (3.5 + 3 * density)
        total += products + listed + 4.5 * op.kernel_h * op.kernel_w * channels * count
    return op.groups * total


def _scratch(op: QOp) -> int:
    assert isinstance(op, Conv2DZeroInput)
    return _scratch_bytes(op, _quads(op))


def _overlap_bytes(op: QOp) -> int | None:
    """The rows that a row of outputs reads are listed before it is written; only where all channels are computed in one pass."""
    assert isinstance(op, Conv2DZeroInput)
    if op.groups > 1 or op.output_c > _quads(op) * QUAD:
        return None
    return sliding_distance(op, op.output_c, op.output_w, gathers=True)


KERNEL = Kernel(Conv2DZeroInput.kernel, "riscv", supports=supports, pack=_pack, scratch_bytes=_scratch, overlap_bytes=_overlap_bytes)

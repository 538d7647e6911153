"""3x3 convolution on RV32IM by Winograd's minimal filtering, in `runtime_c/src/riscv_winograd`: fewer products for more scratch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from edgecomp.plan.instruction_sets import riscv_winograd_zero_input
from edgecomp.plan.kernels import Kernel, Tile
from edgecomp.plan.overlap import sliding_distance
from edgecomp.qgraph import QOp

LANES = 4
"""Output channels, and tiles of 2x2 outputs, that a block computes together."""
CHANNEL_BYTES = 16 * LANES * 2
"""Of one transformed channel: 16 positions of int16."""
FILTER_BYTES = 16384
"""Of transformed filters at most, unless one block needs more: as in `ec_conv2d_s8.c`."""
SUM_BYTES = 16 * LANES * LANES * 4
WINDOW_BYTES = 4 * 10 * 4
MOST_SCRATCH_BYTES = 40960


def _blocks_at_once(op: Any) -> int:
    """Blocks of output channels whose filters are transformed together."""
    return int(max(FILTER_BYTES // (op.input_c * CHANNEL_BYTES), 1))


def _scratch_bytes(op: Any) -> int:
    """Sums of a block, transformed inputs of four tiles, a window, transformed filters."""
    block_bytes = op.input_c * CHANNEL_BYTES
    blocks = min(_blocks_at_once(op), -(-op.output_c // LANES))
    return int(SUM_BYTES + block_bytes + WINDOW_BYTES + blocks * block_bytes)


def _supports(op: Any) -> bool:
    """3x3 and stride 1, sums that fit when four times as large, scratch of a bearable size, and fewer instructions than without."""
    square = op.kernel_h == op.kernel_w == 3 and op.stride_h == op.stride_w == op.dilation_h == op.dilation_w == op.groups == 1
    if not square or _scratch_bytes(op) > MOST_SCRATCH_BYTES or _instructions(op) > _instructions_without(op):
        return False
    largest = 128 * int(np.abs(np.asarray(op.weights, np.int64)).reshape(op.output_c, -1).sum(axis=1).max())
    return 4 * largest < 1 << 31


def _instructions(op: Any) -> float:
    """About what the kernel takes: products, outputs, inputs and filters at what was measured for each."""
    tiles = -(-op.output_h // 2) * -(-op.output_w // (2 * LANES))
    blocks = -(-op.output_c // LANES)
    passes = -(-blocks // _blocks_at_once(op))
    products = tiles * blocks * 16 * (41 * op.input_c + 25)
    outputs = 28 * op.output_h * op.output_w * op.output_c
    inputs = tiles * passes * (4 * 64 * op.input_c + 300)
    return float(products + outputs + inputs + 64 * op.input_c * op.output_c)


def _instructions_without(op: Any) -> float:
    """About what the convolution of src/riscv takes: blocks of four channels, single channels, and what it gathers."""
    elements, blocked = 9 * op.input_c, op.output_c // LANES * LANES
    channels = blocked * (1.75 * elements + 15) + (op.output_c - blocked) * (2.9 * elements + 25)
    return float(op.output_h * op.output_w * (channels + 4.5 * elements + 90))


def _overlap_bytes(op: Any) -> int | None:
    """Two rows of outputs are written while their windows are read; only where all channels are computed in one pass."""
    if _blocks_at_once(op) * LANES < op.output_c:
        return None
    return sliding_distance(op, op.output_c, 2 * op.output_w)


def _pack(op: Any) -> QOp:
    """[output_c, 3, 3, input_c] in blocks of up to four output channels as [input_c, channels of the block, 3, 3]."""
    weights = np.asarray(op.weights).reshape(op.output_c, 9, op.input_c)
    blocks = [weights[first : first + LANES].transpose(2, 0, 1).ravel() for first in range(0, op.output_c, LANES)]
    packed: QOp = replace(op, weights=np.concatenate(blocks))
    return packed


KERNELS: Mapping[str, Kernel] = {
    "conv2d_s8": Kernel("conv2d_s8", "riscv_winograd", Tile(LANES, 4 * LANES), _supports, _pack, _scratch_bytes, _overlap_bytes),
    "conv2d_zero_input_s8": riscv_winograd_zero_input.KERNEL,
}

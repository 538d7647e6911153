"""Convolutions that list inputs which are not zero, for cores without vectors, see runtime_c/include/ec_zero_input_quads.h."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgecomp.graph import Array
from edgecomp.plan.instruction_sets.four_sums import QUAD, in_range, packed
from edgecomp.plan.kernels import Kernel, Tile
from edgecomp.plan.overlap import sliding_distance
from edgecomp.qgraph import QOp
from edgecomp.qops.conv2d_zero_input import Conv2DZeroInput
from edgecomp.qops.requantize import accumulator_bound

MOST_SCRATCH_BYTES = 57344


def _row_bytes(op: Conv2DZeroInput) -> int:
    """Weights of an input element for all output channels of a group."""
    return -(-op.output_c // op.groups // QUAD) * QUAD


def _scratch_bytes(op: QOp) -> int:
    """Rows and runs of a window, what is in the ring, the ring."""
    assert isinstance(op, Conv2DZeroInput)
    reach = (op.kernel_h - 1) * op.dilation_h + 1
    runs = op.kernel_h * (1 if op.dilation_w == 1 else op.kernel_w) + 1
    row_bytes = 8 * (op.input_w + 1) + 8 * op.input_w * (op.input_c // op.groups)
    return 8 * op.kernel_h + 12 * runs + 4 * reach + reach * row_bytes


def _supports(op: QOp, sum_limit: int) -> bool:
    """Sums are in range whatever the inputs, and scratch is of a bearable size."""
    assert isinstance(op, Conv2DZeroInput)
    largest = int(accumulator_bound(np.asarray(op.weights).reshape(op.output_c, -1), np.asarray(op.bias), (1,)).max()) << op.shift
    return _scratch_bytes(op) <= MOST_SCRATCH_BYTES and largest < sum_limit and in_range(op, 0)


def _words(op: Conv2DZeroInput) -> Array:
    """[groups, kernel_h * kernel_w * input_c / groups, channels in whole words], plus 128."""
    outputs = op.output_c // op.groups
    grouped = np.asarray(op.weights, np.int8).reshape(op.groups, outputs, -1).transpose(0, 2, 1)
    whole = np.pad(grouped, ((0, 0), (0, 0), (0, _row_bytes(op) - outputs)))
    return (np.ascontiguousarray(whole).view(np.uint8) ^ np.uint8(0x80)).view(np.int8)


def _pack(op: QOp) -> QOp:
    assert isinstance(op, Conv2DZeroInput)
    return replace(packed(op, 0, [_words(op)]), multiplier=op.multiplier)  # type: ignore[call-arg]


def _overlap_bytes(op: QOp) -> int | None:
    """The rows that a row of outputs reads are listed before it is written; each group reads the whole input again."""
    assert isinstance(op, Conv2DZeroInput)
    return sliding_distance(op, op.output_c, op.output_w, gathers=True) if op.groups == 1 else None


def conv2d(isa: str, sum_limit: int = 1 << 31) -> Kernel:
    """The convolution of an instruction set.

    Args:
        sum_limit: shifted sums must stay below.
    """
    return Kernel(
        Conv2DZeroInput.kernel,
        isa,
        tile=Tile(output_channels=2 * QUAD),
        supports=lambda op: _supports(op, sum_limit),
        pack=_pack,
        scratch_bytes=_scratch_bytes,
        overlap_bytes=_overlap_bytes,
    )

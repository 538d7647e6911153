"""Weights and working memory of the arm_dsp convolutions that predict zeros: the layouts of ec_spatial_block.h and ec_spatial_lists.h."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from edgecomp.plan.instruction_sets import arm_dsp_dense as dense
from edgecomp.plan.kernels import Kernel, Tile
from edgecomp.qgraph import IntArray, QOp
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv2d_add_spatial import Conv2DAddSpatial
from edgecomp.qops.conv2d_max_pool_spatial import Conv2DMaxPoolSpatial
from edgecomp.qops.conv2d_spatial import Conv2DSpatial
from edgecomp.qops.patches import Patches

SPATIAL = (Conv2DSpatial, Conv2DAddSpatial, Conv2DMaxPoolSpatial)
Predicting = Conv2DSpatial | Conv2DAddSpatial | Conv2DMaxPoolSpatial
ALIGNMENT_BYTES = 16
"""EC_SPATIAL_ALIGNMENT."""
LIST_BYTES = 8
"""A channel takes in the lists, and one more for what earlier positions of its mask found."""
WORD_LIMIT = 1 << 16
"""Channels in the lists are 16-bit numbers."""


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


def _order(op: Predicting) -> IntArray:
    """Channels in the order of records: where patches share their masks but channels do not, those of one mask side by side."""
    if not op.mask_channel_step or op.mask_row_step or op.mask_column_step:
        return np.arange(op.output_c)
    bits = Patches.of(op).bits.reshape(op.patch**2, op.output_c)
    masks = (bits.astype(np.int64) << np.arange(op.patch**2)[:, None]).sum(axis=0)
    every, left, order = (1 << op.patch**2) - 1, list(range(op.output_c)), []
    while left:
        first = int(masks[left[0]])
        for mask in (first, first ^ every):
            order += [channel for channel in left if masks[channel] == mask]
            left = [channel for channel in left if masks[channel] != mask]
    return np.array(order)


def supports(op: QOp) -> bool:
    """Channels in pairs that are exact, and share their masks where a residual is added; no groups; kernel rows that lie side by side
    where windows are cut out of a band."""
    assert isinstance(op, SPATIAL)
    if op.groups != 1 or op.output_c % 2 != 0 or op.output_c >= WORD_LIMIT:
        return False
    if (op.mask_channel_step and isinstance(op, Conv2DAddSpatial)) or (op.dilation_h != 1 and dense.needs_band(op)):
        return False
    weights = np.asarray(op.weights, np.int8).reshape(op.output_c, -1)[_order(op)]
    return dense.pairs_are_exact(weights[0::2], weights[1::2])


def pack(op: QOp) -> QOp:
    """Records of two channels: bias of the first, weights of both, bias of the second, thresholds, twice the multipliers."""
    assert isinstance(op, SPATIAL)
    pairs, order = op.output_c // 2, _order(op)
    weights = np.asarray(op.weights, np.int8).reshape(op.output_c, -1)[order].reshape(-1)
    rows = dense.in_order_of_patch(weights, dense.runs_of(op)).reshape(pairs, 2, -1)
    bias, twice = (each[order].reshape(pairs, 2) for each in dense.constants(op, (op.output_c,)))
    thresholds = np.asarray(op.thresholds, np.int64)[order].reshape(pairs, 2)
    words = dense.words_of_quads(dense.halfwords(rows[:, 0], rows[:, 1])).reshape(pairs, -1)
    parts = [dense.words32(bias[:, :1]), words, *(dense.words32(each) for each in (bias[:, 1:], thresholds, twice))]
    elsewhere: Any = None
    members: dict[str, Any] = {"bias": elsewhere, "multiplier": elsewhere, "thresholds": elsewhere}
    return replace(op, weights=np.concatenate(parts, axis=1).reshape(-1), **members)


def scratch_bytes(op: QOp) -> int:
    """Rows of a pool's window, lists, buffers of sums, patch, table of rests, band."""
    assert isinstance(op, SPATIAL)
    rows = _aligned(op.strip_rows * op.output_w * op.output_c) if isinstance(op, Conv2DMaxPoolSpatial) else 0
    buffers = dense.PIXELS if isinstance(op, Conv2DAddSpatial) else 0
    own = _aligned((LIST_BYTES + 1 + buffers) * op.output_c)
    return rows + own + dense.gather_bytes(op, (op.patch - 1) * op.stride_h + op.kernel_h)


def overlap_bytes(op: QOp) -> int | None:
    """A row of patches is written while its windows are read; a sum takes the residual's place instead."""
    if not isinstance(op, (Conv2DSpatial, Conv2DMaxPoolSpatial)):
        return None
    height = op.pool_kernel_h if isinstance(op, Conv2DMaxPoolSpatial) else op.patch
    written_rows, written_h, row_bytes = height, op.output_h, op.output_w * op.output_c
    if isinstance(op, Conv2DMaxPoolSpatial):
        written_rows, written_h, row_bytes = 1, op.pooled_h, op.pooled_w * op.output_c
    tops = np.arange(0, -(-op.output_h // height)) * height
    input_rows = np.clip(tops * op.stride_h - op.pad_top, 0, op.input_h)
    ends = np.minimum((tops // height + 1) * written_rows, written_h) * row_bytes
    return max(int((ends - input_rows * op.input_w * op.input_c).max()), 0)


def _kernel(kind: type[Conv2D], *uses: Kernel) -> Kernel:
    return Kernel(
        kind.kernel,
        dense.ISA,
        tile=Tile(output_channels=2, inputs=dense.QUAD),
        supports=supports,
        pack=pack,
        scratch_bytes=scratch_bytes,
        overlap_bytes=overlap_bytes,
        uses=uses,
    )


CONV2D_SPATIAL = _kernel(Conv2DSpatial)
"""Its source holds what the others call."""
MAX_POOL = Kernel("max_pool2d_s8", dense.ISA, Tile(output_channels=4))
KERNELS: Mapping[str, Kernel] = {
    Conv2DSpatial.kernel: CONV2D_SPATIAL,
    Conv2DAddSpatial.kernel: _kernel(Conv2DAddSpatial, CONV2D_SPATIAL),
    Conv2DMaxPoolSpatial.kernel: _kernel(Conv2DMaxPoolSpatial, CONV2D_SPATIAL, MAX_POOL),
}

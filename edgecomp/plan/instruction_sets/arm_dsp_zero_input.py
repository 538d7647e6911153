"""The arm_dsp convolution that lists inputs which are not zero, `runtime_c/src/arm_dsp/ec_conv2d_zero_input_s8.c`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from edgecomp.graph import Array
from edgecomp.plan.instruction_sets import arm_dsp_dense as dense
from edgecomp.plan.kernels import Kernel, Tile
from edgecomp.plan.overlap import sliding_distance
from edgecomp.qgraph import QOp
from edgecomp.qops.conv2d_zero_input import Conv2DZeroInput

BLOCK = 8
"""Output channels that are computed together."""
PAIR_BYTES = 12
SPARE_PAIRS = 3
MOST_OFFSET = (1 << 16) - 1
"""Bytes from a tap's first weights to its last, as an entry can say."""
MOST_SCRATCH_BYTES = 57344


def _blocks(op: Conv2DZeroInput) -> int:
    """Of a group."""
    return -(-op.output_c // op.groups // BLOCK)


def _scratch_bytes(op: QOp) -> int:
    """Pairs, what is in the ring, the ring."""
    assert isinstance(op, Conv2DZeroInput)
    channels = op.input_c // op.groups
    reach = (op.kernel_h - 1) * op.dilation_h + 1
    pairs = op.kernel_h * op.kernel_w * channels // 2 + SPARE_PAIRS
    return PAIR_BYTES * pairs + 4 * reach + 4 * reach * (op.input_w * (channels + 1) + 1)


def _in_blocks(op: Conv2DZeroInput, values: Array) -> Array:
    """[output_c, ...] as [groups, channels of whole blocks, ...], with zeros."""
    outputs = op.output_c // op.groups
    grouped = values.reshape(op.groups, outputs, -1)
    return np.pad(grouped, ((0, 0), (0, BLOCK * _blocks(op) - outputs), (0, 0)))


def _weights(op: Conv2DZeroInput) -> Array:
    return _in_blocks(op, np.asarray(op.weights, np.int8).reshape(op.output_c, -1))


def supports(op: QOp) -> bool:
    """Sums of channels in pairs are exact, offsets fit an entry, and scratch is of a bearable size."""
    assert isinstance(op, Conv2DZeroInput)
    weights = _weights(op)
    fits = op.input_c // op.groups * BLOCK * _blocks(op) <= MOST_OFFSET and _scratch_bytes(op) <= MOST_SCRATCH_BYTES
    return fits and dense.pairs_are_exact(weights[:, 0::2], weights[:, 1::2], op.input_zero_point)


def _pack(op: QOp) -> QOp:
    """For each group the constants of its blocks, then [kernel_h, kernel_w, input_c / groups, channels], two channels a halfword."""
    assert isinstance(op, Conv2DZeroInput)
    weights = _weights(op)
    bias, twice = dense.constants(op, (op.output_c, 1))
    starts = _in_blocks(op, bias) + op.input_zero_point * weights.astype(np.int64).sum(axis=2, keepdims=True)
    by_block = starts.reshape(op.groups, -1, BLOCK)
    constants = [by_block[..., 0::2], by_block[..., 1::2], _in_blocks(op, twice).reshape(op.groups, -1, BLOCK)]
    words = dense.words32(np.concatenate(constants, axis=2)).reshape(op.groups, -1)
    halfwords = dense.halfwords(weights[:, 0::2], weights[:, 1::2])
    rows = np.ascontiguousarray(halfwords.transpose(0, 2, 1), "<i2").view(np.int8).reshape(op.groups, -1)
    nowhere_else: Any = None
    members: dict[str, Any] = {"bias": nowhere_else, "multiplier": nowhere_else}
    return replace(op, weights=np.concatenate([words, rows], axis=1).reshape(-1), **members)


def _overlap_bytes(op: QOp) -> int | None:
    """The rows that a row of outputs reads are listed before it is written; each group reads the whole input again."""
    assert isinstance(op, Conv2DZeroInput)
    return sliding_distance(op, op.output_c, op.output_w, gathers=True) if op.groups == 1 else None


KERNEL = Kernel(
    Conv2DZeroInput.kernel,
    dense.ISA,
    tile=Tile(output_channels=BLOCK, inputs=2),
    supports=supports,
    pack=_pack,
    scratch_bytes=_scratch_bytes,
    overlap_bytes=_overlap_bytes,
)

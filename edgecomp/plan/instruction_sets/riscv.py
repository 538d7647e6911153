"""Kernels for RV32IM and up, in `runtime_c/src/riscv`: no vectors, so what counts is how many products share a load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from edgecomp.plan.kernels import Kernel, Tile
from edgecomp.plan.overlap import sliding_distance
from edgecomp.qgraph import QOp, S8Array

LANES = 4
"""Output channels, and pixels, that a block of the convolution computes together."""


def interleave(weights: S8Array, *lanes: int) -> S8Array:
    """[channels, count] with each whole block of the first of `lanes` channels as [count, lanes], then of the next; the rest as it is."""
    if not lanes:
        return weights.ravel()
    channels, count = weights.shape
    whole = channels // lanes[0] * lanes[0]
    blocks = weights[:whole].reshape(-1, lanes[0], count).transpose(0, 2, 1)
    return np.concatenate([blocks.ravel(), interleave(weights[whole:], *lanes[1:])])


def _pack_conv2d(op: Any) -> QOp:
    groups = np.asarray(op.weights).reshape(op.groups, op.output_c // op.groups, -1)
    packed: QOp = replace(op, weights=np.concatenate([interleave(group, LANES) for group in groups]))
    return packed


def _conv2d_scratch_bytes(op: Any) -> int:
    """Four patches of whole words, and one more where pixels are not made of words."""
    channels = op.input_c // op.groups
    patch_bytes = (op.kernel_h * op.kernel_w * channels + 3) // 4 * 4
    whole_words = channels % 4 == 0 and op.input_c % 4 == 0
    return int(patch_bytes * (LANES if whole_words else LANES + 1))


def _conv2d_overlap_bytes(op: Any) -> int:
    """Four pixels of a group are gathered before they are written."""
    return sliding_distance(op, op.output_c, LANES, gathers=op.groups == 1)


def _pack_fully_connected(op: Any) -> QOp:
    weights = np.asarray(op.weights).reshape(op.output_n, op.input_n)
    packed: QOp = replace(op, weights=interleave(weights, 8, 4))
    return packed


KERNELS: Mapping[str, Kernel] = {
    "conv2d_s8": Kernel(
        "conv2d_s8",
        "riscv",
        Tile(LANES, LANES),
        pack=_pack_conv2d,
        scratch_bytes=_conv2d_scratch_bytes,
        overlap_bytes=_conv2d_overlap_bytes,
    ),
    "fully_connected_s8": Kernel("fully_connected_s8", "riscv", Tile(8), pack=_pack_fully_connected),
}

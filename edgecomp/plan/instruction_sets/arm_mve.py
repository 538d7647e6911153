"""Kernels for the vector instructions of the M profile (Helium): one line a kernel, with the shapes and the weights they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edgecomp.graph import Array
from edgecomp.plan.kernels import Kernel, Tile
from edgecomp.plan.overlap import first_needed, sliding_distance
from edgecomp.qgraph import QOp
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.fully_connected import FullyConnected

ISA = "arm_mve"
VECTOR_BYTES = 16
BLOCK = 4
"""Output channels computed together; the last block reaches back over the one before it, so there must be as many."""
TRIO = 3
"""Pixels computed together where they have more inputs than HELD_INPUTS."""
HELD_INPUTS = 64
"""Inputs of a pixel that are held in registers."""
STRIP_BYTES = 2048
"""STRIP_BYTES of ec_conv2d_s8.c."""


def _padded(weights: Array, inputs: int) -> Array:
    """Weights with as many zeros behind them as a vector load of the last filter reads beyond its end."""
    beyond = -inputs % VECTOR_BYTES if inputs <= HELD_INPUTS else 0
    return np.append(weights.astype(np.int8).reshape(-1), np.zeros(beyond, np.int8))


def _fully_connected_supports(op: QOp) -> bool:
    assert isinstance(op, FullyConnected)
    return op.shift == 0 and op.output_n >= BLOCK


def _pack_fully_connected(op: QOp) -> QOp:
    assert isinstance(op, FullyConnected)
    return replace(op, weights=_padded(np.asarray(op.weights), op.input_n))


def _conv2d_supports(op: QOp) -> bool:
    assert isinstance(op, Conv2D)
    return op.shift == 0 and op.output_c // op.groups >= BLOCK


def _pack_conv2d(op: QOp) -> QOp:
    """Column by column: [output_c][kernel_w][kernel_h][input_c / groups]."""
    assert isinstance(op, Conv2D)
    channels = op.input_c // op.groups
    weights = np.asarray(op.weights).reshape(op.output_c, op.kernel_h, op.kernel_w, channels)
    return replace(op, weights=_padded(weights.transpose(0, 2, 1, 3), op.kernel_h * op.kernel_w * channels))


def _reads_in_place(op: Conv2D) -> bool:
    """Whether windows are single pixels, none in the padding."""
    inside = (op.output_h - 1) * op.stride_h < op.input_h and (op.output_w - 1) * op.stride_w < op.input_w
    return op.kernel_h == op.kernel_w == 1 and op.pad_top == op.pad_left == 0 and inside


def _strip_pixels(op: Conv2D, step: int) -> int:
    """fitting_pixels of ec_conv2d_s8.c."""
    columns = STRIP_BYTES // (op.kernel_h * (op.input_c // op.groups))
    fit = 0 if columns < op.kernel_w else (columns - op.kernel_w) // step + 1
    if fit >= op.output_w:
        return op.output_w
    return min(fit - fit % TRIO if fit >= TRIO else TRIO, op.output_w)


def _conv2d_scratch_bytes(op: QOp) -> int:
    """The columns that a tile of pixels reads."""
    assert isinstance(op, Conv2D)
    if _reads_in_place(op):
        return 0
    step = op.stride_w if op.dilation_w == 1 and op.stride_w <= op.kernel_w else op.kernel_w
    columns = (_strip_pixels(op, step) - 1) * step + op.kernel_w
    return columns * op.kernel_h * (op.input_c // op.groups)


def _conv2d_overlap_bytes(op: QOp) -> int | None:
    """A tile is written when all it reads has been brought together; pixels read in place are written while they are read."""
    assert isinstance(op, Conv2D)
    if op.groups > 1:
        return None
    if not _reads_in_place(op):
        return sliding_distance(op, op.output_c, gathers=True)
    needed = first_needed(op)
    pixels = np.arange(len(needed) - 1)
    written = np.minimum(pixels + TRIO, len(pixels)) * op.output_c
    return max(int((written - needed[:-1]).max()), 0)


KERNELS: Mapping[str, Kernel] = {
    kernel.name: kernel
    for kernel in (
        Kernel(
            Conv2D.kernel,
            ISA,
            tile=Tile(output_channels=BLOCK, inputs=VECTOR_BYTES),
            supports=_conv2d_supports,
            pack=_pack_conv2d,
            scratch_bytes=_conv2d_scratch_bytes,
            overlap_bytes=_conv2d_overlap_bytes,
        ),
        Kernel(
            FullyConnected.kernel,
            ISA,
            tile=Tile(output_channels=BLOCK, inputs=VECTOR_BYTES),
            supports=_fully_connected_supports,
            pack=_pack_fully_connected,
        ),
    )
}

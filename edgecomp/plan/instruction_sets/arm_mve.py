"""Kernels for the vector instructions of the M profile (Helium): one line a kernel, with the shapes and the weights they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from edgecomp.graph import Array
from edgecomp.plan.instruction_sets import arm_mve_spatial
from edgecomp.plan.instruction_sets.portable import overlap_bytes
from edgecomp.plan.kernels import Kernel, Tile
from edgecomp.plan.overlap import first_needed, sliding_distance
from edgecomp.qgraph import QOp
from edgecomp.qops.add import Add
from edgecomp.qops.avg_pool2d import AveragePool2D
from edgecomp.qops.concat import Concat
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.depthwise_conv2d import DepthwiseConv2D
from edgecomp.qops.fully_connected import FullyConnected
from edgecomp.qops.lut import Lut
from edgecomp.qops.max_pool2d import MaxPool2D
from edgecomp.qops.mul import Mul

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
WORD = 4
"""Inputs of a channel that depthwise convolution gathers at once."""
WINDOW_VECTORS = 4
"""Vectors of a depthwise window, at most."""
TABLE_REACH = 256
"""Taps of a depthwise window that the offsets of a gather reach."""
TILE_BYTES = 4096
"""EC_MVE_TILE_BYTES of ec_mve_depthwise_layout.h."""

AVERAGED = 8
"""LANES of ec_avg_pool2d_s8.c: channels summed together."""
MOST_TAPS = 255
"""MOST_TAPS of ec_avg_pool2d_s8.c: how many of a row 16 bits hold the sum of."""


def _has_room(op: Conv2D | FullyConnected | DepthwiseConv2D | AveragePool2D | Mul) -> bool:
    """Whether the left shift, which the kernels leave out, can be one bit of the multipliers."""
    return op.shift <= 1


def _absorbed(op: Any) -> dict[str, Any]:
    """The rescaling without its left shift: multipliers stay below 2^31, and twice a sum times half of one is exact all the same."""
    return {"multiplier": np.asarray(op.multiplier, np.int64) << op.shift, "shift": 0}


def _pack_filters(op: Conv2D | FullyConnected, weights: Array) -> QOp:
    """`weights` [filters, inputs], filled up to a block of filters, with the zeros behind them that ec_mve_filters.h asks for."""
    filters, inputs = weights.shape
    missing = max(BLOCK - filters, 0)
    beyond = -inputs % VECTOR_BYTES if inputs <= HELD_INPUTS else 0
    rescaling = _absorbed(op)
    return replace(
        op,
        weights=np.pad(weights.astype(np.int8).reshape(-1), (0, missing * inputs + beyond)),
        bias=np.pad(np.asarray(op.bias), (0, missing)),
        multiplier=np.pad(rescaling["multiplier"], (0, missing), constant_values=1),
        shift=rescaling["shift"],
    )


def _fully_connected_supports(op: QOp) -> bool:
    assert isinstance(op, FullyConnected)
    return _has_room(op)


def _pack_fully_connected(op: QOp) -> QOp:
    assert isinstance(op, FullyConnected)
    return _pack_filters(op, np.asarray(op.weights).reshape(op.output_n, op.input_n))


def _average_supports(op: QOp) -> bool:
    assert isinstance(op, AveragePool2D)
    return _has_room(op) and op.input_c >= AVERAGED and op.kernel_w <= MOST_TAPS


def _mul_supports(op: QOp) -> bool:
    assert isinstance(op, Mul)
    return _has_room(op)


def _pack_mul(op: QOp) -> QOp:
    assert isinstance(op, Mul)
    return replace(op, multiplier=op.multiplier << op.shift, shift=0)


def _pack_average(op: QOp) -> QOp:
    assert isinstance(op, AveragePool2D)
    return replace(op, **_absorbed(op))


def _conv2d_supports(op: QOp) -> bool:
    assert isinstance(op, Conv2D)
    return _has_room(op) and (op.groups == 1 or op.output_c // op.groups >= BLOCK)


def _pack_conv2d(op: QOp) -> QOp:
    """Column by column: [output_c][kernel_w][kernel_h][input_c / groups]."""
    assert isinstance(op, Conv2D)
    weights = np.asarray(op.weights).reshape(op.output_c, op.kernel_h, op.kernel_w, op.input_c // op.groups)
    return _pack_filters(op, weights.transpose(0, 2, 1, 3).reshape(op.output_c, -1))


def _reads_in_place(op: Conv2D) -> bool:
    """Whether windows are single pixels, none in the padding."""
    inside = (op.output_h - 1) * op.stride_h < op.input_h and (op.output_w - 1) * op.stride_w < op.input_w
    return op.kernel_h == op.kernel_w == 1 and op.pad_top == op.pad_left == 0 and inside


def _shares_columns(op: Conv2D) -> bool:
    """`shared` of make_tiles in ec_conv2d_s8.c."""
    return op.stride_w <= op.kernel_w if op.dilation_w == 1 else op.stride_w == 1


def _conv2d_scratch_bytes(op: QOp) -> int:
    """The columns that a tile of pixels reads, as make_tiles has them."""
    assert isinstance(op, Conv2D)
    if _reads_in_place(op):
        return 0
    column_bytes = op.kernel_h * (op.input_c // op.groups)
    step, pixels = (op.stride_w, -(-op.output_w // op.dilation_w)) if _shares_columns(op) else (op.kernel_w, op.output_w)
    columns = STRIP_BYTES // column_bytes
    fit = 0 if columns < op.kernel_w else (columns - op.kernel_w) // step + 1
    if fit < pixels:
        pixels = min(max(fit - fit % TRIO, TRIO), pixels)
    return ((pixels - 1) * step + op.kernel_w) * column_bytes


def _conv2d_overlap_bytes(op: QOp) -> int | None:
    """A tile is written when all it reads has been brought together; pixels read in place are written while they are read.

    Groups are computed one after the other, and so are runs of channels of pixels in registers: those read the input again.
    """
    assert isinstance(op, Conv2D)
    if op.groups > 1 or (_reads_in_place(op) and op.output_c % BLOCK != 0):
        return None
    if not _reads_in_place(op):
        dilated = _shares_columns(op) and op.dilation_w > 1
        return sliding_distance(op, op.output_c, op.output_w) if dilated else sliding_distance(op, op.output_c, gathers=True)
    needed = first_needed(op)
    pixels = np.arange(len(needed) - 1)
    written = np.minimum(pixels + TRIO, len(pixels)) * op.output_c
    return max(int((written - needed[:-1]).max()), 0)


def _depthwise_geometry(op: DepthwiseConv2D) -> tuple[int, int, int, int]:
    """Words above each other, columns of a window, vectors of a window, columns from pixel to pixel, as ec_mve_make_depthwise has them."""
    along = op.kernel_h == 1
    planes = -(-(op.kernel_w if along else op.kernel_h) // WORD)
    across = 1 if along else op.kernel_w
    return planes, across, -(-planes * across // WORD), 1 if along else op.stride_w


def _depthwise_rows(op: DepthwiseConv2D) -> int:
    """Rows of pixels computed together: two where words of inputs hold what both read."""
    planes, _, vectors, _ = _depthwise_geometry(op)
    return 2 if op.kernel_h > 1 and vectors == 1 and op.dilation_h == 1 and op.kernel_h + op.stride_h <= WORD * planes else 1


def _depthwise_supports(op: QOp) -> bool:
    assert isinstance(op, DepthwiseConv2D)
    vectors = _depthwise_geometry(op)[2]
    return _has_room(op) and op.output_c >= BLOCK and vectors <= WINDOW_VECTORS and op.kernel_h * op.kernel_w <= TABLE_REACH


def _pack_depthwise(op: QOp) -> QOp:
    """Channel by channel, column by column: [output_c][kernel_w][kernel_h]."""
    assert isinstance(op, DepthwiseConv2D)
    weights = np.asarray(op.weights).reshape(op.kernel_h, op.kernel_w, op.output_c)
    return replace(op, weights=np.ascontiguousarray(weights.transpose(2, 1, 0), np.int8), **_absorbed(op))


def _depthwise_scratch_bytes(op: QOp) -> int:
    """Weights in words, a row of padding, and the words of a tile, as ec_mve_make_depthwise has them."""
    assert isinstance(op, DepthwiseConv2D)
    planes, across, vectors, step = _depthwise_geometry(op)

    def columns(pixels: int) -> int:
        return (pixels - 1) * step + (across - 1) * op.dilation_w + 1

    pixels = op.output_w
    while pixels > 2 and columns(pixels) * planes * WORD * op.output_c > TILE_BYTES:
        pixels = (pixels + 1) // 2
    weights = op.output_c * _depthwise_rows(op) * vectors * VECTOR_BYTES
    padding = -(-columns(pixels) * op.input_c // VECTOR_BYTES) * VECTOR_BYTES
    beyond = WORD * VECTOR_BYTES if op.output_c < VECTOR_BYTES else 0
    return weights + padding + columns(pixels) * planes * WORD * op.output_c + beyond


def _depthwise_overlap_bytes(op: QOp) -> int:
    """Channels of a row are written while others are read."""
    assert isinstance(op, DepthwiseConv2D)
    return sliding_distance(op, op.output_c, _depthwise_rows(op) * op.output_w)


CONV2D = Kernel(
    Conv2D.kernel,
    ISA,
    tile=Tile(output_channels=BLOCK, inputs=VECTOR_BYTES),
    supports=_conv2d_supports,
    pack=_pack_conv2d,
    scratch_bytes=_conv2d_scratch_bytes,
    overlap_bytes=_conv2d_overlap_bytes,
)

KERNELS: Mapping[str, Kernel] = {
    kernel.name: kernel
    for kernel in (
        Kernel(Add.kernel, ISA),
        Kernel(AveragePool2D.kernel, ISA, supports=_average_supports, pack=_pack_average, overlap_bytes=overlap_bytes),
        Kernel(Concat.kernel, ISA),
        CONV2D,
        arm_mve_spatial.conv2d_spatial(CONV2D),
        Kernel(
            DepthwiseConv2D.kernel,
            ISA,
            tile=Tile(output_channels=BLOCK),
            supports=_depthwise_supports,
            pack=_pack_depthwise,
            scratch_bytes=_depthwise_scratch_bytes,
            overlap_bytes=_depthwise_overlap_bytes,
        ),
        Kernel(
            FullyConnected.kernel,
            ISA,
            tile=Tile(output_channels=BLOCK, inputs=VECTOR_BYTES),
            supports=_fully_connected_supports,
            pack=_pack_fully_connected,
        ),
        Kernel(Lut.kernel, ISA),
        Kernel(MaxPool2D.kernel, ISA, overlap_bytes=overlap_bytes),
        Kernel(Mul.kernel, ISA, supports=_mul_supports, pack=_pack_mul),
    )
}

"""Weights and working memory of the arm_dsp kernels that multiply dense matrices: convolution and fully connected."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecomp.graph import Array
from edgecomp.plan.kernels import Kernel, Tile
from edgecomp.plan.overlap import sliding_distance
from edgecomp.qgraph import QOp
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.fully_connected import FullyConnected
from edgecomp.qops.windows import row_and_column_taps

ISA = "arm_dsp"
QUAD = 4
"""Inputs that a widened word of 8-bit weights covers, with its neighbour."""
PIXELS = 4
"""Of the output, computed together."""
SUM_LIMIT = 1 << 23
"""The sum of a pair's second channel must need no more than 24 bits."""


def _whole_quads(inputs: int) -> int:
    return -(-inputs // QUAD) * QUAD


@dataclass(frozen=True)
class Runs:
    """Taps whose channels lie side by side in the input: a kernel row, or one tap where there are groups or dilation."""

    count: int
    """In a window."""
    bytes: int
    whole_taps: bool
    """Whether a tap's channels are whole quads."""

    @property
    def rest_bytes(self) -> int:
        """At the end of each run, beyond its whole quads."""
        return self.bytes % QUAD

    @property
    def rest_quads(self) -> int:
        """What the rests of all runs fill."""
        return -(-self.count * self.rest_bytes // QUAD)

    @property
    def quads(self) -> int:
        """What a window fills."""
        return -(-self.count * self.bytes // QUAD)


def runs_of(op: Conv2D) -> Runs:
    """Those of a convolution."""
    channels = op.input_c // op.groups
    if op.dilation_w == 1 and op.groups == 1:
        return Runs(op.kernel_h, op.kernel_w * channels, channels % QUAD == 0)
    return Runs(op.kernel_h * op.kernel_w, channels, channels % QUAD == 0)


def needs_band(op: Conv2D) -> bool:
    """Whether windows that read padding are cut out of a copy of the input's rows."""
    rows, columns = row_and_column_taps(op)
    reads_padding = bool((rows < op.kernel_h).any() or (columns < op.kernel_w).any())
    return reads_padding and not runs_of(op).whole_taps


def gather_bytes(op: Conv2D, band_rows: int) -> int:
    """What ec_conv2d_gather.h lists: patch, table of rests, band."""
    runs = runs_of(op)
    band_w = (op.output_w - 1) * op.stride_w + (op.kernel_w - 1) * op.dilation_w + 1
    band_bytes = band_rows * band_w * op.input_c + QUAD if needs_band(op) else 0
    return 2 * PIXELS * QUAD * runs.quads + 4 * QUAD * runs.rest_quads + band_bytes


def _conv2d_scratch_bytes(op: QOp) -> int:
    assert isinstance(op, Conv2D)
    return gather_bytes(op, op.kernel_h)


def _pack_conv2d(op: QOp) -> QOp:
    """The layout that ec_conv2d_s8.c describes."""
    assert isinstance(op, Conv2D)
    channels = op.output_c // op.groups
    groups = in_order_of_patch(np.asarray(op.weights, np.int8), runs_of(op)).reshape(op.groups, channels, -1)
    bias, twice = constants(op, (op.groups, channels, 1))
    paired = channels // 2 * 2
    if not pairs_are_exact(groups[:, 0:paired:2], groups[:, 1:paired:2]):
        paired = 0
    first, second, alone = slice(0, paired, 2), slice(1, paired, 2), slice(paired, channels)
    words = words_of_quads(halfwords(groups[:, first], groups[:, second])).reshape(op.groups, paired // 2, 2 * groups.shape[2])
    pairs = [words32(bias[:, first]), words, words32(bias[:, second]), words32(twice[:, first]), words32(twice[:, second])]
    singles = [words32(bias[:, alone]), groups[:, alone], words32(twice[:, alone])]
    by_group = [np.concatenate(parts, axis=2).reshape(op.groups, -1) for parts in (pairs, singles)]
    stream = np.concatenate(by_group, axis=1).reshape(-1)
    return _with_constants_in_weights(op, np.concatenate([words32(np.array([paired])), stream]))


def constants(op: Any, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Biases and twice the multipliers."""
    bias, multiplier = (np.asarray(values, np.int64).reshape(shape) for values in (op.bias, op.multiplier))
    return bias, 2 * multiplier


def _with_constants_in_weights(op: QOp, weights: Array) -> QOp:
    """The operator with no other array than weights in which biases and multipliers stand too."""
    nowhere_else: Any = None
    members: dict[str, Any] = {"weights": weights, "bias": nowhere_else, "multiplier": nowhere_else}
    return replace(op, **members)


def in_order_of_patch(weights: Array, runs: Runs) -> Array:
    """Weights [output channels, ...] as whole quads: the rests of all runs, zeros, then the runs without their rests."""
    each = weights.reshape(-1, runs.count, runs.bytes)
    whole = runs.bytes - runs.rest_bytes
    rests = each[:, :, whole:].reshape(len(each), -1)
    padded = np.pad(rests, ((0, 0), (0, QUAD * runs.rest_quads - rests.shape[1])))
    return np.concatenate([padded, each[:, :, :whole].reshape(len(each), -1)], axis=1)


def halfwords(first: Array, second: Array) -> npt.NDArray[np.int64]:
    """Two channels in one."""
    return 256 * second.astype(np.int64) + first


def pairs_are_exact(first: Array, second: Array, zero_point: int = 0) -> bool:
    """Whether every pair of weights fits a halfword and no sum of a second channel leaves 24 bits, whatever the inputs, of which the zero
    point is subtracted."""
    pairs, wide = halfwords(first, second), second.astype(np.int64)
    low, high = -128 - zero_point, 127 - zero_point
    most = high * np.maximum(wide, 0).sum(-1) + low * np.minimum(wide, 0).sum(-1)
    least = low * np.maximum(wide, 0).sum(-1) + high * np.minimum(wide, 0).sum(-1)
    fits = bool(np.all(pairs >= -(1 << 15)) and np.all(pairs < 1 << 15))
    return fits and bool(np.all(most < SUM_LIMIT) and np.all(least >= -SUM_LIMIT))


def words_of_quads(pairs: Array) -> npt.NDArray[np.int8]:
    """Halfwords [..., inputs] as bytes [..., quads, 2, 4]: the word of inputs 0 and 2, then the word of inputs 1 and 3."""
    quads = pairs.reshape(*pairs.shape[:-1], pairs.shape[-1] // QUAD, QUAD)
    ordered = np.ascontiguousarray(quads[..., [0, 2, 1, 3]], "<i2")
    return ordered.view(np.int8).reshape(*quads.shape[:-1], 2, QUAD)


def words32(values: Array) -> npt.NDArray[np.int8]:
    """32-bit words modulo 2^32, as bytes along the last axis."""
    return np.ascontiguousarray(values % (1 << 32), "<u4").view(np.int8)


def _conv2d_overlap_bytes(op: QOp) -> int | None:
    """All that four pixels read is brought together before they are written; each group reads the whole input again."""
    assert isinstance(op, Conv2D)
    return sliding_distance(op, op.output_c, PIXELS, gathers=True) if op.groups == 1 else None


CONV2D = Kernel(
    Conv2D.kernel,
    ISA,
    tile=Tile(inputs=QUAD),
    pack=_pack_conv2d,
    scratch_bytes=_conv2d_scratch_bytes,
    overlap_bytes=_conv2d_overlap_bytes,
)


def _pack_fully_connected(op: QOp) -> QOp:
    """The layout that ec_fully_connected_s8.c describes."""
    assert isinstance(op, FullyConnected)
    rows = np.asarray(op.weights, np.int8).reshape(op.output_n, op.input_n)
    rows = np.pad(rows, ((0, 0), (0, _whole_quads(op.input_n) - op.input_n)))
    bias, twice = constants(op, (op.output_n, 1))
    in_fours, paired = op.output_n // 4 * 4, op.output_n // 2 * 2
    pieces = []
    for start, end, together in ((0, in_fours, 2), (in_fours, paired, 1)):
        if start == end:
            continue
        first, second, blocks = slice(start, end, 2), slice(start + 1, end, 2), (end - start) // (2 * together)
        words = words_of_quads(halfwords(rows[first], rows[second]) + 128)
        in_order = words.reshape(blocks, together, *words.shape[1:]).transpose(0, 2, 3, 1, 4).reshape(blocks, -1)
        begin = np.concatenate([bias[first] + 256 * bias[second], bias[second]], axis=1).reshape(blocks, -1)
        pieces.append(np.concatenate([words32(begin), in_order, words32(twice[start:end].reshape(blocks, -1))], axis=1))
    pieces.append(np.concatenate([words32(bias[paired:]), rows[paired:], words32(twice[paired:])], axis=1))
    return _with_constants_in_weights(op, np.concatenate([piece.reshape(-1) for piece in pieces]))


FULLY_CONNECTED = Kernel(FullyConnected.kernel, ISA, tile=Tile(inputs=QUAD), pack=_pack_fully_connected)

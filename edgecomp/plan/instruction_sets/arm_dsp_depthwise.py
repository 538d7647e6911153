"""Working memory of the arm_dsp depthwise convolution: the arithmetic of runtime_c/src/arm_dsp/ec_depthwise_tile.h."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import gcd

from edgecomp.plan.kernels import Kernel, Tile
from edgecomp.qgraph import QOp
from edgecomp.qops.depthwise_conv2d import DepthwiseConv2D
from edgecomp.qops.requantize import INT32_MAX

ISA = "arm_dsp"
PLANES = 4
"""Input channels unpacked at a time."""
TILE_BYTES = 6144
"""Of planes, unless one row of outputs needs more."""
TILE_OUTPUTS = 64
BLOCK_OUTPUTS = 4
LONGEST_STRIDE = 2
TABLES = 4
"""Output channels whose weights are widened together."""
TABLE_HEAD_WORDS = 4
LARGEST_SHIFT = 8
"""Weights shifted left so far still fit 16 bits."""
_ROW_INSTRUCTIONS = (14, 20, 26)


@dataclass(frozen=True)
class _Axis:
    """One axis of the image: `phases` interleaved convolutions without dilation, of `stride`."""

    outputs: int
    taps: int
    output_stride: int
    dilation: int

    @property
    def _tap_stride(self) -> int:
        return self.output_stride if self.taps == 1 else self.dilation

    @property
    def phases(self) -> int:
        return self._tap_stride // gcd(self.output_stride, self._tap_stride)

    @property
    def stride(self) -> int:
        return self.output_stride // gcd(self.output_stride, self._tap_stride)

    @property
    def phase_outputs(self) -> int:
        return -(-self.outputs // self.phases)


@dataclass(frozen=True)
class _Tiling:
    """Windows slide along one axis in tiles of a few rows across."""

    along: _Axis
    across: _Axis
    planes: int

    @cached_property
    def _segments(self) -> tuple[int, int, int]:
        """(cost, advance, count) of the cheapest cut of the taps along."""
        overlap = 1 if self.along.stride == 1 else 0
        found = []
        for size, instructions in enumerate(_ROW_INSTRUCTIONS):
            advance = 2 * size + (2 if overlap else 4)
            count = max(-(-(self.along.taps - overlap) // advance), 1)
            found.append((count * instructions, advance, count))
        return min(found)

    @property
    def _row_words(self) -> int:
        """Pairs of weights of one row of a segment."""
        return self._segments[1] if self.along.stride == 1 else self._segments[1] // 2

    @property
    def _table_words(self) -> int:
        """Pairs of weights of one channel."""
        return self._segments[2] * self.across.taps * self._row_words

    @property
    def cost(self) -> int:
        """Estimated instructions of four channels."""
        outputs = self.along.phase_outputs
        row_cost, _, count = self._segments
        three_rows = self.across.taps == 3 and count == 1 and self._row_words == 2
        block = self.across.taps * row_cost + (10 if three_rows else 65)
        windows = 25 + -(-outputs // 2) * block // 2
        unpacking = self.across.stride * (outputs * self.along.stride * 6 + 60)
        tables = 500 + 45 * self._table_words
        rows = self.across.outputs * self.along.phases
        return rows * (4 * windows + unpacking) + self.along.phases * self.across.phases * tables

    @property
    def scratch_bytes(self) -> int:
        """Planes and the tables of some channels."""
        plane_rows = (min(self._rows, self.across.phase_outputs) - 1) * self.across.stride + self.across.taps
        planes_bytes = -(-self.planes * plane_rows * self._pitch_bytes // 16) * 16
        return planes_bytes + 4 * TABLES * (TABLE_HEAD_WORDS + self._table_words)

    @property
    def _pitch_bytes(self) -> int:
        """Of one row of a plane."""
        _, advance, count = self._segments
        last = -(-min(self.along.phase_outputs, TILE_OUTPUTS) // BLOCK_OUTPUTS) * BLOCK_OUTPUTS - 1
        return -(-(self.along.stride * last + count * advance + 1) // 2) * 4

    @property
    def _rows(self) -> int:
        """Rows of outputs for which a tile has room."""
        most_rows = TILE_BYTES // (self.planes * self._pitch_bytes)
        return (most_rows - self.across.taps) // self.across.stride + 1 if most_rows > self.across.taps else 1

    @property
    def is_whole(self) -> bool:
        """Whether one tile takes all outputs of its channels: all their inputs are read before any output is written."""
        phases = self.along.phases * self.across.phases
        return phases == 1 and self.along.outputs <= TILE_OUTPUTS and self.across.outputs <= self._rows


def _tilings(op: DepthwiseConv2D) -> list[_Tiling]:
    """One a possible axis to slide along; none where strides are too long."""
    rows = _Axis(op.output_h, op.kernel_h, op.stride_h, op.dilation_h)
    columns = _Axis(op.output_w, op.kernel_w, op.stride_w, op.dilation_w)
    planes = min(op.input_c, PLANES)
    return [_Tiling(along, across, planes) for along, across in ((columns, rows), (rows, columns)) if along.stride <= LONGEST_STRIDE]


def _direct_cost(op: DepthwiseConv2D) -> int:
    """Estimated instructions of four channels whose inputs are read where they lie."""
    taps = op.kernel_h * op.kernel_w
    same_size = (op.input_h, op.input_w, op.stride_h, op.stride_w) == (op.output_h, op.output_w, 1, 1)
    if taps == 1 and same_size and op.pad_top == op.pad_left == 0:
        return op.output_h * op.output_w * 32
    return op.output_h * op.output_w * (taps * 15 + 60 + (taps * 112 + 240) // op.input_c)


def _tiling(op: DepthwiseConv2D) -> _Tiling | None:
    """The cheapest tiling; None where it is cheaper to read inputs where they lie, which takes one filter a channel and any stride."""
    best = min(_tilings(op), key=lambda tiling: tiling.cost, default=None)
    if op.channel_multiplier == 1 and (best is None or _direct_cost(op) < best.cost):
        return None
    return best


def _supports(op: QOp) -> bool:
    assert isinstance(op, DepthwiseConv2D)
    costs = [tiling.cost for tiling in _tilings(op)]
    tiled = bool(costs) and op.shift <= LARGEST_SHIFT
    direct = op.channel_multiplier == 1 and _tiling(op) is None
    return (direct or tiled) and max([_direct_cost(op), *costs]) <= INT32_MAX


def _scratch_bytes(op: QOp) -> int:
    assert isinstance(op, DepthwiseConv2D)
    tiling = _tiling(op)
    return tiling.scratch_bytes if tiling else 4 * op.kernel_h * op.kernel_w + op.input_c


def _overlap_bytes(op: QOp) -> int | None:
    """Channels are read and written apart from one another: an output of the input's size takes its place."""
    assert isinstance(op, DepthwiseConv2D)
    tiling = _tiling(op)
    same_size = op.channel_multiplier == 1 and (op.output_h, op.output_w) == (op.input_h, op.input_w)
    return 0 if tiling is not None and tiling.is_whole and same_size else None


DEPTHWISE_CONV2D = Kernel(
    DepthwiseConv2D.kernel,
    ISA,
    tile=Tile(pixels=BLOCK_OUTPUTS),
    supports=_supports,
    scratch_bytes=_scratch_bytes,
    overlap_bytes=_overlap_bytes,
)

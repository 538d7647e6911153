"""Weights and working memory of depthwise convolutions on merged planes: the arithmetic of runtime_c/include/ec_planes.h."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgecomp.plan.kernels import Kernel, Tile
from edgecomp.qgraph import QOp
from edgecomp.qops.depthwise_conv2d import DepthwiseConv2D
from edgecomp.qops.requantize import accumulator_bound

TRIPLE_LIMIT = 1 << 20
"""Sums without the bias stay below, so that three share two accumulators."""
TAP_BYTES = 8
MERGED_BYTES = 8
"""Of a place in the plane: two words for three outputs."""
PLANE_BYTES = 8192
"""EC_PLANE_BYTES."""
JOB_BYTES = 64
MOST_JOBS = 5
"""EC_MOST_JOBS."""


@dataclass(frozen=True)
class _Axis:
    """One axis of the image, as ec_plane_axis."""

    outputs: int
    taps: int
    output_stride: int
    dilation: int

    @property
    def stride(self) -> int:
        """In the plane."""
        return 1 if self.taps == 1 else self.output_stride

    def reach(self, outputs: int) -> int:
        return (outputs - 1) * self.stride + (self.taps - 1) * self.dilation + 1


@dataclass(frozen=True)
class _Layout:
    rows: _Axis
    columns: _Axis
    output_bytes: int

    @property
    def cost(self) -> int:
        """Of the blocks of six and three outputs."""
        return -(-self.rows.outputs // 3) * (7 * (self.columns.outputs // 2) + 5 * (self.columns.outputs % 2))

    @property
    def _pitch_bytes(self) -> int:
        return -(-self.columns.reach(self.columns.outputs) // self.columns.stride) * self.columns.stride * MERGED_BYTES

    def _bytes(self, third: int) -> int:
        return self.rows.reach(third) * self._pitch_bytes

    @property
    def is_whole(self) -> bool:
        """Whether the plane of a whole channel fits."""
        return self._bytes(-(-self.rows.outputs // 3)) <= max(PLANE_BYTES, self.output_bytes // 2)

    @property
    def plane_bytes(self) -> int:
        if self.is_whole:
            return self._bytes(-(-self.rows.outputs // 3))
        spare = PLANE_BYTES // self._pitch_bytes - self.rows.reach(1)
        return self._bytes(spare // self.rows.stride + 1 if spare > 0 else 1)


def _layout(op: DepthwiseConv2D) -> _Layout:
    h = _Axis(op.output_h, op.kernel_h, op.stride_h, op.dilation_h)
    w = _Axis(op.output_w, op.kernel_w, op.stride_w, op.dilation_w)
    output_bytes = op.output_h * op.output_w * op.output_c
    return min(_Layout(h, w, output_bytes), _Layout(w, h, output_bytes), key=lambda layout: layout.cost)


def _scratch_bytes(op: QOp) -> int:
    assert isinstance(op, DepthwiseConv2D)
    layout = _layout(op)
    return MOST_JOBS * layout.columns.stride * JOB_BYTES + TAP_BYTES * op.kernel_h * op.kernel_w + layout.plane_bytes


def _overlap_bytes(op: QOp) -> int | None:
    """A channel is in the plane before it is written over, and is written over by itself alone."""
    assert isinstance(op, DepthwiseConv2D)
    if op.channel_multiplier != 1 or not _layout(op).is_whole:
        return None
    return max(op.output_h * op.output_w - op.input_h * op.input_w, 0) * op.output_c


def _supports(op: QOp, sum_limit: int) -> bool:
    assert isinstance(op, DepthwiseConv2D)
    weights = np.asarray(op.weights).reshape(-1, op.output_c)
    products, sums = (int(accumulator_bound(weights, bias, (0,)).max()) for bias in (np.zeros(1, np.int32), np.asarray(op.bias)))
    return products < TRIPLE_LIMIT and sums << op.shift < sum_limit


def _pack(op: QOp) -> QOp:
    assert isinstance(op, DepthwiseConv2D)
    return replace(op, weights=np.ascontiguousarray(np.asarray(op.weights, np.int8).reshape(-1, op.output_c).T).reshape(-1))


def depthwise_conv2d(isa: str, sum_limit: int = 1 << 31) -> Kernel:
    """The depthwise convolution of an instruction set.

    Args:
        sum_limit: shifted sums must stay below.
    """
    return Kernel(
        DepthwiseConv2D.kernel,
        isa,
        tile=Tile(pixels=3),
        supports=lambda op: _supports(op, sum_limit),
        pack=_pack,
        scratch_bytes=_scratch_bytes,
        overlap_bytes=_overlap_bytes,
    )

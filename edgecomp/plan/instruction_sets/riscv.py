"""Kernels for RV32IM and up, in `runtime_c/src/riscv`: no vectors, so what counts is how many products share a load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgecomp.plan.instruction_sets import quads, riscv_zero_input, triples
from edgecomp.plan.kernels import Kernel, Tile
from edgecomp.qgraph import QOp, S8Array

LANES = 4
"""Output channels that a block of the convolution computes together."""


def interleave(weights: S8Array, *lanes: int) -> S8Array:
    """[channels, count] with each whole block of the first of `lanes` channels as [count, lanes], then of the next; the rest as it is."""
    if not lanes:
        return weights.ravel()
    channels, count = weights.shape
    whole = channels // lanes[0] * lanes[0]
    blocks = weights[:whole].reshape(-1, lanes[0], count).transpose(0, 2, 1)
    return np.concatenate([blocks.ravel(), interleave(weights[whole:], *lanes[1:])])


def _pack_conv2d(op: Any) -> QOp:
    """A word with the size of a segment (`triples`), then each group's weights."""
    weights = np.asarray(op.weights, np.int8)
    segment = triples.segment_elements(weights.reshape(op.output_c, -1), np.asarray(op.bias))
    groups = [interleave(group, LANES) for group in weights.reshape(op.groups, op.output_c // op.groups, -1)]
    packed: QOp = replace(op, weights=np.concatenate([np.array([segment], "<u4").view(np.int8), *groups]))
    return packed


def _pack_depthwise(op: Any) -> QOp:
    weights = np.asarray(op.weights).reshape(-1, op.output_c)
    packed: QOp = replace(op, weights=np.ascontiguousarray(weights.T).ravel())
    return packed


@dataclass(frozen=True)
class _Axis:
    output: int
    kernel: int
    stride: int
    dilation: int

    @property
    def slides(self) -> bool:
        return self.stride == 1 or (self.stride == 2 and self.dilation == 1)

    def reach(self, outputs: int) -> int:
        return (outputs - 1) * self.stride + (self.kernel - 1) * self.dilation + 1


PLANE_BYTES = 4096
"""Of the depthwise kernel's plane at most, unless one run of outputs needs more."""
PIXEL = 4
"""Channels in that plane."""
RUN = 8
"""Outputs of a row that the depthwise kernel computes together."""
LONG = 24
"""Outputs of a column that are worth sliding over."""


@dataclass(frozen=True)
class _Tile:
    """What the depthwise kernel computes at a time, as `src/riscv/ec_depthwise_conv2d_s8.c` does."""

    plane_bytes: int
    offset_bytes: int
    """Of the taps' offsets, where the filter does not slide."""
    is_whole: bool
    """Whether it is the whole output."""


def _depthwise_tile(op: Any) -> _Tile:
    h = _Axis(op.output_h, op.kernel_h, op.stride_h, op.dilation_h)
    w = _Axis(op.output_w, op.kernel_w, op.stride_w, op.dilation_w)
    longer, other = (h, w) if op.output_h >= op.output_w else (w, h)
    slides = op.kernel_h == op.kernel_w == 3 and op.shift == 0 and (longer.slides or other.slides)
    if slides:
        outer, inner = (longer, other) if longer.slides else (other, longer)
        phases, offset_bytes = inner.dilation, 0
    else:
        outer, inner = (h, w) if op.output_w >= op.output_h else (w, h)
        phases, offset_bytes = inner.stride, 4 * op.kernel_h * op.kernel_w
    wanted, columns = min(outer.output, LONG) if slides else 1, inner.output
    while outer.reach(wanted) * (pitch := -(-inner.reach(columns) // phases) * phases * PIXEL) > PLANE_BYTES and columns > RUN:
        columns = -(-(columns // 2) // RUN) * RUN
    outputs = min(1 + max((PLANE_BYTES // pitch - outer.reach(1)) // outer.stride, 0), outer.output)
    return _Tile(outer.reach(outputs) * pitch, offset_bytes, (outputs, columns) == (outer.output, inner.output))


def _depthwise_scratch_bytes(op: Any) -> int:
    """The plane of a tile, a run beyond it, and offsets of the taps."""
    tile = _depthwise_tile(op)
    return tile.offset_bytes + tile.plane_bytes + RUN * PIXEL


def _depthwise_overlap_bytes(op: Any) -> int | None:
    """In one tile a channel is in the plane before it is written over, and it is written over by itself alone."""
    if op.channel_multiplier != 1 or not _depthwise_tile(op).is_whole:
        return None
    return int(max(op.output_h * op.output_w - op.input_h * op.input_w, 0) * op.output_c)


KERNELS: Mapping[str, Kernel] = {
    **{name: Kernel(name, "riscv") for name in ("add_s8", "avg_pool2d_s8", "lut_s8", "max_pool2d_s8", "mul_s8")},
    "conv2d_s8": replace(triples.conv2d("riscv"), tile=Tile(LANES, 2 * triples.TRIPLE), pack=_pack_conv2d),
    "conv2d_zero_input_s8": riscv_zero_input.KERNEL,
    "fully_connected_s8": quads.fully_connected("riscv"),
    "depthwise_conv2d_s8": Kernel(
        "depthwise_conv2d_s8",
        "riscv",
        pack=_pack_depthwise,
        scratch_bytes=_depthwise_scratch_bytes,
        overlap_bytes=_depthwise_overlap_bytes,
    ),
}

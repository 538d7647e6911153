"""Portable kernels that trade speed for RAM: considered on every target where least RAM is asked for, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

from edgecomp.plan.kernels import IN_PLACE, Kernel
from edgecomp.qgraph import QOp
from edgecomp.qops.depthwise_conv2d import DepthwiseConv2D


def _same_size(op: QOp) -> bool:
    assert isinstance(op, DepthwiseConv2D)
    return op.channel_multiplier == 1 and (op.output_h, op.output_w) == (op.input_h, op.input_w)


def _plane_bytes(op: QOp) -> int:
    assert isinstance(op, DepthwiseConv2D)
    return op.input_h * op.input_w


KERNELS: Mapping[str, Kernel] = {
    "depthwise_conv2d_s8": Kernel(
        "depthwise_conv2d_s8", IN_PLACE, supports=_same_size, scratch_bytes=_plane_bytes, overlap_bytes=lambda op: 0
    ),
}

"""What the plan may know of portable kernels: they go over the output pixel by pixel, so it may lie over the input."""

from __future__ import annotations

from collections.abc import Mapping

from edgecomp.plan.kernels import Kernel
from edgecomp.plan.overlap import sliding_distance
from edgecomp.qgraph import QOp
from edgecomp.qops.avg_pool2d import AveragePool2D
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv2d_early import Conv2DEarly
from edgecomp.qops.conv2d_max_pool_spatial import Conv2DMaxPoolSpatial
from edgecomp.qops.conv2d_zero_input import Conv2DZeroInput
from edgecomp.qops.depthwise_conv2d import DepthwiseConv2D
from edgecomp.qops.max_pool2d import MaxPool2D


def overlap_bytes(op: QOp) -> int | None:
    """A pixel is written channel by channel while its window is read."""
    if isinstance(op, (Conv2D, DepthwiseConv2D)):
        return sliding_distance(op, op.output_c)
    assert isinstance(op, (AveragePool2D, MaxPool2D))
    return sliding_distance(op, op.input_c)


def _zero_input_scratch_bytes(op: QOp) -> int:
    """Where sums start, and the list of a window."""
    assert isinstance(op, Conv2DZeroInput)
    return 4 * op.output_c + 8 * op.kernel_h * op.kernel_w * (op.input_c // op.groups)


def _patch_bytes(op: QOp) -> int:
    """The inputs of a window."""
    assert isinstance(op, Conv2DEarly)
    return op.groups * op.taps


def _pooled_rows_bytes(op: QOp) -> int:
    """The rows of one window of the pool."""
    assert isinstance(op, Conv2DMaxPoolSpatial)
    return op.strip_rows * op.output_w * op.output_c


SLIDING = (Conv2D, DepthwiseConv2D, AveragePool2D, MaxPool2D)

KERNELS: Mapping[str, Kernel] = {
    Conv2DMaxPoolSpatial.kernel: Kernel(
        Conv2DMaxPoolSpatial.kernel, "portable", scratch_bytes=_pooled_rows_bytes, uses=(Kernel("max_pool2d_s8", "portable"),)
    ),
    **{kind.kernel: Kernel(kind.kernel, "portable", overlap_bytes=overlap_bytes) for kind in SLIDING},
    Conv2DZeroInput.kernel: Kernel(
        Conv2DZeroInput.kernel, "portable", scratch_bytes=_zero_input_scratch_bytes, overlap_bytes=overlap_bytes
    ),
    Conv2DEarly.kernel: Kernel(Conv2DEarly.kernel, "portable", scratch_bytes=_patch_bytes, overlap_bytes=overlap_bytes),
}

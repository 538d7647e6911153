"""What the plan may know of portable kernels: they go over the output pixel by pixel, so it may lie over the input."""

from __future__ import annotations

from collections.abc import Mapping

from edgecomp.plan.kernels import Kernel
from edgecomp.plan.overlap import sliding_distance
from edgecomp.qgraph import QOp
from edgecomp.qops.avg_pool2d import AveragePool2D
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.depthwise_conv2d import DepthwiseConv2D
from edgecomp.qops.max_pool2d import MaxPool2D


def overlap_bytes(op: QOp) -> int | None:
    """A pixel is written channel by channel while its window is read."""
    if isinstance(op, (Conv2D, DepthwiseConv2D)):
        return sliding_distance(op, op.output_c)
    assert isinstance(op, (AveragePool2D, MaxPool2D))
    return sliding_distance(op, op.input_c)


SLIDING = (Conv2D, DepthwiseConv2D, AveragePool2D, MaxPool2D)

KERNELS: Mapping[str, Kernel] = {kind.kernel: Kernel(kind.kernel, "portable", overlap_bytes=overlap_bytes) for kind in SLIDING}

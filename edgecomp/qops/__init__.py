"""Integer operators, one file each, named as the C kernel that computes it."""

from __future__ import annotations

from edgecomp.qgraph import QOp
from edgecomp.qops.add import Add
from edgecomp.qops.avg_pool2d import AveragePool2D
from edgecomp.qops.concat import Concat
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv2d_add import Conv2DAdd
from edgecomp.qops.conv2d_add_spatial import Conv2DAddSpatial
from edgecomp.qops.conv2d_early import Conv2DEarly
from edgecomp.qops.conv2d_max_pool import Conv2DMaxPool
from edgecomp.qops.conv2d_max_pool_spatial import Conv2DMaxPoolSpatial
from edgecomp.qops.conv2d_perforated import Conv2DPerforated
from edgecomp.qops.conv2d_spatial import Conv2DSpatial
from edgecomp.qops.conv2d_zero_input import Conv2DZeroInput
from edgecomp.qops.conv_transpose2d import ConvTranspose2D
from edgecomp.qops.copy import Copy
from edgecomp.qops.depthwise_conv2d import DepthwiseConv2D
from edgecomp.qops.fully_connected import FullyConnected
from edgecomp.qops.log_softmax import LogSoftmax
from edgecomp.qops.lut import Lut
from edgecomp.qops.matmul import MatMul
from edgecomp.qops.max_pool2d import MaxPool2D
from edgecomp.qops.mul import Mul
from edgecomp.qops.prelu import PRelu
from edgecomp.qops.resize_bilinear import ResizeBilinear
from edgecomp.qops.resize_nearest import ResizeNearest
from edgecomp.qops.softmax import Softmax

QOPS: dict[str, type[QOp]] = {
    kind.kernel: kind
    for kind in (
        Conv2D,
        DepthwiseConv2D,
        ConvTranspose2D,
        FullyConnected,
        MatMul,
        Add,
        Mul,
        Lut,
        PRelu,
        Softmax,
        LogSoftmax,
        MaxPool2D,
        AveragePool2D,
        Copy,
        Concat,
        ResizeNearest,
        ResizeBilinear,
        Conv2DAdd,
        Conv2DMaxPool,
        Conv2DSpatial,
        Conv2DAddSpatial,
        Conv2DMaxPoolSpatial,
        Conv2DZeroInput,
        Conv2DEarly,
        Conv2DPerforated,
    )
}

SKIPPING = frozenset(
    kind.kernel for kind in (Conv2DSpatial, Conv2DAddSpatial, Conv2DMaxPoolSpatial, Conv2DZeroInput, Conv2DEarly, Conv2DPerforated)
)
"""Operators that a rule of zero prediction puts in the place of a convolution; nothing is lowered to them."""

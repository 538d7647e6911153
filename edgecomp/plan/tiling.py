"""The work a kernel's block wastes on a layer whose sizes are no multiples of it."""

from __future__ import annotations

from dataclasses import dataclass

from edgecomp.plan.kernels import Tile
from edgecomp.qgraph import QOp
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv_transpose2d import ConvTranspose2D
from edgecomp.qops.depthwise_conv2d import DepthwiseConv2D
from edgecomp.qops.fully_connected import FullyConnected
from edgecomp.qops.matmul import MatMul


@dataclass(frozen=True)
class Extent:
    """The loops a block tiles: in each of `groups`, every output channel at every pixel sums `inputs` products."""

    groups: int
    output_channels: int
    pixels: int
    inputs: int


def extent(op: QOp) -> Extent | None:
    """The loops of an operator that multiplies and accumulates; None for the others."""
    if isinstance(op, (Conv2D, ConvTranspose2D)):
        inputs = op.kernel_h * op.kernel_w * op.input_c // op.groups
        return Extent(op.groups, op.output_c // op.groups, op.output_h * op.output_w, inputs)
    if isinstance(op, DepthwiseConv2D):
        return Extent(1, op.output_c, op.output_h * op.output_w, op.kernel_h * op.kernel_w)
    if isinstance(op, FullyConnected):
        return Extent(1, op.output_n, op.rows, op.input_n)
    if isinstance(op, MatMul):
        return Extent(op.batch, op.columns, op.rows, op.inner)
    return None


def tiling_waste(op: QOp, tile: Tile) -> float | None:
    """Products computed beyond the layer's own, as a part of them: 5 channels in blocks of 4 waste 8 / 5 - 1 = 0.6."""
    loops = extent(op)
    if loops is None:
        return None
    waste = 1.0
    for size, block in ((loops.output_channels, tile.output_channels), (loops.pixels, tile.pixels), (loops.inputs, tile.inputs)):
        waste *= -(-size // block) * block / size
    return waste - 1.0

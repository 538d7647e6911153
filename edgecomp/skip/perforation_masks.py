"""Which positions of a convolution's output are computed: the masks of perforated convolutions, and the nearest computed position.

Figurnov et al., "PerforatedCNNs: Acceleration through Elimination of Redundant Convolutions", 2016, section 3.2. All masks are flat
indices [count] of an output map of `height` x `width`, ascending.
"""

from __future__ import annotations

from math import ceil, sqrt

import numpy as np

from edgecomp.graph import Array
from edgecomp.qgraph import IntArray, QGraph, QNode
from edgecomp.qops.avg_pool2d import AveragePool2D
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.depthwise_conv2d import DepthwiseConv2D
from edgecomp.qops.max_pool2d import MaxPool2D

KINDS = ("uniform", "grid", "pooling", "impact")


def nearest_source(computed: IntArray, height: int, width: int) -> IntArray:
    """uint16 [height, width]: for each position the flat index of the nearest computed one, the first of equally near ones."""
    rows, columns = np.divmod(np.asarray(computed, np.int64), width)
    y, x = np.mgrid[:height, :width]
    distance = (y.reshape(-1, 1) - rows) ** 2 + (x.reshape(-1, 1) - columns) ** 2
    source: IntArray = np.asarray(computed)[distance.argmin(axis=1)].reshape(height, width).astype(np.uint16)
    return source


def uniform(height: int, width: int, count: int, seed: int) -> IntArray:
    """`count` positions at random."""
    return best_of(np.zeros(height * width), count, seed)


def grid(height: int, width: int, count: int) -> IntArray:
    """Crossings of evenly spaced rows and columns, about `count` of them and at least one."""
    share = sqrt(count / (height * width))
    rows = min(max(ceil(share * height - 0.5), 1), height)
    columns = min(max(count // rows, 1), width)
    y, x = _spaced(height, rows), _spaced(width, columns)
    positions: IntArray = (y[:, None] * width + x).reshape(-1)
    return positions


def _spaced(size: int, count: int) -> IntArray:
    """`count` different indices below `size`, evenly spaced and centred."""
    spaced: IntArray = ((2 * np.arange(count) + 1) * size // (2 * count)).astype(np.int64)
    return spaced


def best_of(worth: Array, count: int, seed: int) -> IntArray:
    """The `count` positions of the greatest worth [height * width]; equal ones at random."""
    tie = np.random.default_rng(seed).permutation(worth.size)
    positions: IntArray = np.sort(np.lexsort((tie, -np.asarray(worth, np.float64).reshape(-1)))[:count])
    return positions


def pooling_worth(qgraph: QGraph, node: QNode) -> Array:
    """How often each position [height * width] is read by the windows of the pools that follow, or of convolutions where no pool does."""
    conv = node.op
    assert isinstance(conv, Conv2D)
    readers = [reader.op for reader in qgraph.nodes if node.output in reader.inputs]
    kinds = (MaxPool2D, AveragePool2D) if any(isinstance(op, (MaxPool2D, AveragePool2D)) for op in readers) else (Conv2D, DepthwiseConv2D)
    worth = np.zeros((conv.output_h, conv.output_w))
    for op in readers:
        if isinstance(op, kinds) and (op.input_h, op.input_w) == worth.shape:
            rows = _reads(op.input_h, op.output_h, op.kernel_h, op.stride_h, op.dilation_h, op.pad_top)
            columns = _reads(op.input_w, op.output_w, op.kernel_w, op.stride_w, op.dilation_w, op.pad_left)
            worth += rows[:, None] * columns
    return worth.reshape(-1)


def _reads(size: int, outputs: int, kernel: int, stride: int, dilation: int, before: int) -> IntArray:
    """How many windows of an axis read each index."""
    at = (np.arange(outputs)[:, None] * stride + np.arange(kernel) * dilation - before).reshape(-1)
    counts: IntArray = np.bincount(at[(at >= 0) & (at < size)], minlength=size)
    return counts

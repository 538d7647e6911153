"""Pools and resizes: they move along rows and columns and leave channels apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgecomp.qgraph import QTensor
from edgecomp.qops.avg_pool2d import AveragePool2D
from edgecomp.qops.max_pool2d import MaxPool2D
from edgecomp.qops.requantize import requantize
from edgecomp.qops.resize_bilinear import ResizeBilinear
from edgecomp.qops.resize_nearest import ResizeNearest
from edgecomp.qops.windows import row_and_column_taps
from edgecomp.removal.channels import Rule, fixed, one_to_one, scaled
from edgecomp.removal.ranges import INT8_MIN, Range

Spatial = AveragePool2D | MaxPool2D | ResizeBilinear | ResizeNearest


def _by_channel(op: Spatial, output: Range) -> Rule:
    return one_to_one(op, output, lambda dropped: replace(op, input_c=scaled(op.input_c, dropped)))


def max_pool2d(op: MaxPool2D, inputs: Sequence[Range], output: QTensor) -> Rule:
    """The largest of equal ranges has the same range; a window of no tap gives the least integer."""
    (source,) = inputs
    if op.input_c % source.channels:
        return fixed(op, inputs, output)
    rows, columns = row_and_column_taps(op)
    low = source.low if rows.all() and columns.all() else np.full_like(source.low, INT8_MIN)
    return _by_channel(op, Range(*(np.clip(end, op.clamp_min, op.clamp_max) for end in (low, source.high))))


def avg_pool2d(op: AveragePool2D, inputs: Sequence[Range], output: QTensor) -> Rule:
    """The mean of an end of the range, rounded as each number of taps and each divisor has it."""
    (source,) = inputs
    if op.input_c % source.channels:
        return fixed(op, inputs, output)
    taps = np.outer(*row_and_column_taps(op)).reshape(-1)
    pairs = np.unique(np.stack([taps, op.counts.reshape(-1) - op.smallest_count]), axis=1)
    multiplier = np.asarray(op.multiplier)[pairs[1]][:, None]
    low, high = (
        requantize(pairs[0][:, None] * (end - op.input_zero_point), multiplier, op.shift, op.output_zero_point, op.clamp_min, op.clamp_max)
        for end in (source.low, source.high)
    )
    return _by_channel(op, Range(low.min(axis=0).astype(np.int64), high.max(axis=0).astype(np.int64)))


def resize(op: ResizeBilinear | ResizeNearest, inputs: Sequence[Range], output: QTensor) -> Rule:
    """Values are taken as they are, or weighted by weights whose sum is one: they stay in their range."""
    (source,) = inputs
    return fixed(op, inputs, output) if op.input_c % source.channels else _by_channel(op, source)

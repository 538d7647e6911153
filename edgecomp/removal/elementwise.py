"""Tables, PRelu, sums and products: every output channel is computed from the same channel of each operand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgecomp.qgraph import IntArray, QOp, QTensor
from edgecomp.qops.add import Add
from edgecomp.qops.boxes import merge_axes
from edgecomp.qops.lut import Lut
from edgecomp.qops.mul import Mul
from edgecomp.qops.prelu import PRelu
from edgecomp.qops.requantize import requantize
from edgecomp.removal.channels import Linked, Rule, fixed, one_to_one, scaled
from edgecomp.removal.ranges import INT8_MIN, Mask, Range


def lut(op: Lut, inputs: Sequence[Range], output: QTensor) -> Rule:
    """The extremes of the table over what each channel may hold."""
    table = np.asarray(op.table, np.int64)
    (source,) = inputs
    parts = [table[low - INT8_MIN : high - INT8_MIN + 1] for low, high in zip(source.low, source.high, strict=True)]
    found = Range(np.array([part.min() for part in parts]), np.array([part.max() for part in parts]))
    return one_to_one(op, found, lambda dropped: replace(op, count=scaled(op.count, dropped)))


def prelu(op: PRelu, inputs: Sequence[Range], output: QTensor) -> Rule:
    """Linear on either side of the zero point, so the extremes lie at the ends of the range and there."""
    (source,) = inputs
    slopes = max(op.channels, source.channels)
    if slopes % op.channels or slopes % source.channels:
        return fixed(op, inputs, output)
    slope = np.tile(np.asarray(op.slope, np.int64), slopes // op.channels)
    read = source.over(slopes)
    zero = np.clip(op.input_zero_point, read.low, read.high)
    ends = np.stack([read.low, zero, read.high]) - op.input_zero_point
    ends *= np.where(ends >= 0, op.one, slope)
    q = requantize(ends, op.multiplier, op.shift, op.output_zero_point, op.clamp_min, op.clamp_max).astype(np.int64)
    rows = q.reshape(-1, source.channels)

    def shrink(dropped: Mask) -> QOp:
        kept = slope[~np.tile(dropped, slopes // len(dropped))].astype(np.int16)
        count = scaled(op.count, dropped)
        return replace(op, count=count) if op.channels == 1 else replace(op, count=count, channels=len(kept), slope=kept)

    return one_to_one(op, Range(rows.min(axis=0), rows.max(axis=0)), shrink)


@dataclass(frozen=True)
class Layout:
    """How the operands of an elementwise operator lie under its output of `channels`.

    `by_channel` tells of each whether its channels are the output's; else it is the same for all channels of a row.
    """

    channels: int
    by_channel: tuple[bool, bool]


def layout(op: Add | Mul, inputs: Sequence[Range]) -> Layout | None:
    """The layout of a sum or product; None where its operands have different channels or other rows."""
    for channels in sorted({source.channels for source in inputs}, reverse=True):
        if op.dims[-1] % channels:
            continue
        pairs = zip((op.a_steps, op.b_steps), inputs, strict=True)
        kinds = [_lies_by_channel(steps, source.channels, channels) for steps, source in pairs]
        if None not in kinds and any(kinds):
            return Layout(channels, (bool(kinds[0]), bool(kinds[1])))
    return None


def _lies_by_channel(steps: Sequence[int], own: int, channels: int) -> bool | None:
    if steps[-1] == 0:
        return False
    return True if own == channels else None  # operands are dense: the last axis runs on, the other steps are whole rows


def _operands(inputs: Sequence[Range], found: Layout) -> list[Range]:
    """The range of each operand below each channel of the output."""
    pairs = zip(inputs, found.by_channel, strict=True)
    hulls = (Range(source.low.min(keepdims=True), source.high.max(keepdims=True)) for source in inputs)
    return [source if by_channel else hull.over(found.channels) for (source, by_channel), hull in zip(pairs, hulls, strict=True)]


def _linked(op: Add | Mul, found: Layout, output: Range) -> Rule:
    links = [np.arange(found.channels) if by_channel else None for by_channel in found.by_channel]
    return Linked(op, output, links, lambda inputs, dropped: _shrunk(op, found, dropped))


def _shrunk(op: Add | Mul, found: Layout, dropped: Mask) -> QOp:
    steps = [
        [scaled(step, dropped) for step in own[:-1]] + [own[-1]] if by_channel else own
        for own, by_channel in zip((op.a_steps, op.b_steps), found.by_channel, strict=True)
    ]
    dims, a_steps, b_steps = merge_axes([*op.dims[:-1], scaled(op.dims[-1], dropped)], *steps)
    return replace(op, dims=dims, a_steps=a_steps, b_steps=b_steps)


def add(op: Add, inputs: Sequence[Range], output: QTensor) -> Rule:
    """Sums of the ends that the weights' signs choose."""
    found = layout(op, inputs)
    if found is None:
        return fixed(op, inputs, output)
    low = high = np.full(found.channels, op.bias, np.int64)
    for source, weight in zip(_operands(inputs, found), (op.weight_a, op.weight_b), strict=True):
        low = low + np.minimum(source.low * weight, source.high * weight)
        high = high + np.maximum(source.low * weight, source.high * weight)
    ends = [np.clip(end >> op.right_shift, op.clamp_min, op.clamp_max) for end in (low, high)]
    return _linked(op, found, Range(*ends))


def mul(op: Mul, inputs: Sequence[Range], output: QTensor) -> Rule:
    """The extremes among the products of the ends."""
    found = layout(op, inputs)
    if found is None:
        return fixed(op, inputs, output)
    a, b = _operands(inputs, found)
    corners = np.stack([(x - op.a_zero_point) * (y - op.b_zero_point) for x in (a.low, a.high) for y in (b.low, b.high)])
    q = requantize(corners, op.multiplier, op.shift, op.output_zero_point, op.clamp_min, op.clamp_max).astype(np.int64)
    return _linked(op, found, Range(q.min(axis=0), q.max(axis=0)))


def with_constant(op: Add | Mul, inputs: Sequence[Range], operand: int) -> tuple[QOp, IntArray] | None:
    """The operator reading operand `operand`, all of whose channels are constant, as one row of channels; and that row, int8.

    None where its rows are not the output's, or its box would need more axes than there are.
    """
    found = layout(op, inputs)
    row = inputs[operand].low.astype(np.int8)
    if found is None or not found.by_channel[operand]:
        return None
    rows = op.dims[-1] // found.channels
    dims = [*op.dims[:-1], rows, found.channels]
    steps = [[*own[:-1], own[-1] * found.channels, own[-1]] for own in (op.a_steps, op.b_steps)]
    steps[operand] = [0] * len(op.dims) + [1]
    try:
        box = merge_axes(dims, *steps)
    except ValueError:
        return None
    return replace(op, dims=box[0], a_steps=box[1], b_steps=box[2]), row

"""Concat and Copy: output channels are input channels, rescaled or filled around."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgecomp.qgraph import IntArray, QOp, QTensor
from edgecomp.qops.boxes import box_offsets, merge_axes
from edgecomp.qops.concat import Concat
from edgecomp.qops.copy import Copy
from edgecomp.removal.channels import UNLINKED, Fixed, Linked, Rule, fixed, scaled
from edgecomp.removal.ranges import INT8_MAX, INT8_MIN, Mask, Range


def concat(op: Concat, inputs: Sequence[Range], output: QTensor) -> Rule:
    """Channels side by side, or rows of the same channels one after the other."""
    inner = [int(size) for size in op.inner]
    if any(size % source.channels for size, source in zip(inner, inputs, strict=True)):
        return fixed(op, inputs, output)
    rescaled = [_rescaled(op, i, source) for i, source in enumerate(inputs)]
    channels = {source.channels for source in inputs}
    if len(channels) == 1 and any(size not in channels for size in inner):
        link = np.arange(*channels)
        found = Range(np.min([r.low for r in rescaled], axis=0), np.max([r.high for r in rescaled], axis=0))

        def shorter(dropped_inputs: Sequence[Mask], dropped: Mask) -> QOp:
            return replace(op, inner=np.array([scaled(size, dropped) for size in inner], np.uint32))

        return Linked(op, found, [link] * len(inner), shorter)
    ends = np.cumsum([0, *inner])
    links = [np.full(ends[-1], UNLINKED) for _ in inner]
    for link, source, start, stop in zip(links, inputs, ends, ends[1:], strict=False):
        link[start:stop] = np.arange(stop - start) % source.channels
    parts = [source.over(size) for source, size in zip(rescaled, inner, strict=True)]
    found = Range(np.concatenate([r.low for r in parts]), np.concatenate([r.high for r in parts]))

    def narrower(dropped_inputs: Sequence[Mask], dropped: Mask) -> QOp:
        return replace(op, inner=np.array([int((~part).sum()) for part in np.split(dropped, ends[1:-1])], np.uint32))

    return Linked(op, found, links, narrower)


def _rescaled(op: Concat, i: int, source: Range) -> Range:
    if op.right_shift[i] == 0:
        return source
    ends = np.stack([source.low, source.high]) * int(op.weight[i]) + int(op.bias[i])
    q = np.clip(ends >> int(op.right_shift[i]), INT8_MIN, INT8_MAX)
    return Range(q.min(axis=0), q.max(axis=0))


@dataclass(frozen=True)
class Runs:
    """A copy as runs of neighbouring channels: `length` from channel `input_start` on to channel `output_start` on, row by row.

    `axes` are the other axes: size, input step and output step, the steps whole rows of channels.
    """

    axes: tuple[tuple[int, int, int], ...]
    length: int
    input_start: int
    output_start: int
    input_channels: int
    output_channels: int


def copy(op: Copy, inputs: Sequence[Range], output: QTensor) -> Rule:
    """Slices, pads and moves of whole channels; a copy that reorders within rows keeps them all."""
    (source,) = inputs
    for channels in dict.fromkeys((output.shape[-1] if output.shape else 1, source.channels)):
        if op.output_size % channels == 0 and (runs := _runs(op, source.channels, channels)):
            link = np.full(channels, UNLINKED)
            link[runs.output_start : runs.output_start + runs.length] = runs.input_start + np.arange(runs.length)
            return _Runs(op, _copied(op, source, channels), link, runs)
    return Fixed(op, _copied(op, source, output.shape[-1] if output.shape else 1))


def _copied(op: Copy, source: Range, channels: int) -> Range:
    """The range of every output channel, element by element."""
    read = box_offsets(op.dims, op.input_steps, op.input_offset) % source.channels
    written = box_offsets(op.dims, op.output_steps, op.output_offset)
    ends = []
    for bound, end in ((np.min, source.low), (np.max, source.high)):
        elements: IntArray = np.full(op.output_size, op.fill_value, np.int64)
        elements[written] = end[read]
        ends.append(bound(elements.reshape(-1, channels), axis=0))
    return Range(*ends)


def _runs(op: Copy, input_channels: int, output_channels: int) -> Runs | None:
    """The copy as runs of channels; None where it is none."""
    axes = [axis for axis in zip(op.dims, op.input_steps, op.output_steps, strict=True) if axis[0] > 1]
    length = axes.pop()[0] if axes and axes[-1][1:] == (1, 1) else 1
    starts = op.input_offset % input_channels, op.output_offset % output_channels
    if length > min(input_channels - starts[0], output_channels - starts[1]):
        if starts != (0, 0) or input_channels != output_channels or length % input_channels:
            return None
        axes.append((length // input_channels, input_channels, output_channels))
        length = input_channels
    if any(read % input_channels or written % output_channels for _, read, written in axes):
        return None
    return Runs(tuple(axes), length, *starts, input_channels, output_channels)


class _Runs(Linked):
    """A copy of runs; one channel of the run stays, for a copy moves something."""

    def __init__(self, op: Copy, output: Range, link: IntArray, runs: Runs) -> None:
        super().__init__(op, output, (link,), lambda inputs, dropped: _shrunk(op, runs, inputs[0], dropped))
        self.runs = runs

    def agree(self, inputs: Sequence[Mask], output: Mask) -> tuple[list[Mask], Mask]:
        (mask,), output = super().agree(inputs, output)
        start, length = self.runs.output_start, self.runs.length
        if output[start : start + length].all():
            output[start] = False
            mask[self.runs.input_start] = False
        return [mask], output


def _shrunk(op: Copy, runs: Runs, dropped_input: Mask, dropped: Mask) -> QOp:
    read, written = ~dropped_input, ~dropped
    axes = [(size, scaled(step, dropped_input), scaled(out, dropped)) for size, step, out in runs.axes]
    axes.append((int(written[runs.output_start : runs.output_start + runs.length].sum()), 1, 1))
    dims, input_steps, output_steps = merge_axes(*zip(*axes, strict=True))
    return replace(
        op,
        dims=dims,
        input_offset=_moved(op.input_offset, read),
        input_steps=input_steps,
        output_offset=_moved(op.output_offset, written),
        output_steps=output_steps,
        fill_count=scaled(op.fill_count, dropped),
    )


def _moved(offset: int, kept: Mask) -> int:
    """Where an element lies once only the kept channels are there."""
    row, channel = divmod(offset, len(kept))
    return row * int(kept.sum()) + int(kept[:channel].sum())

"""Convolutions, plain, depthwise and transposed, and fully connected layers: a constant input channel becomes part of the bias."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from edgecomp.qgraph import IntArray, QOp, QTensor
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv_transpose2d import ConvTranspose2D, phase_taps
from edgecomp.qops.depthwise_conv2d import DepthwiseConv2D
from edgecomp.qops.fully_connected import FullyConnected
from edgecomp.qops.requantize import requantize
from edgecomp.removal.channels import Bind, Rule
from edgecomp.removal.ranges import Mask, Range, dropped_in_all, dropped_over


@dataclass(frozen=True, eq=False)
class Form:
    """What the weighted operators share: acc[phase, o] = bias[phase, o] + sum over the phase's taps and the group's channels.

    `weights` is int64 [groups, outputs / groups, taps, inputs / groups] and `bias` int64 [phases, outputs]; `phases` [phases, taps]
    tells which taps a phase has, `padded` [taps] which of them somewhere lie outside the input and read `zero_point` there.
    `rebuild` makes the operator of other weights, bias and multiplier.
    """

    op: Any
    weights: IntArray
    bias: IntArray
    phases: Mask
    padded: Mask
    zero_point: int
    rebuild: Callable[[IntArray, IntArray, IntArray], QOp]

    @property
    def groups(self) -> int:
        return int(self.weights.shape[0])

    @property
    def inputs(self) -> int:
        return int(self.groups * self.weights.shape[3])

    @property
    def outputs(self) -> int:
        return int(self.groups * self.weights.shape[1])

    def accumulators(self, source: Range) -> tuple[IntArray, IntArray]:
        """Least and greatest accumulator, [phases, outputs] each."""
        read = source.over(self.inputs)
        taps = self.padded[None, :, None]
        low, high = (bound.reshape(self.groups, 1, -1) for bound in (read.low, read.high))
        low = np.where(taps, np.minimum(low, self.zero_point), low)[:, None]
        high = np.where(taps, np.maximum(high, self.zero_point), high)[:, None]
        ends = (self.weights * low, self.weights * high)
        least, greatest = (bound(*ends).sum(axis=3).reshape(self.outputs, -1) for bound in (np.minimum, np.maximum))
        phases = self.phases.astype(np.int64)
        return phases @ least.T + self.bias, phases @ greatest.T + self.bias

    def quantized(self, accumulators: IntArray) -> IntArray:
        """What accumulators [phases, outputs] become, int64."""
        op = self.op
        q = requantize(accumulators, op.multiplier, op.shift, op.output_zero_point, op.clamp_min, op.clamp_max)
        return q.astype(np.int64)


class Weighted(Rule):
    """An output channel goes with its filter; an input channel where no filter that stays notices, and its constant is folded."""

    def __init__(self, form: Form, source: Range) -> None:
        self.least, greatest = form.accumulators(source)
        super().__init__(form.op, Range(form.quantized(self.least).min(axis=0), form.quantized(greatest).max(axis=0)))
        self.form = form
        self.source = source.over(form.inputs)

    def settled(self) -> QOp:
        form, constant = self.form, self.range.constant
        idle = constant & ~form.weights.any(axis=(2, 3)).reshape(-1)
        if np.array_equal(idle, constant):
            return self.op
        weights = np.where(constant.reshape(form.groups, -1)[:, :, None, None], 0, form.weights)
        return form.rebuild(weights, np.where(constant, self.least, form.bias), form.op.multiplier)

    @cached_property
    def _notices(self) -> Mask:
        """[groups, outputs / groups, inputs / groups]: which filters would compute something else without the input channel.

        A constant that padding reads as well, the zero point, goes into the bias; another one only where no padding is multiplied.
        """
        form = self.form
        reads: Mask = np.any(form.weights, axis=2)
        at_border: Mask = np.any(form.weights[:, :, form.padded], axis=2)
        constant, free = self.source.constant, self.source.constant & (self.source.low == form.zero_point)
        shape = (form.groups, 1, -1)
        return np.where(constant.reshape(shape), at_border & ~free.reshape(shape), reads)

    def agree(self, inputs: Sequence[Mask], output: Mask) -> tuple[list[Mask], Mask]:
        groups = self.form.groups
        outputs = output.reshape(groups, -1)
        noticed = (self._notices & ~outputs[:, :, None]).any(axis=1)
        (mask,) = inputs
        read = dropped_over(mask, self.form.inputs).reshape(groups, -1) & ~noticed
        if groups > 1:
            read, outputs = _same_in_all_groups(read, outputs)
        return [mask & dropped_in_all(read.reshape(-1), len(mask))], outputs.reshape(-1)

    def without(self, inputs: Sequence[Mask], output: Mask) -> QOp:
        form = self.form
        read = dropped_over(inputs[0], form.inputs).reshape(form.groups, -1)
        known = np.where(read & self.source.constant.reshape(read.shape), self.source.low.reshape(read.shape), 0)
        added = (form.weights * known[:, None, None, :]).sum(axis=3).reshape(form.outputs, -1)
        bias = (form.bias + form.phases.astype(np.int64) @ added.T)[:, ~output]
        kept = [g for g, dropped in enumerate(output.reshape(form.groups, -1)) if not dropped.all()]
        weights = [form.weights[g][~output.reshape(form.groups, -1)[g]][:, :, ~read[g]] for g in kept]
        return form.rebuild(np.stack(weights), bias, np.asarray(form.op.multiplier)[~output])


def _same_in_all_groups(inputs: Mask, outputs: Mask) -> tuple[Mask, Mask]:
    """Groups go whole; of the groups that stay, each loses as many channels as the one that can lose the fewest, and keeps one."""
    gone: Mask = np.all(inputs, axis=1) & np.all(outputs, axis=1)
    return _same_count(inputs, gone), _same_count(outputs, gone)


def _same_count(dropped: Mask, gone: Mask) -> Mask:
    if gone.all():
        return dropped
    least = min(int(dropped[~gone].sum(axis=1).min()), dropped.shape[1] - 1)
    first: Mask = dropped & (dropped.cumsum(axis=1) <= least)
    return np.where(gone[:, None], dropped, first)


def _padded_taps(rows: Mask, columns: Mask) -> Mask:
    """Taps [kernel_h * kernel_w] from the kernel rows and columns that somewhere lie outside."""
    return (rows[:, None] | columns[None, :]).reshape(-1)


def _outside(op: Conv2D | DepthwiseConv2D, axis: str) -> Mask:
    """Kernel rows ("h") or columns ("w") that lie outside the input for some output."""
    size, outputs, kernel, stride, dilation = (getattr(op, f"{n}_{axis}") for n in ("input", "output", "kernel", "stride", "dilation"))
    at = np.arange(outputs)[:, None] * stride + np.arange(kernel)[None, :] * dilation - (op.pad_top if axis == "h" else op.pad_left)
    outside: Mask = ((at < 0) | (at >= size)).any(axis=0)
    return outside


def _conv2d(op: Conv2D) -> Form:
    def rebuild(weights: IntArray, bias: IntArray, multiplier: IntArray) -> QOp:
        groups, outputs, _, inputs = weights.shape
        stored = weights.reshape(groups * outputs, op.kernel_h, op.kernel_w, inputs).astype(np.int8)
        sizes = {"groups": groups, "input_c": groups * inputs, "output_c": groups * outputs}
        return replace(op, **sizes, weights=stored, bias=bias[0].astype(np.int32), multiplier=multiplier)

    taps = op.kernel_h * op.kernel_w
    weights = np.asarray(op.weights, np.int64).reshape(op.groups, op.output_c // op.groups, taps, -1)
    padded = _padded_taps(_outside(op, "h"), _outside(op, "w"))
    return Form(op, weights, np.asarray(op.bias, np.int64)[None], np.ones((1, taps), np.bool_), padded, op.input_zero_point, rebuild)


def _depthwise(op: DepthwiseConv2D) -> Form:
    def rebuild(weights: IntArray, bias: IntArray, multiplier: IntArray) -> QOp:
        inputs, filters = weights.shape[:2]
        stored = weights.reshape(inputs * filters, op.kernel_h, op.kernel_w).transpose(1, 2, 0).astype(np.int8)
        sizes = {"input_c": inputs, "output_c": inputs * filters, "channel_multiplier": filters}
        return replace(op, **sizes, weights=np.ascontiguousarray(stored), bias=bias[0].astype(np.int32), multiplier=multiplier)

    taps = op.kernel_h * op.kernel_w
    weights = np.asarray(op.weights, np.int64).reshape(taps, op.output_c).T.reshape(op.input_c, op.channel_multiplier, taps, 1)
    padded = _padded_taps(_outside(op, "h"), _outside(op, "w"))
    return Form(op, weights, np.asarray(op.bias, np.int64)[None], np.ones((1, taps), np.bool_), padded, op.input_zero_point, rebuild)


def _fully_connected(op: FullyConnected) -> Form:
    def rebuild(weights: IntArray, bias: IntArray, multiplier: IntArray) -> QOp:
        stored = weights.reshape(weights.shape[1], -1).astype(np.int8)
        sizes = {"input_n": stored.shape[1], "output_n": stored.shape[0]}
        return replace(op, **sizes, weights=stored, bias=bias[0].astype(np.int32), multiplier=multiplier)

    weights = np.asarray(op.weights, np.int64).reshape(1, op.output_n, 1, op.input_n)
    one = np.ones((1, 1), np.bool_)
    return Form(op, weights, np.asarray(op.bias, np.int64)[None], one, ~one[0], 0, rebuild)


def _conv_transpose2d(op: ConvTranspose2D) -> Form:
    def rebuild(weights: IntArray, bias: IntArray, multiplier: IntArray) -> QOp:
        groups, outputs, _, inputs = weights.shape
        stored = weights.reshape(groups * outputs, op.kernel_h, op.kernel_w, inputs).astype(np.int8)
        sizes = {"groups": groups, "input_c": groups * inputs, "output_c": groups * outputs}
        return replace(op, **sizes, weights=stored, bias=bias.astype(np.int32), multiplier=multiplier)

    taps = op.kernel_h * op.kernel_w
    weights = np.asarray(op.weights, np.int64).reshape(op.groups, op.output_c // op.groups, taps, -1)
    (rows, row_phases), (columns, column_phases) = _transposed_axis(op, "h"), _transposed_axis(op, "w")
    phases = (row_phases[:, None, :, None] & column_phases[None, :, None, :]).reshape(-1, taps)
    bias = np.asarray(op.bias, np.int64).reshape(len(phases), op.output_c)
    return Form(op, weights, bias, phases, _padded_taps(rows, columns), op.input_zero_point, rebuild)


def _transposed_axis(op: ConvTranspose2D, axis: str) -> tuple[Mask, Mask]:
    """For one axis: the taps that lie outside for some output [kernel], and which taps each phase has [stride, kernel]."""
    size, outputs, kernel, stride, dilation = (getattr(op, f"{n}_{axis}") for n in ("input", "output", "kernel", "stride", "dilation"))
    at = np.arange(outputs)[:, None] + (op.pad_top if axis == "h" else op.pad_left) - np.arange(kernel)[None, :] * dilation
    outside: Mask = ((at % stride == 0) & ((at < 0) | (at >= size * stride))).any(axis=0)
    phases = np.zeros((stride, kernel), np.bool_)
    for phase, taps in enumerate(phase_taps(kernel, stride, dilation)):
        phases[phase, taps] = True
    return outside, phases


def _binding(form: Callable[[Any], Form]) -> Bind:
    def bind(op: QOp, inputs: Sequence[Range], output: QTensor) -> Rule:
        return Weighted(form(op), inputs[0])

    return bind


conv2d = _binding(_conv2d)
depthwise_conv2d = _binding(_depthwise)
fully_connected = _binding(_fully_connected)
conv_transpose2d = _binding(_conv_transpose2d)

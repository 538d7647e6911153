"""2-D convolution whose sums end as soon as their output is certain, or is predicted to be zero."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from edgecomp.qgraph import IntArray, S32Array, U16Array
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.proofs import prove, prove_accumulator, prove_length
from edgecomp.qops.requantize import INT32_MAX
from edgecomp.qops.windows import CHUNK_BYTES, exact_matmul, in_chunks, pad_hw, windows

MOST_TAPS = (1 << 16) - 1


@dataclass(frozen=True, eq=False)
class Conv2DEarly(Conv2D):
    """Conv2D on inputs that are not below `input_zero_point` (one that is counts as zero), product by product.

    A sum begins at `start`[o] = bias[o] + input_zero_point * sum(weights[o]) and adds (in - input_zero_point) * weight in the order
    `order`[o] of the channel's products (kernel_h, kernel_w, input_c / groups, flattened). It ends
    - after `prefix`[o] products, if that is not 0, where it is not above `thresholds`[o]: the output is output_zero_point (predicted);
    - from `falls_from`[o] products on, when only weights <= 0 remain, where it is at or below `lowest`[o]: the output is clamp_min;
    - from `rises_from`[o] products on, when only weights >= 0 remain, where it is at or above `highest`[o]: the output is clamp_max.
    The last two are exact: without predictions the output has the bits of Conv2D. Exact ends are looked for after the prefix.

    Akhlaghi et al., "SnaPEA: Predictive Early Activation for Reducing Computation in Deep Convolutional Neural Networks", 2018.
    """

    kernel: ClassVar[str] = "conv2d_early_s8"

    start: S32Array
    order: U16Array
    falls_from: U16Array
    rises_from: U16Array
    lowest: S32Array
    highest: S32Array
    prefix: U16Array
    thresholds: S32Array

    @classmethod
    def ordered(cls, conv: Conv2D, order: IntArray, exact_from: IntArray, prefix: IntArray, thresholds: IntArray) -> Conv2DEarly:
        """`conv` with its products in the given order [output_c, taps]; the other arrays are [output_c].

        From `exact_from` products on a sum may end at the clamp that the signs of the remaining weights drive it to.
        """
        weights = np.asarray(conv.weights, np.int64).reshape(conv.output_c, -1)
        falling, rising = sign_changes(weights, order)
        taps = weights.shape[1]
        lowest, highest = clamp_limits(conv)
        return cls(
            **conv.convolution_members,
            start=(np.asarray(conv.bias, np.int64) + conv.input_zero_point * weights.sum(axis=1)).astype(np.int32),
            order=np.asarray(order).astype(np.uint16),
            falls_from=np.where(exact_from >= falling, exact_from, taps).astype(np.uint16),
            rises_from=np.where(exact_from >= rising, exact_from, taps).astype(np.uint16),
            lowest=lowest,
            highest=highest,
            prefix=np.asarray(prefix).astype(np.uint16),
            thresholds=np.asarray(thresholds).astype(np.int32),
        )

    @property
    def taps(self) -> int:
        """Products of one output."""
        return self.kernel_h * self.kernel_w * (self.input_c // self.groups)

    def evaluate(self, *inputs: IntArray) -> IntArray:
        x = np.maximum(inputs[0], np.int8(self.input_zero_point))
        dense = self.convolution.evaluate(x)
        if not np.any(self.prefix):
            return dense
        predicted = self.predicted(x)
        return np.where(predicted, np.int8(self.output_zero_point), dense.reshape(predicted.shape)).reshape(dense.shape)

    def predicted(self, x: IntArray) -> IntArray:
        """Which outputs [S, output_h * output_w * output_c] are taken as zero after their prefix."""
        used = np.arange(self.taps) < np.asarray(self.prefix)[:, None]
        kept = np.zeros((self.output_c, self.taps), np.int8)
        np.put_along_axis(kept, np.asarray(self.order, np.int64).reshape(kept.shape), used.astype(np.int8), axis=1)
        weights = (np.asarray(self.weights).reshape(kept.shape) * kept).reshape(np.shape(self.weights))
        begun = replace(self, weights=weights, bias=np.asarray(self.start), prefix=np.zeros(self.output_c, np.uint16))
        predicts = np.asarray(self.prefix) > 0

        def compute(chunk: IntArray) -> IntArray:
            sums = np.stack([begun.sums(patches) for patches in self.patches(chunk)])
            return (predicts & (sums <= np.asarray(self.thresholds))).astype(np.int8)

        positions = self.output_h * self.output_w
        samples = x.reshape(-1, self.input_h, self.input_w, self.input_c)
        bytes_each = positions * (4 * self.groups * self.taps + 16 * self.output_c)
        return in_chunks(samples, positions * self.output_c, bytes_each, compute).astype(bool)

    def sums(self, patches: IntArray) -> IntArray:
        """bias + products [positions, output_c] of the patches of one sample."""
        weights = np.asarray(self.weights).reshape(self.groups, -1, self.taps)
        pieces = [exact_matmul(patches[group], weights[group].T, a_limit=255) for group in range(self.groups)]
        return np.concatenate(pieces, axis=1) + np.asarray(self.bias, np.int64)

    def patches(self, x: IntArray) -> Iterator[IntArray]:
        """For each sample [groups, positions, taps]: the inputs of each output less the zero point, 0..255."""
        samples = x.reshape(-1, self.input_h, self.input_w, self.input_c)
        each = self.output_h * self.output_w
        for sample in samples:
            shifted = np.maximum(sample.astype(np.int32) - self.input_zero_point, 0)
            view = windows(pad_hw(shifted[None], self, 0), self)[0]
            grouped = view.reshape(each, self.kernel_h * self.kernel_w, self.groups, -1)
            yield grouped.transpose(2, 0, 1, 3).reshape(self.groups, each, self.taps)

    def executed_macs(self, *inputs: IntArray) -> int:
        return int(sum(counts.sum() for counts in self.executed_by_channel(inputs[0])))

    def executed_by_channel(self, x: IntArray) -> Iterator[IntArray]:
        """For each sample, how many products each output channel [output_c] executes over all positions."""
        weights = np.asarray(self.weights, np.int32).reshape(self.output_c, self.taps)
        order = np.asarray(self.order, np.int64).reshape(self.output_c, self.taps)
        for patches in self.patches(x):
            group_of = np.arange(self.output_c) // (self.output_c // self.groups)
            counts = [self._executed(c, patches[group_of[c]], weights[c], order[c]) for c in range(self.output_c)]
            yield np.array(counts, np.int64)

    def _executed(self, channel: int, patches: IntArray, weights: IntArray, order: IntArray) -> int:
        """Products that the sums of one channel execute, over the positions of one sample."""
        values = weights[order]
        prefix = int(np.asarray(self.prefix)[channel])
        falls, rises = (max(int(np.asarray(item)[channel]), prefix) for item in (self.falls_from, self.rises_from))
        first = min(falls, rises)
        begun = np.asarray(self.start, np.int64)[channel] + patches[:, order[:prefix]] @ values[:prefix]
        remains = np.ones(len(patches), bool)
        if prefix:
            remains = begun > np.asarray(self.thresholds, np.int64)[channel]
        executed = prefix * len(patches)
        rest = patches[remains]
        if first == self.taps or not len(rest):
            return executed + len(rest) * (self.taps - prefix)
        before = begun[remains] + rest[:, order[prefix:first]] @ values[prefix:first]
        executed += len(rest) * (first - prefix)
        limits = int(np.asarray(self.lowest)[channel]), int(np.asarray(self.highest)[channel])
        rows = max(1, CHUNK_BYTES // (8 * (self.taps - first)))
        for at in range(0, len(rest), rows):
            chunk = slice(at, at + rows)
            products = rest[chunk][:, order[first:]] * values[first:]
            executed += self._until_end(before[chunk], products, (falls - first, rises - first), limits)
        return executed

    @staticmethod
    def _until_end(before: IntArray, products: IntArray, firsts: tuple[int, int], limits: tuple[int, int]) -> int:
        """How many of `products` [positions, count] are added to `before` until the sum may end: from `firsts` on, at `limits`."""
        sums = before[:, None] + np.concatenate([np.zeros((len(before), 1), np.int64), np.cumsum(products[:, :-1], axis=1)], axis=1)
        at = np.arange(products.shape[1])
        ends = ((at >= firsts[0]) & (sums <= limits[0])) | ((at >= firsts[1]) & (sums >= limits[1]))
        return int(np.where(ends.any(axis=1), ends.argmax(axis=1), products.shape[1]).sum())

    def verify(self) -> None:
        super().verify()
        prove(self, "order", self.taps <= MOST_TAPS, f"{self.taps} products an output, at most {MOST_TAPS}")
        prove_length(self, "order", self.output_c * self.taps)
        for item in ("start", "falls_from", "rises_from", "lowest", "highest", "prefix", "thresholds"):
            prove_length(self, item, self.output_c)
        order = np.asarray(self.order, np.int64).reshape(self.output_c, self.taps)
        prove(self, "order", bool(np.all(np.sort(order, axis=1) == np.arange(self.taps))), "must name each product of a channel once")
        weights = np.asarray(self.weights, np.int64).reshape(self.output_c, self.taps)
        start = np.asarray(self.bias, np.int64) + self.input_zero_point * weights.sum(axis=1)
        prove(self, "start", bool(np.all(start == self.start)), "must be the bias without the input's zero point")
        prove_accumulator(self, "start", np.abs(start) + 255 * np.abs(weights).sum(axis=1) + 1)
        falling, rising = sign_changes(weights, order)
        within = {"falls_from": falling, "rises_from": rising}
        for item, least in within.items():
            value = np.asarray(getattr(self, item), np.int64)
            prove(self, item, bool(np.all((value >= least) & (value <= self.taps))), "must be where the remaining weights have one sign")
        lowest, highest = clamp_limits(self)
        prove(self, "lowest", bool(np.all(np.asarray(self.lowest) <= lowest)), "must give clamp_min")
        prove(self, "highest", bool(np.all(np.asarray(self.highest) >= highest)), "must give clamp_max")
        prefix = np.asarray(self.prefix, np.int64)
        prove(self, "prefix", bool(np.all(prefix <= self.taps)), f"must be at most {self.taps}")
        if np.any(prefix):
            same = self.clamp_min == self.output_zero_point
            prove(self, "prefix", same, f"predicts only at a clamp at zero: clamp_min is {self.clamp_min}, zero {self.output_zero_point}")


def sign_changes(weights: IntArray, order: IntArray) -> tuple[IntArray, IntArray]:
    """For each channel of `weights` [channels, taps], after how many products in `order` no positive, and no negative weight remains."""
    taken = np.take_along_axis(weights, np.asarray(order, np.int64).reshape(weights.shape), axis=1)
    places = np.arange(1, weights.shape[1] + 1)
    return (places * (taken > 0)).max(axis=1), (places * (taken < 0)).max(axis=1)


def clamp_limits(conv: Conv2D) -> tuple[IntArray, IntArray]:
    """Per channel the largest sum, int32, that becomes clamp_min, and the least that becomes clamp_max.

    Where there is none, the end of int32, which no sum reaches.
    """
    scale = np.asarray(conv.multiplier, np.int64) << conv.shift
    below = ((conv.clamp_min - conv.output_zero_point + 1) << 31) - (1 << 30)
    above = ((conv.clamp_max - conv.output_zero_point) << 31) - (1 << 30)
    lowest, highest = (below - 1) // scale, -((-above) // scale)
    return np.clip(lowest, -INT32_MAX - 1, INT32_MAX).astype(np.int32), np.clip(highest, -INT32_MAX - 1, INT32_MAX).astype(np.int32)

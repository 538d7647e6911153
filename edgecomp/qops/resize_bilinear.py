"""Bilinear resize of int8 images, NHWC; any coordinate rule ends in tables of two neighbours and a weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.graph import Array
from edgecomp.qgraph import U16, IntArray, QOp, U16Array, Work
from edgecomp.qops.proofs import prove_below, prove_length, prove_positive
from edgecomp.qops.windows import in_chunks

WEIGHT_BITS = 10


def neighbours(coordinates: Array, size: int) -> tuple[IntArray, IntArray, IntArray]:
    """`low` and `high` index and `weight` of the high one (0..1024), all uint16, for real source coordinates on an axis of `size`.

    Coordinates outside 0..size - 1 read the edge.
    """
    inside = np.clip(np.asarray(coordinates, np.float64), 0, size - 1)
    low = np.floor(inside)
    weight = np.floor((inside - low) * (1 << WEIGHT_BITS) + 0.5)
    high = np.minimum(low + 1, size - 1)
    return low.astype(np.uint16), high.astype(np.uint16), weight.astype(np.uint16)


@dataclass(frozen=True, eq=False)
class ResizeBilinear(QOp):
    """out = (sum over the 2 x 2 neighbours of in * row weight * column weight + 2^19) >> 20; scale and zero point are kept.

    For each output row `row_low`, `row_high` and `row_weight`, the weight of the high one in 1/1024; for columns the same.
    """

    kernel: ClassVar[str] = "resize_bilinear_s8"

    input_h: U16
    input_w: U16
    input_c: U16
    output_h: U16
    output_w: U16
    row_low: U16Array
    row_high: U16Array
    row_weight: U16Array
    column_low: U16Array
    column_high: U16Array
    column_weight: U16Array

    def evaluate(self, *inputs: IntArray) -> IntArray:
        x = inputs[0].reshape(-1, self.input_h, self.input_w, self.input_c)
        size = self.output_h * self.output_w * self.input_c
        return in_chunks(x, size, 16 * self.output_h * max(self.output_w, self.input_w) * self.input_c, self._evaluate_chunk)

    def _evaluate_chunk(self, x: IntArray) -> IntArray:
        one = 1 << WEIGHT_BITS
        row, column = (np.asarray(w, np.int32) for w in (self.row_weight, self.column_weight))
        lines: IntArray = x[:, self.row_low] * (one - row)[:, None, None] + x[:, self.row_high] * row[:, None, None]
        total: IntArray = lines[:, :, self.column_low] * (one - column)[:, None] + lines[:, :, self.column_high] * column[:, None]
        total += 1 << (2 * WEIGHT_BITS - 1)
        total >>= 2 * WEIGHT_BITS
        return total.astype(np.int8)

    @property
    def work(self) -> Work:
        return Work(macs=4 * self.output_h * self.output_w * self.input_c)

    @property
    def describe(self) -> str:
        return f"{self.input_h}x{self.input_w} -> {self.output_h}x{self.output_w}, {self.input_c}"

    def verify(self) -> None:
        super().verify()
        prove_positive(self, "input_h", "input_w", "input_c", "output_h", "output_w")
        for axis, size, outputs in (("row", self.input_h, self.output_h), ("column", self.input_w, self.output_w)):
            for part, limit in (("low", size), ("high", size), ("weight", (1 << WEIGHT_BITS) + 1)):
                prove_length(self, f"{axis}_{part}", outputs)
                prove_below(self, f"{axis}_{part}", limit)

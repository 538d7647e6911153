"""Nearest-neighbour resize of int8 images, NHWC; any coordinate rule ends in two index tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.qgraph import U16, IntArray, QOp, U16Array, Work
from edgecomp.qops.proofs import prove_below, prove_length, prove_positive


@dataclass(frozen=True, eq=False)
class ResizeNearest(QOp):
    """out[y, x, c] = in[rows[y], columns[x], c]; scale and zero point are kept."""

    kernel: ClassVar[str] = "resize_nearest_s8"

    input_h: U16
    input_w: U16
    input_c: U16
    output_h: U16
    output_w: U16
    rows: U16Array
    columns: U16Array

    def evaluate(self, *inputs: IntArray) -> IntArray:
        x = inputs[0].reshape(-1, self.input_h, self.input_w, self.input_c)
        picked: IntArray = x[:, np.asarray(self.rows)[:, None], np.asarray(self.columns)[None, :]].reshape(len(x), -1)
        return picked.astype(np.int8)

    @property
    def work(self) -> Work:
        return Work()

    @property
    def describe(self) -> str:
        return f"{self.input_h}x{self.input_w} -> {self.output_h}x{self.output_w}, {self.input_c}"

    def verify(self) -> None:
        super().verify()
        prove_positive(self, "input_h", "input_w", "input_c", "output_h", "output_w")
        prove_length(self, "rows", self.output_h)
        prove_length(self, "columns", self.output_w)
        prove_below(self, "rows", self.input_h)
        prove_below(self, "columns", self.input_w)

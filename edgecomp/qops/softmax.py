"""Softmax over contiguous rows, integers only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.qgraph import U32, IntArray, QOp, U16Array, Work
from edgecomp.qops.proofs import prove, prove_length, prove_positive

MAX_DEPTH = 32768  # 2 * depth * 65535 fits 32 bits
ONE = 65535  # exp(0) in the table


def exponential_table(scale_in: float) -> IntArray:
    """uint16 [256]: round(65535 * exp(-scale_in * d)) for d = 0..255, the distance below the row's largest value.

    Raises:
        ValueError: scale_in is not finite or not positive.
    """
    if not np.isfinite(scale_in) or scale_in <= 0:
        raise ValueError(f"scale_in must be finite and positive, found {scale_in}")
    table: IntArray = np.floor(ONE * np.exp(-scale_in * np.arange(256)) + 0.5).astype(np.uint16)
    return table


@dataclass(frozen=True, eq=False)
class Softmax(QOp):
    """out = min(round_half_up(256 * e / sum(e)), 255) - 128 with e = table[largest - q]; output scale 1/256, zero point -128.

    `rows` rows of `depth` <= 32768 elements; `table` [256] from `exponential_table`. All arithmetic is exact in 32 unsigned bits:
    (512 * e + sum) / (2 * sum), sum <= depth * 65535.
    """

    kernel: ClassVar[str] = "softmax_s8"
    in_place: ClassVar[bool] = True

    rows: U32
    depth: U32
    table: U16Array

    def evaluate(self, *inputs: IntArray) -> IntArray:
        x = inputs[0].reshape(-1, self.rows, self.depth)
        distance = x.max(axis=-1, keepdims=True).astype(np.int64) - x
        e = np.asarray(self.table, np.int64)[distance]
        total = e.sum(axis=-1, keepdims=True)
        q: IntArray = np.minimum((e * 512 + total) // (2 * total), 255) - 128
        return q.astype(np.int8).reshape(len(x), -1)

    @property
    def work(self) -> Work:
        pairs = self.rows * (self.depth - 1)
        return Work(additions=pairs, comparisons=pairs)

    @property
    def describe(self) -> str:
        return f"{self.rows} x {self.depth}"

    def verify(self) -> None:
        super().verify()
        prove_positive(self, "rows", "depth")
        prove(self, "depth", self.depth <= MAX_DEPTH, f"must be at most {MAX_DEPTH}, found {self.depth}")
        prove_length(self, "table", 256)
        prove(self, "table", int(np.asarray(self.table)[0]) == ONE, f"must start with {ONE}, found {np.asarray(self.table)[0]}")

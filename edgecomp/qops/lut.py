"""Any function of one int8 value, as a table of 256 entries: Sigmoid, Tanh, Elu, Gelu, clamps, changes of scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.qgraph import U32, IntArray, QOp, S8Array, Work
from edgecomp.qops.proofs import prove_length, prove_positive


@dataclass(frozen=True, eq=False)
class Lut(QOp):
    """out = table[q + 128]; `count` elements, `table` [256]."""

    kernel: ClassVar[str] = "lut_s8"
    in_place: ClassVar[bool] = True

    count: U32
    table: S8Array

    def evaluate(self, *inputs: IntArray) -> IntArray:
        x = np.ascontiguousarray(inputs[0], np.int8).reshape(-1, self.count)
        by_bits = np.roll(np.asarray(self.table, np.int8), 128)  # index: the byte of q, 0..255
        return by_bits[x.view(np.uint8)]

    @property
    def work(self) -> Work:
        return Work()

    @property
    def describe(self) -> str:
        return f"{self.count} elements"

    def verify(self) -> None:
        super().verify()
        prove_positive(self, "count")
        prove_length(self, "table", 256)

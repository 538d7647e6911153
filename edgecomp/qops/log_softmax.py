"""LogSoftmax over contiguous rows, integers only: fixed point with 16 fraction bits."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import ClassVar

import numpy as np

from edgecomp.qgraph import S8, S32, U32, IntArray, QOp, U16Array, Work
from edgecomp.qops.proofs import prove, prove_length, prove_positive
from edgecomp.qops.requantize import INT32_MAX, MULTIPLIER_LIMIT, multiplier_and_shift, requantize
from edgecomp.qops.softmax import MAX_DEPTH, ONE, exponential_table

FRACTION_BITS = 16
LOG_SEGMENTS = 64  # of the logarithm's table, linear in between
LN_2 = round(log(2) * (1 << FRACTION_BITS))
LN_ONE = round(log(ONE) * (1 << FRACTION_BITS))
_LARGEST_LOG = 1 << 20  # above ln(32768) in fixed point


def logarithm_table() -> IntArray:
    """uint16 [65]: ln(1 + i / 64) in fixed point, i = 0..64."""
    table: IntArray = np.floor(np.log1p(np.arange(LOG_SEGMENTS + 1) / LOG_SEGMENTS) * (1 << FRACTION_BITS) + 0.5).astype(np.uint16)
    return table


def fixed_point_log(total: IntArray, table: IntArray) -> IntArray:
    """ln(total / 65535) in fixed point for totals 1..2^32 - 1: normalised to 1..2, then by table."""
    exponent = np.frexp(total.astype(np.float64))[1].astype(np.int64) - 1
    mantissa = total.astype(np.int64) << (31 - exponent)  # bit 31 is set
    index, fraction = (mantissa >> 25) & 63, (mantissa >> 9) & 0xFFFF
    entries = np.asarray(table, np.int64)
    low = entries[index]
    result: IntArray = exponent * LN_2 - LN_ONE + low + (((entries[index + 1] - low) * fraction + (1 << 15)) >> 16)
    return result


@dataclass(frozen=True, eq=False)
class LogSoftmax(QOp):
    """out = requantize(-(largest - q) * step - ln(sum of exp_table[largest - q])), the bracket in fixed point, 16 fraction bits.

    `rows` rows of `depth` <= 32768 elements. `step` is the input scale in fixed point, `multiplier` 2^15 / output scale. The result
    is within one step of the float result where the output scale is above 2^-8 and above depth / 2^17 (the table's rounding).
    """

    kernel: ClassVar[str] = "log_softmax_s8"
    in_place: ClassVar[bool] = True

    rows: U32
    depth: U32
    step: S32
    multiplier: S32
    output_zero_point: S8
    exp_table: U16Array
    log_table: U16Array

    @classmethod
    def scaled(cls, rows: int, depth: int, scale_in: float, scale_out: float, zero_out: int) -> LogSoftmax:
        """The operator for an input of `scale_in` and an output of `scale_out` (above 2^-15) and `zero_out`.

        Raises:
            ValueError: a scale is out of range.
        """
        multiplier, shift = multiplier_and_shift(2.0**-FRACTION_BITS / scale_out)
        if shift:
            raise ValueError(f"output scale must be above 2^-15, found {scale_out}")
        step = round(scale_in * (1 << FRACTION_BITS))
        return cls(rows, depth, step, int(multiplier[0]), zero_out, exponential_table(scale_in), logarithm_table())

    def evaluate(self, *inputs: IntArray) -> IntArray:
        x = inputs[0].reshape(-1, self.rows, self.depth)
        distance = x.max(axis=-1, keepdims=True).astype(np.int64) - x
        total = np.asarray(self.exp_table, np.int64)[distance].sum(axis=-1, keepdims=True)
        fixed = -distance * self.step - fixed_point_log(total, self.log_table)
        return requantize(fixed, self.multiplier, 0, self.output_zero_point, -128, 127).reshape(len(x), -1)

    @property
    def work(self) -> Work:
        pairs = self.rows * (self.depth - 1)
        return Work(macs=self.rows * self.depth, additions=pairs, comparisons=pairs)

    @property
    def describe(self) -> str:
        return f"{self.rows} x {self.depth}"

    def verify(self) -> None:
        super().verify()
        prove_positive(self, "rows", "depth")
        prove(self, "depth", self.depth <= MAX_DEPTH, f"must be at most {MAX_DEPTH}, found {self.depth}")
        reach = 255 * abs(self.step) + _LARGEST_LOG
        prove(self, "step", reach <= INT32_MAX, f"distances reach {reach}, more than 32 bits hold")
        prove(self, "multiplier", 1 <= self.multiplier < MULTIPLIER_LIMIT, f"must be in 1..2^30 - 1, found {self.multiplier}")
        prove_length(self, "exp_table", 256)
        prove_length(self, "log_table", LOG_SEGMENTS + 1)
        first = int(np.asarray(self.exp_table)[0])
        prove(self, "exp_table", first == ONE, f"must start with {ONE}, found {first}")
        rising = bool(np.all(np.diff(np.asarray(self.log_table, np.int64)) >= 0))
        prove(self, "log_table", rising, "must not fall")

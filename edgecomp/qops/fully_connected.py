"""Fully connected layer, int8: every row of the input times a constant matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.qgraph import S8, U8, U32, IntArray, QOp, S8Array, S32Array, Work
from edgecomp.qops.proofs import prove_accumulator, prove_length, prove_positive, prove_rescaling
from edgecomp.qops.requantize import accumulator_bound, requantize
from edgecomp.qops.windows import exact_matmul, in_chunks


@dataclass(frozen=True, eq=False)
class FullyConnected(QOp):
    """out[r, o] = requantize(bias[o] + sum over i of in[r, i] * weights[o, i]).

    `bias` already holds -input_zero_point * sum(weights[o]).
    """

    kernel: ClassVar[str] = "fully_connected_s8"

    rows: U32
    input_n: U32
    output_n: U32
    output_zero_point: S8
    clamp_min: S8
    clamp_max: S8
    weights: S8Array
    bias: S32Array
    multiplier: S32Array
    shift: U8

    def evaluate(self, *inputs: IntArray) -> IntArray:
        x = inputs[0].reshape(-1, self.rows, self.input_n)
        return in_chunks(x, self.rows * self.output_n, self.rows * (4 * self.input_n + 16 * self.output_n), self._evaluate_chunk)

    def _evaluate_chunk(self, x: IntArray) -> IntArray:
        weights = np.asarray(self.weights).reshape(self.output_n, self.input_n)
        accumulator = exact_matmul(x.reshape(-1, self.input_n), weights.T)
        accumulator += np.asarray(self.bias, np.int64)
        return requantize(accumulator, self.multiplier, self.shift, self.output_zero_point, self.clamp_min, self.clamp_max)

    @property
    def work(self) -> Work:
        outputs = self.rows * self.output_n
        return Work(macs=outputs * self.input_n, additions=outputs)

    @property
    def describe(self) -> str:
        rows = "" if self.rows == 1 else f"{self.rows} x "
        return f"{rows}{self.input_n}->{self.output_n}"

    def verify(self) -> None:
        super().verify()
        prove_positive(self, "rows", "input_n", "output_n")
        prove_length(self, "weights", self.output_n * self.input_n)
        prove_length(self, "bias", self.output_n)
        prove_rescaling(self, self.output_n)
        weights = np.asarray(self.weights).reshape(self.output_n, self.input_n)
        prove_accumulator(self, "bias", accumulator_bound(weights, np.asarray(self.bias), (1,)), self.shift)

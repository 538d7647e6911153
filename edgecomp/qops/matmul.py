"""Matrix product of two int8 activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.graph import Array
from edgecomp.qgraph import S8, S32, U8, U32, IntArray, QOp, Work
from edgecomp.qops.proofs import prove, prove_accumulator, prove_positive, prove_rescaling
from edgecomp.qops.requantize import requantize
from edgecomp.qops.windows import in_chunks


@dataclass(frozen=True, eq=False)
class MatMul(QOp):
    """out[n, r, c] = requantize(sum over i of (a[n, r, i] - a_zero_point) * (b[n, i, c] - b_zero_point)).

    a is [rows, inner], b [inner, columns] ([columns, inner] with `b_transposed`); product n of `batch` reads them n * batch stride
    elements from the start, stride 0 reads the same matrix each time.
    """

    kernel: ClassVar[str] = "matmul_s8"
    arity: ClassVar[int] = 2

    batch: U32
    rows: U32
    inner: U32
    columns: U32
    a_batch_stride: U32
    b_batch_stride: U32
    b_transposed: U8
    a_zero_point: S8
    b_zero_point: S8
    output_zero_point: S8
    clamp_min: S8
    clamp_max: S8
    multiplier: S32
    shift: U8

    def evaluate(self, *inputs: IntArray) -> IntArray:
        a, b = (np.ascontiguousarray(x).reshape(len(x), -1) for x in inputs)
        size = self.batch * self.rows * self.columns

        def compute(samples: IntArray) -> IntArray:
            part = slice(samples[0], samples[-1] + 1)
            return self._evaluate_chunk(a[part], b[part])

        operands = self.batch * self.inner * (self.rows + self.columns)
        return in_chunks(np.arange(len(a)), size, 16 * (operands + size), compute)

    def _evaluate_chunk(self, a: IntArray, b: IntArray) -> IntArray:
        width = np.float32 if self._largest < 1 << 24 else np.float64  # every partial sum is exact
        left: Array = self._matrices(a, self.a_batch_stride, (self.rows, self.inner)).astype(width) - self.a_zero_point
        shape_b = (self.columns, self.inner) if self.b_transposed else (self.inner, self.columns)
        right: Array = self._matrices(b, self.b_batch_stride, shape_b).astype(width) - self.b_zero_point
        total = left @ (right.swapaxes(-1, -2) if self.b_transposed else right)
        q = requantize(total, self.multiplier, self.shift, self.output_zero_point, self.clamp_min, self.clamp_max)
        return q.reshape(len(a), -1)

    def _matrices(self, x: IntArray, batch_stride: int, shape: tuple[int, int]) -> IntArray:
        sample, element = x.strides
        strides = (sample, batch_stride * element, shape[1] * element, element)
        return np.lib.stride_tricks.as_strided(x, (len(x), self.batch, *shape), strides, writeable=False)

    @property
    def _largest(self) -> int:
        """Magnitude the sums stay within."""
        a, b = (max(127 - zero, zero + 128) for zero in (self.a_zero_point, self.b_zero_point))
        return self.inner * a * b

    @property
    def work(self) -> Work:
        return Work(macs=self.batch * self.rows * self.inner * self.columns)

    @property
    def describe(self) -> str:
        batch = "" if self.batch == 1 else f"{self.batch} x "
        return f"{batch}{self.rows}x{self.inner} @ {self.inner}x{self.columns}"

    def verify(self) -> None:
        super().verify()
        prove_positive(self, "batch", "rows", "inner", "columns")
        a_size, b_size = self.rows * self.inner, self.inner * self.columns
        prove(self, "a_batch_stride", self.a_batch_stride in (0, a_size), f"must be 0 or {a_size}, found {self.a_batch_stride}")
        prove(self, "b_batch_stride", self.b_batch_stride in (0, b_size), f"must be 0 or {b_size}, found {self.b_batch_stride}")
        prove(self, "b_transposed", self.b_transposed in (0, 1), f"must be 0 or 1, found {self.b_transposed}")
        prove_rescaling(self)
        prove_accumulator(self, "inner", self._largest, self.shift)

"""Concatenation of int8 activations along one axis, each input brought to the output's scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.qgraph import U32, IntArray, QOp, S16Array, S32Array, U8Array, U32Array, Work
from edgecomp.qops.proofs import prove, prove_length, prove_positive
from edgecomp.qops.requantize import INT32_MAX
from edgecomp.qops.rescale import rescale_bound


@dataclass(frozen=True, eq=False)
class Concat(QOp):
    """For each of `outer` rows the `inner[i]` elements of every input i in turn, rescaled.

    q = clamp((x * weight[i] + bias[i]) >> right_shift[i]), see `rescale.concat_weights`; right_shift 0 copies x as it is.
    `inner`, `weight`, `bias` and `right_shift` have one entry for each of `count` inputs.
    """

    kernel: ClassVar[str] = "concat_s8"
    variadic: ClassVar[bool] = True

    count: U32
    outer: U32
    inner: U32Array
    weight: S16Array
    bias: S32Array
    right_shift: U8Array

    def evaluate(self, *inputs: IntArray) -> IntArray:
        rows = [self._rescaled(i, x.reshape(len(x), self.outer, int(self.inner[i]))) for i, x in enumerate(inputs)]
        return np.concatenate(rows, axis=2).reshape(len(inputs[0]), -1)

    def _rescaled(self, i: int, x: IntArray) -> IntArray:
        if self.right_shift[i] == 0:
            return x.astype(np.int8)
        total = x * np.int32(self.weight[i]) + np.int32(self.bias[i])
        q: IntArray = np.clip(total >> int(self.right_shift[i]), -128, 127).astype(np.int8)
        return q

    @property
    def work(self) -> Work:
        rescaled = np.asarray(self.inner)[np.asarray(self.right_shift) != 0]
        return Work(additions=self.outer * int(rescaled.sum()))

    @property
    def describe(self) -> str:
        return f"{self.outer} x ({'+'.join(str(int(n)) for n in self.inner)})"

    def verify(self) -> None:
        super().verify()
        prove_positive(self, "count", "outer", "inner")
        for item in ("inner", "weight", "bias", "right_shift"):
            prove_length(self, item, self.count)
        worst = int(np.max(np.asarray(self.right_shift)))
        prove(self, "right_shift", worst <= 31, f"must be at most 31, found {worst}")
        bound = max(rescale_bound((w,), b) for w, b in zip(self.weight, self.bias, strict=True))
        prove(self, "bias", bound <= INT32_MAX, f"sums reach {bound}, more than 32 bits hold")

"""Elementwise sum or difference of two int8 activations, with broadcasting."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from edgecomp.qgraph import S8, S16, S32, U8, Dims, IntArray, QOp, Steps, Work
from edgecomp.qops.boxes import box_view, prove_operands
from edgecomp.qops.proofs import prove, prove_clamp
from edgecomp.qops.requantize import INT32_MAX
from edgecomp.qops.rescale import rescale_bound
from edgecomp.qops.windows import in_chunks


@dataclass(frozen=True, eq=False)
class Add(QOp):
    """out = clamp((a * weight_a + b * weight_b + bias) >> right_shift), see `rescale.add_weights`.

    `dims`, `a_steps` and `b_steps` come from `boxes.broadcast_box`: element steps, 0 along a broadcast axis.
    """

    kernel: ClassVar[str] = "add_s8"
    arity: ClassVar[int] = 2
    in_place: ClassVar[bool] = True

    dims: Dims
    a_steps: Steps
    b_steps: Steps
    weight_a: S16
    weight_b: S16
    bias: S32
    right_shift: U8
    clamp_min: S8
    clamp_max: S8

    def evaluate(self, *inputs: IntArray) -> IntArray:
        a, b = (x.reshape(len(x), -1) for x in inputs)
        size = prod(self.dims)

        def compute(samples: IntArray) -> IntArray:
            part = slice(samples[0], samples[-1] + 1)
            total = box_view(a[part], self.dims, self.a_steps) * np.int32(self.weight_a)
            total += box_view(b[part], self.dims, self.b_steps) * np.int32(self.weight_b)
            total += np.int32(self.bias)
            total >>= self.right_shift
            return np.clip(total, self.clamp_min, self.clamp_max, out=total)

        return in_chunks(np.arange(len(a)), size, 12 * size, compute)

    @property
    def work(self) -> Work:
        return Work(additions=prod(self.dims))

    @property
    def describe(self) -> str:
        return f"{prod(self.dims)} elements"

    def verify(self) -> None:
        super().verify()
        prove_operands(self)
        bound = rescale_bound((self.weight_a, self.weight_b), self.bias)
        prove(self, "bias", bound <= INT32_MAX, f"sums reach {bound}, more than 32 bits hold")
        prove(self, "right_shift", self.right_shift <= 31, f"must be at most 31, found {self.right_shift}")
        prove_clamp(self)

"""Elementwise product of two int8 activations, with broadcasting."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from edgecomp.qgraph import S8, S32, U8, Dims, IntArray, QOp, Steps, Work
from edgecomp.qops.boxes import box_view, prove_operands
from edgecomp.qops.proofs import prove_accumulator, prove_rescaling
from edgecomp.qops.requantize import requantize
from edgecomp.qops.windows import in_chunks


@dataclass(frozen=True, eq=False)
class Mul(QOp):
    """out = requantize((a - a_zero_point) * (b - b_zero_point)).

    `dims`, `a_steps` and `b_steps` come from `boxes.broadcast_box`: element steps, 0 along a broadcast axis.
    """

    kernel: ClassVar[str] = "mul_s8"
    arity: ClassVar[int] = 2
    in_place: ClassVar[bool] = True

    dims: Dims
    a_steps: Steps
    b_steps: Steps
    a_zero_point: S8
    b_zero_point: S8
    output_zero_point: S8
    clamp_min: S8
    clamp_max: S8
    multiplier: S32
    shift: U8

    def evaluate(self, *inputs: IntArray) -> IntArray:
        a, b = (x.reshape(len(x), -1) for x in inputs)
        size = prod(self.dims)

        def compute(samples: IntArray) -> IntArray:
            part = slice(samples[0], samples[-1] + 1)
            product = box_view(a[part], self.dims, self.a_steps).astype(np.int32) - self.a_zero_point
            product *= box_view(b[part], self.dims, self.b_steps).astype(np.int32) - self.b_zero_point
            return requantize(product, self.multiplier, self.shift, self.output_zero_point, self.clamp_min, self.clamp_max)

        return in_chunks(np.arange(len(a)), size, 24 * size, compute)

    @property
    def work(self) -> Work:
        return Work(macs=prod(self.dims))

    @property
    def describe(self) -> str:
        return f"{prod(self.dims)} elements"

    def verify(self) -> None:
        super().verify()
        prove_operands(self)
        prove_rescaling(self)
        a, b = (max(127 - zero, zero + 128) for zero in (self.a_zero_point, self.b_zero_point))
        prove_accumulator(self, "shift", a * b, self.shift)

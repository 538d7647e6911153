"""2-D convolution, int8, NHWC, any kernel, stride, dilation and number of groups; 1-D as height 1."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from edgecomp.qgraph import S8, U8, U16, IntArray, QOp, S8Array, S32Array, Work
from edgecomp.qops.proofs import prove, prove_accumulator, prove_length, prove_positive, prove_rescaling
from edgecomp.qops.requantize import accumulator_bound, requantize
from edgecomp.qops.windows import exact_matmul, in_chunks, pad_hw, prove_window, taps_inside, window_text, windows


@dataclass(frozen=True, eq=False)
class Conv2D(QOp):
    """out[y, x, o] = requantize(bias[o] + sum over taps and channels of in * weights).

    `weights` is [output_c, kernel_h, kernel_w, input_c / groups]; `bias` already holds -input_zero_point * sum(weights), and a tap
    outside the input reads input_zero_point.
    """

    kernel: ClassVar[str] = "conv2d_s8"
    takes_scratch: ClassVar[bool] = True

    input_h: U16
    input_w: U16
    input_c: U16
    output_h: U16
    output_w: U16
    output_c: U16
    kernel_h: U16
    kernel_w: U16
    stride_h: U16
    stride_w: U16
    dilation_h: U16
    dilation_w: U16
    pad_top: U16
    pad_left: U16
    groups: U16
    input_zero_point: S8
    output_zero_point: S8
    clamp_min: S8
    clamp_max: S8
    weights: S8Array
    bias: S32Array
    multiplier: S32Array
    shift: U8

    def evaluate(self, *inputs: IntArray) -> IntArray:
        x = inputs[0].reshape(-1, self.input_h, self.input_w, self.input_c)
        positions = self.output_h * self.output_w
        patch_bytes = 4 * self.kernel_h * self.kernel_w * self.input_c
        return in_chunks(x, positions * self.output_c, positions * (patch_bytes + 16 * self.output_c), self._evaluate_chunk)

    def _evaluate_chunk(self, x: IntArray) -> IntArray:
        return self._rescaled(self._accumulators(x))

    def _accumulators(self, x: IntArray) -> IntArray:
        """Bias and products, int64 [samples * positions, output_c]."""
        padded = pad_hw(x, self, self.input_zero_point)
        view = windows(padded, self)  # [S, OH, OW, KH, KW, C]
        per_group_in, per_group_out = self.input_c // self.groups, self.output_c // self.groups
        weights = np.asarray(self.weights).reshape(self.output_c, -1)
        pieces = []
        for group in range(self.groups):
            patch = view[..., group * per_group_in : (group + 1) * per_group_in].reshape(-1, weights.shape[1])
            pieces.append(exact_matmul(patch, weights[group * per_group_out : (group + 1) * per_group_out].T))
        accumulator = pieces[0] if self.groups == 1 else np.concatenate(pieces, axis=1)
        accumulator += np.asarray(self.bias, np.int64)
        return accumulator

    def _rescaled(self, accumulator: IntArray) -> IntArray:
        return requantize(accumulator, self.multiplier, self.shift, self.output_zero_point, self.clamp_min, self.clamp_max)

    @property
    def convolution(self) -> Conv2D:
        """The convolution alone, without what a fused operator does with its output."""
        return Conv2D(**self.convolution_members)

    @property
    def convolution_members(self) -> dict[str, Any]:
        """Its fields by name."""
        return {item.name: getattr(self, item.name) for item in fields(Conv2D)}

    @property
    def work(self) -> Work:
        taps = self.output_h * self.output_w * self.kernel_h * self.kernel_w
        products = self.output_c * (self.input_c // self.groups)
        padding = (taps - taps_inside(self)) * products
        return Work(macs=taps * products, padding_macs=padding, additions=self.output_h * self.output_w * self.output_c)

    @property
    def describe(self) -> str:
        groups = "" if self.groups == 1 else f" g{self.groups}"
        return f"{window_text(self)}{groups} {self.input_c}->{self.output_c}"

    def verify(self) -> None:
        super().verify()
        prove_window(self)
        prove_positive(self, "output_c", "groups")
        divides = self.input_c % self.groups == 0 and self.output_c % self.groups == 0
        prove(self, "groups", divides, f"{self.groups} must divide input_c {self.input_c} and output_c {self.output_c}")
        prove_length(self, "weights", self.output_c * self.kernel_h * self.kernel_w * (self.input_c // self.groups))
        prove_length(self, "bias", self.output_c)
        prove_rescaling(self, self.output_c)
        weights = np.asarray(self.weights).reshape(self.output_c, -1)
        prove_accumulator(self, "bias", accumulator_bound(weights, np.asarray(self.bias), (1,)), self.shift)

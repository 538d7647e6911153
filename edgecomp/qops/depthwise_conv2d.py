"""Depthwise 2-D convolution, int8, NHWC: every input channel has `channel_multiplier` filters of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.qgraph import S8, U8, U16, IntArray, QOp, S8Array, S32Array, Work
from edgecomp.qops.proofs import prove, prove_accumulator, prove_length, prove_positive, prove_rescaling
from edgecomp.qops.requantize import accumulator_bound, requantize
from edgecomp.qops.windows import in_chunks, pad_hw, prove_window, taps_inside, window_text, windows


@dataclass(frozen=True, eq=False)
class DepthwiseConv2D(QOp):
    """out[y, x, o] = requantize(bias[o] + sum over taps of in[..., o / channel_multiplier] * weights[tap, o]).

    `weights` is [kernel_h, kernel_w, output_c], output_c = input_c * channel_multiplier; `bias` already holds
    -input_zero_point * sum(weights), and a tap outside the input reads input_zero_point.
    """

    kernel: ClassVar[str] = "depthwise_conv2d_s8"
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
    channel_multiplier: U16
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
        size = self.output_h * self.output_w * self.output_c
        return in_chunks(x, size, 24 * size, self._evaluate_chunk)

    def _evaluate_chunk(self, x: IntArray) -> IntArray:
        view = windows(pad_hw(x, self, self.input_zero_point), self)  # [S, OH, OW, KH, KW, C]
        shape = (self.kernel_h, self.kernel_w, self.input_c, self.channel_multiplier)
        weights = np.asarray(self.weights, np.int32).reshape(shape)
        accumulator = np.zeros((*view.shape[:3], self.input_c, self.channel_multiplier), np.int32)
        for ky in range(self.kernel_h):
            for kx in range(self.kernel_w):
                accumulator += view[:, :, :, ky, kx, :, None] * weights[ky, kx]
        total = accumulator.reshape(-1, self.output_c) + np.asarray(self.bias, np.int64)
        return requantize(total, self.multiplier, self.shift, self.output_zero_point, self.clamp_min, self.clamp_max)

    @property
    def work(self) -> Work:
        outputs = self.output_h * self.output_w * self.output_c
        macs = outputs * self.kernel_h * self.kernel_w
        return Work(macs=macs, padding_macs=macs - taps_inside(self) * self.output_c, additions=outputs)

    @property
    def describe(self) -> str:
        return f"{window_text(self)} {self.input_c}->{self.output_c}"

    def verify(self) -> None:
        super().verify()
        prove_window(self)
        prove_positive(self, "channel_multiplier")
        product = self.input_c * self.channel_multiplier
        prove(self, "output_c", self.output_c == product, f"must be input_c * channel_multiplier = {product}, found {self.output_c}")
        prove_length(self, "weights", self.kernel_h * self.kernel_w * self.output_c)
        prove_length(self, "bias", self.output_c)
        prove_rescaling(self, self.output_c)
        weights = np.asarray(self.weights).reshape(-1, self.output_c)
        prove_accumulator(self, "bias", accumulator_bound(weights, np.asarray(self.bias), (0,)), self.shift)

"""2-D transposed convolution, int8, NHWC, any kernel, stride, dilation and number of groups; 1-D as height 1."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from edgecomp.graph import Array
from edgecomp.qgraph import S8, U8, U16, IntArray, QOp, S8Array, S32Array, Work
from edgecomp.qops.proofs import prove, prove_accumulator, prove_length, prove_positive, prove_rescaling
from edgecomp.qops.requantize import accumulator_bound, requantize
from edgecomp.qops.windows import exact_matmul, in_chunks, prove_window, window_text


def phase_taps(kernel: int, stride: int, dilation: int) -> list[IntArray]:
    """For each phase 0..stride-1 of one axis: the kernel taps that reach outputs with (output + padding) % stride == phase."""
    taps = np.arange(kernel)
    return [taps[taps * dilation % stride == phase] for phase in range(stride)]


def phase_bias(weights: Array, bias: Array, zero_point: int, strides: tuple[int, int], dilations: tuple[int, int]) -> IntArray:
    """The bias a phase, int64 [stride_h * stride_w, output_c]: bias[o] - zero_point * sum of the weights of the phase's taps.

    `weights` is [output_c, kernel_h, kernel_w, input_c / groups], `bias` the plain one, [output_c].
    """
    sums = weights.astype(np.int64).sum(axis=3)  # [O, KH, KW]
    rows, columns = (phase_taps(sums.shape[axis + 1], strides[axis], dilations[axis]) for axis in (0, 1))
    phases = [sums[:, r][:, :, c].sum(axis=(1, 2)) for r in rows for c in columns]
    folded: IntArray = bias.astype(np.int64) - zero_point * np.stack(phases)
    return folded


@dataclass(frozen=True, eq=False)
class ConvTranspose2D(QOp):
    """out[y, x, o] = requantize(bias[phase, o] + sum over the phase's taps and channels of in * weights).

    Tap k reads the input at (output position + padding - k * dilation) / stride, along both axes. The phase of an output is
    ((y + pad_top) % stride_h) * stride_w + (x + pad_left) % stride_w: its taps are those for which the division leaves no
    remainder. A tap of the phase outside the input reads input_zero_point. `weights` is
    [output_c, kernel_h, kernel_w, input_c / groups], `bias` [stride_h * stride_w, output_c] comes from `phase_bias`.
    """

    kernel: ClassVar[str] = "conv_transpose2d_s8"

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
        size = self.output_h * self.output_w * self.output_c
        taps = -(-self.kernel_h // self.stride_h) * -(-self.kernel_w // self.stride_w)
        return in_chunks(x, size, 4 * self.output_h * self.output_w * self.input_c * taps + 16 * size, self._evaluate_chunk)

    def _evaluate_chunk(self, x: IntArray) -> IntArray:
        padded = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=self.input_zero_point)  # index size: outside
        bias = np.asarray(self.bias, np.int64).reshape(self.stride_h, self.stride_w, self.output_c)
        output = np.empty((len(x), self.output_h, self.output_w, self.output_c), np.int8)
        for row_phase, row_taps in enumerate(phase_taps(self.kernel_h, self.stride_h, self.dilation_h)):
            ys, from_y = self._sources("h", row_phase, row_taps)
            for column_phase, column_taps in enumerate(phase_taps(self.kernel_w, self.stride_w, self.dilation_w)):
                xs, from_x = self._sources("w", column_phase, column_taps)
                patch = padded[:, from_y[:, None, :, None], from_x[None, :, None, :]]  # [S, ys, xs, taps_h, taps_w, C]
                total = self._products(patch, row_taps, column_taps) + bias[row_phase, column_phase]
                q = requantize(total, self.multiplier, self.shift, self.output_zero_point, self.clamp_min, self.clamp_max)
                output[:, ys[:, None], xs] = q
        return output

    def _sources(self, axis: str, phase: int, taps: IntArray) -> tuple[IntArray, IntArray]:
        """Outputs of a phase along one axis, and the input index each tap reads, [outputs, taps]; the input's size if outside."""
        size, outputs, stride, dilation = (getattr(self, f"{name}_{axis}") for name in ("input", "output", "stride", "dilation"))
        pad = self.pad_top if axis == "h" else self.pad_left
        at = np.arange(outputs)
        at = at[(at + pad) % stride == phase]
        source = (at[:, None] + pad - taps[None, :] * dilation) // stride
        return at, np.where((source >= 0) & (source < size), source, size)

    def _products(self, patch: IntArray, row_taps: IntArray, column_taps: IntArray) -> IntArray:
        weights = np.asarray(self.weights).reshape(self.output_c, self.kernel_h, self.kernel_w, -1)[:, row_taps][:, :, column_taps]
        channels, outputs = self.input_c // self.groups, self.output_c // self.groups
        positions = prod(patch.shape[:3])
        pieces = []
        for group in range(self.groups):
            values = patch[..., group * channels : (group + 1) * channels]
            matrix = weights[group * outputs : (group + 1) * outputs].reshape(outputs, -1)
            pieces.append(exact_matmul(values.reshape(positions, matrix.shape[1]), matrix.T))
        return np.concatenate(pieces, axis=1).reshape(*patch.shape[:3], self.output_c)

    @property
    def work(self) -> Work:
        pairs = []
        for axis, pad in (("h", self.pad_top), ("w", self.pad_left)):
            size, outputs, kernel = (getattr(self, f"{name}_{axis}") for name in ("input", "output", "kernel"))
            stride, dilation = getattr(self, f"stride_{axis}"), getattr(self, f"dilation_{axis}")
            at = np.arange(size)[:, None] * stride + np.arange(kernel)[None, :] * dilation - pad
            pairs.append(int(((at >= 0) & (at < outputs)).sum()))
        products = self.output_c * (self.input_c // self.groups)
        macs = self.input_h * self.input_w * self.kernel_h * self.kernel_w * products
        return Work(macs=macs, padding_macs=macs - pairs[0] * pairs[1] * products, additions=self.output_h * self.output_w * self.output_c)

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
        prove_length(self, "bias", self.stride_h * self.stride_w * self.output_c)
        prove_rescaling(self, self.output_c)
        bias = np.abs(np.asarray(self.bias, np.int64)).reshape(-1, self.output_c).max(axis=0)
        bound = accumulator_bound(np.asarray(self.weights).reshape(self.output_c, -1), bias, (1,))
        prove_accumulator(self, "bias", bound, self.shift)

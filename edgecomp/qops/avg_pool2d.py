"""2-D average pooling, int8, NHWC; also global pools and means over any run of axes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from edgecomp.qgraph import S8, U8, U16, U32, IntArray, QOp, S32Array, Work
from edgecomp.qops.proofs import prove, prove_accumulator, prove_rescaling
from edgecomp.qops.requantize import multiplier_and_shift, requantize
from edgecomp.qops.windows import counts_inside, in_chunks, pad_hw, prove_window, taps_inside, window_text, windows


@dataclass(frozen=True, eq=False)
class AveragePool2D(QOp):
    """out[y, x, c] = requantize(sum over the taps inside the input of (in - input_zero_point)) by multiplier[count - smallest_count].

    `count` is the number of the window's taps inside the input, or, with `count_include_pad`, inside the input extended by its
    padding; a window of no tap yields the zero point. The tables run over every count from the smallest to the largest that occurs;
    `with_scale` fills them. ReduceMean over [outer, reduce, inner] is input_h, input_w, input_c with kernel (1, reduce).
    """

    kernel: ClassVar[str] = "avg_pool2d_s8"

    input_h: U16
    input_w: U16
    input_c: U16
    output_h: U16
    output_w: U16
    kernel_h: U16
    kernel_w: U16
    stride_h: U16
    stride_w: U16
    dilation_h: U16
    dilation_w: U16
    pad_top: U16
    pad_left: U16
    pad_bottom: U16
    pad_right: U16
    count_include_pad: U8
    input_zero_point: S8
    output_zero_point: S8
    clamp_min: S8
    clamp_max: S8
    smallest_count: U32
    multiplier: S32Array
    shift: U8

    def with_scale(self, scale: float) -> AveragePool2D:
        """The same pool with the tables for `scale` = input scale / output scale; their former content is ignored.

        Raises:
            ValueError: the scale is out of range, see multiplier_and_shift.
        """
        counts = self.counts
        every = np.arange(counts.min(), counts.max() + 1)
        multiplier, shift = multiplier_and_shift(scale / np.maximum(every, 1))
        return replace(self, smallest_count=int(every[0]), multiplier=multiplier, shift=shift)

    def _axis_counts(self, axis: str, include_padding: bool) -> IntArray:
        size, outputs, kernel, stride, dilation = (
            getattr(self, f"{name}_{axis}") for name in ("input", "output", "kernel", "stride", "dilation")
        )
        before, after = (self.pad_top, self.pad_bottom) if axis == "h" else (self.pad_left, self.pad_right)
        if include_padding:
            return counts_inside(size + before + after, outputs, kernel, stride, dilation, 0)
        return counts_inside(size, outputs, kernel, stride, dilation, -before)

    @property
    def counts(self) -> IntArray:
        """The divisor of each output position, [output_h, output_w]."""
        include = bool(self.count_include_pad)
        return np.outer(self._axis_counts("h", include), self._axis_counts("w", include))

    def evaluate(self, *inputs: IntArray) -> IntArray:
        x = inputs[0].reshape(-1, self.input_h, self.input_w, self.input_c)
        size = self.output_h * self.output_w * self.input_c
        return in_chunks(x, size, 2 * self.input_h * self.input_w * self.input_c + 20 * size, self._evaluate_chunk)

    def _evaluate_chunk(self, x: IntArray) -> IntArray:
        view = windows(pad_hw(x, self, self.input_zero_point), self)
        total = np.zeros(view.shape[:3] + view.shape[5:], np.int64)
        for ky in range(self.kernel_h):
            for kx in range(self.kernel_w):
                total += view[:, :, :, ky, kx]
        total -= self.kernel_h * self.kernel_w * self.input_zero_point  # padding holds the zero point: it cancels
        entry = (self.counts - self.smallest_count)[:, :, None]
        multiplier = np.asarray(self.multiplier)[entry]
        return requantize(total, multiplier, self.shift, self.output_zero_point, self.clamp_min, self.clamp_max)

    @property
    def work(self) -> Work:
        return Work(additions=taps_inside(self) * self.input_c)

    @property
    def describe(self) -> str:
        return f"{window_text(self)} {self.input_c}"

    def verify(self) -> None:
        super().verify()
        prove_window(self)
        prove(self, "count_include_pad", self.count_include_pad in (0, 1), f"must be 0 or 1, found {self.count_include_pad}")
        counts = self.counts
        first = int(counts.min())
        prove(self, "smallest_count", self.smallest_count == first, f"must be {first}, found {self.smallest_count}")
        prove_rescaling(self, int(counts.max()) - first + 1)
        inside = np.outer(self._axis_counts("h", False), self._axis_counts("w", False))
        largest = max(127 - self.input_zero_point, self.input_zero_point + 128)
        prove_accumulator(self, "kernel_h", 256 * inside)
        prove_accumulator(self, "shift", largest * inside, self.shift)

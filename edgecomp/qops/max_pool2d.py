"""2-D max pooling, int8, NHWC; padding never wins. A global pool is a kernel of the input's size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.qgraph import S8, U16, IntArray, QOp, Work
from edgecomp.qops.proofs import prove_clamp
from edgecomp.qops.windows import in_chunks, pad_hw, prove_window, row_and_column_taps, window_text, windows


@dataclass(frozen=True, eq=False)
class MaxPool2D(QOp):
    """out[y, x, c] = clamp(max over the window's taps inside the input), -128 where no tap lies inside."""

    kernel: ClassVar[str] = "max_pool2d_s8"

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
    clamp_min: S8
    clamp_max: S8

    def evaluate(self, *inputs: IntArray) -> IntArray:
        x = inputs[0].reshape(-1, self.input_h, self.input_w, self.input_c)
        size = self.output_h * self.output_w * self.input_c
        return in_chunks(x, size, 2 * self.input_h * self.input_w * self.input_c + size, self._evaluate_chunk)

    def _evaluate_chunk(self, x: IntArray) -> IntArray:
        view = windows(pad_hw(x, self, -128), self)
        best = np.full(view.shape[:3] + view.shape[5:], -128, np.int8)
        for ky in range(self.kernel_h):
            for kx in range(self.kernel_w):
                np.maximum(best, view[:, :, :, ky, kx], out=best)
        return np.clip(best, self.clamp_min, self.clamp_max, out=best)

    @property
    def work(self) -> Work:
        rows, columns = row_and_column_taps(self)
        windows_with_taps = int(np.count_nonzero(rows)) * int(np.count_nonzero(columns))
        return Work(comparisons=(int(rows.sum()) * int(columns.sum()) - windows_with_taps) * self.input_c)

    @property
    def describe(self) -> str:
        return f"{window_text(self)} {self.input_c}"

    def verify(self) -> None:
        super().verify()
        prove_window(self)
        prove_clamp(self)

"""2-D convolution that leaves out the products of inputs that are zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.graph import Array
from edgecomp.qgraph import U8, IntArray
from edgecomp.qops.conv2d import Conv2D


def reads_along(size: int, outputs: int, kernel: int, stride: int, dilation: int, first: int) -> Array:
    """For one axis: how many (output, kernel tap) pairs read each of the positions 0..size-1; output 0 starts at `first`."""
    at = (np.arange(outputs)[:, None] * stride + np.arange(kernel)[None, :] * dilation + first).reshape(-1)
    counts: Array = np.bincount(at[(at >= 0) & (at < size)], minlength=size)
    return counts


@dataclass(frozen=True, eq=False)
class Conv2DZeroInput(Conv2D):
    """`Conv2D`, bit for bit, from the inputs that are not `input_zero_point` alone: the others, as padding, add nothing.

    What each input contributes is (input - input_zero_point) * weight, and a sum starts from the bias without the zero point's share,
    bias + input_zero_point * sum(weights). Inputs up to `zero_span` above the zero point count as zero: exact for 0, else the forced
    activation threshold of Kurtz et al., "Inducing and Exploiting Activation Sparsity for Fast Inference on Deep Neural Networks", 2020.

    `density_percent` is the share of inputs that are expected to remain; a kernel is chosen by it, it changes no bit.
    """

    kernel: ClassVar[str] = "conv2d_zero_input_s8"

    zero_span: U8 = 0
    density_percent: U8 = 100

    def evaluate(self, *inputs: IntArray) -> IntArray:
        return super().evaluate(np.where(self.counts_as_zero(inputs[0]), np.int8(self.input_zero_point), inputs[0]))

    def counts_as_zero(self, x: IntArray) -> Array:
        """Which inputs are left out."""
        found: Array = (x >= self.input_zero_point) & (x <= self.input_zero_point + self.zero_span)
        return found

    def executed_macs(self, *inputs: IntArray) -> int:
        """Products with inputs within the image that are not zero."""
        x = inputs[0].reshape(-1, self.input_h, self.input_w, self.input_c)
        remaining = np.count_nonzero(~self.counts_as_zero(x), axis=(0, 3))
        rows = reads_along(self.input_h, self.output_h, self.kernel_h, self.stride_h, self.dilation_h, -self.pad_top)
        columns = reads_along(self.input_w, self.output_w, self.kernel_w, self.stride_w, self.dilation_w, -self.pad_left)
        return int(rows @ remaining @ columns) * (self.output_c // self.groups)

"""Sliding windows over NHWC arrays, and matrix products that are exact."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from edgecomp.graph import Array
from edgecomp.qgraph import IntArray


class Window(Protocol):
    """Geometry every sliding operator has, in elements; the right and bottom padding follow from the output size."""

    @property
    def input_h(self) -> int: ...
    @property
    def input_w(self) -> int: ...
    @property
    def output_h(self) -> int: ...
    @property
    def output_w(self) -> int: ...
    @property
    def kernel_h(self) -> int: ...
    @property
    def kernel_w(self) -> int: ...
    @property
    def stride_h(self) -> int: ...
    @property
    def stride_w(self) -> int: ...
    @property
    def dilation_h(self) -> int: ...
    @property
    def dilation_w(self) -> int: ...
    @property
    def pad_top(self) -> int: ...
    @property
    def pad_left(self) -> int: ...


def pad_hw(x: IntArray, op: Window, value: int) -> IntArray:
    """Pad [S, H, W, C] so that every window lies inside."""
    reach_h = (op.output_h - 1) * op.stride_h + (op.kernel_h - 1) * op.dilation_h + 1
    reach_w = (op.output_w - 1) * op.stride_w + (op.kernel_w - 1) * op.dilation_w + 1
    bottom = max(reach_h - op.input_h - op.pad_top, 0)
    right = max(reach_w - op.input_w - op.pad_left, 0)
    return np.pad(x, ((0, 0), (op.pad_top, bottom), (op.pad_left, right), (0, 0)), constant_values=value)


def windows(padded: IntArray, op: Window) -> IntArray:
    """A view [S, output_h, output_w, kernel_h, kernel_w, C] on a padded array."""
    s, h, w, c = padded.strides
    shape = (len(padded), op.output_h, op.output_w, op.kernel_h, op.kernel_w, padded.shape[3])
    strides = (s, h * op.stride_h, w * op.stride_w, h * op.dilation_h, w * op.dilation_w, c)
    return np.lib.stride_tricks.as_strided(padded, shape, strides, writeable=False)


def taps_inside(op: Window) -> int:
    """How many (output position, kernel tap) pairs read inside the input."""

    def inside(size: int, outputs: int, kernel: int, stride: int, dilation: int, pad: int) -> int:
        at = np.arange(outputs)[:, None] * stride + np.arange(kernel)[None, :] * dilation - pad
        return int(((at >= 0) & (at < size)).sum())

    rows = inside(op.input_h, op.output_h, op.kernel_h, op.stride_h, op.dilation_h, op.pad_top)
    columns = inside(op.input_w, op.output_w, op.kernel_w, op.stride_w, op.dilation_w, op.pad_left)
    return rows * columns


def exact_matmul(a: Array, b: Array) -> IntArray:
    """Integer matrix product as int64, computed in floating point of a width in which it is exact."""
    largest = a.shape[1] * int(np.abs(a.astype(np.int64)).max(initial=0)) * int(np.abs(b.astype(np.int64)).max(initial=0))
    if largest >= 1 << 53:
        return a.astype(np.int64) @ b.astype(np.int64)
    width = np.float32 if largest < 1 << 24 else np.float64
    product: IntArray = (a.astype(width) @ b.astype(width)).astype(np.int64)
    return product

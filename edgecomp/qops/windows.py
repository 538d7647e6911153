"""Sliding windows over NHWC arrays, matrix products that are exact, and work in chunks of bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from edgecomp.graph import Array
from edgecomp.qgraph import IntArray
from edgecomp.qops.proofs import prove, prove_positive
from edgecomp.qops.requantize import INT32_MAX

CHUNK_BYTES = 2 << 20  # of working memory while samples are evaluated together: about what a core caches


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
    if not (op.pad_top or op.pad_left or bottom or right):
        return x
    return np.pad(x, ((0, 0), (op.pad_top, bottom), (op.pad_left, right), (0, 0)), constant_values=value)


def windows(padded: IntArray, op: Window) -> IntArray:
    """A view [S, output_h, output_w, kernel_h, kernel_w, C] on a padded array."""
    s, h, w, c = padded.strides
    shape = (len(padded), op.output_h, op.output_w, op.kernel_h, op.kernel_w, padded.shape[3])
    strides = (s, h * op.stride_h, w * op.stride_w, h * op.dilation_h, w * op.dilation_w, c)
    return np.lib.stride_tricks.as_strided(padded, shape, strides, writeable=False)


def counts_inside(size: int, outputs: int, kernel: int, stride: int, dilation: int, first: int) -> IntArray:
    """For one axis: how many kernel taps of each output read within 0..size-1; output 0 starts at `first`."""
    at = np.arange(outputs)[:, None] * stride + np.arange(kernel)[None, :] * dilation + first
    counts: IntArray = ((at >= 0) & (at < size)).sum(axis=1)
    return counts


def row_and_column_taps(op: Window) -> tuple[IntArray, IntArray]:
    """How many kernel rows of each output row, and kernel columns of each output column, lie inside the input."""
    rows = counts_inside(op.input_h, op.output_h, op.kernel_h, op.stride_h, op.dilation_h, -op.pad_top)
    columns = counts_inside(op.input_w, op.output_w, op.kernel_w, op.stride_w, op.dilation_w, -op.pad_left)
    return rows, columns


def taps_inside(op: Window) -> int:
    """How many (output position, kernel tap) pairs read inside the input."""
    rows, columns = row_and_column_taps(op)
    return int(rows.sum()) * int(columns.sum())


def window_text(op: Window) -> str:
    """Kernel, stride and dilation as text: "3x3 s1", "3x5 s2x1 d2"."""

    def pair(name: str, h: int, w: int) -> str:
        return f" {name}{h}" if h == w else f" {name}{h}x{w}"

    dilation = "" if op.dilation_h == op.dilation_w == 1 else pair("d", op.dilation_h, op.dilation_w)
    return f"{op.kernel_h}x{op.kernel_w}{pair('s', op.stride_h, op.stride_w)}{dilation}"


def prove_window(op: Any) -> None:
    """Sizes, kernel, strides and dilations are at least 1, and every index fits int32.

    Raises:
        ValueError: one does not hold; the message names the field.
    """
    prove_positive(op, "input_h", "input_w", "input_c", "output_h", "output_w", "kernel_h", "kernel_w")
    prove_positive(op, "stride_h", "stride_w", "dilation_h", "dilation_w")
    for axis in ("h", "w"):
        outputs, kernel, stride, dilation = (getattr(op, f"{name}_{axis}") for name in ("output", "kernel", "stride", "dilation"))
        reach = max((outputs - 1) * stride + (kernel - 1) * dilation, stride * dilation)
        prove(op, f"stride_{axis}", reach <= INT32_MAX, f"the last window reaches {reach}, more than 32 bits hold")
    size = op.input_h * op.input_w * op.input_c
    prove(op, "input_c", size <= INT32_MAX, f"the input has {size} elements, more than 32 bits hold")


def exact_matmul(a: Array, b: Array, a_limit: int = 128) -> IntArray:
    """Integer matrix product as int64, computed in a floating point of a width in which every partial sum is exact.

    `a` is [..., n, k] with magnitudes up to `a_limit`, `b` is [..., k, m].
    """
    largest = a_limit * int(np.abs(b.astype(np.int64)).sum(axis=-2).max(initial=0))
    if largest >= 1 << 53:
        return a.astype(np.int64) @ b.astype(np.int64)
    width = np.float32 if largest < 1 << 24 else np.float64
    product: IntArray = (a.astype(width) @ b.astype(width)).astype(np.int64)
    return product


def in_chunks(x: IntArray, output_size: int, bytes_per_sample: int, compute: Callable[[IntArray], IntArray]) -> IntArray:
    """`compute` over chunks of samples small enough for CHUNK_BYTES of working memory; int8 results [S, output_size]."""
    output = np.empty((len(x), output_size), np.int8)
    step = max(1, CHUNK_BYTES // max(1, bytes_per_sample))
    for start in range(0, len(x), step):
        chunk = x[start : start + step]
        output[start : start + step] = compute(chunk).reshape(len(chunk), output_size)
    return output

"""How far before its input a sliding operator's output must start, so that nothing is overwritten that is still to be read.

An operator that goes over its output row by row reads its input front to back. Written far enough ahead of where it reads, its output
can lie on top of the input: at the distance computed here the two share nearly all their bytes.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from edgecomp.graph import Array


class Sliding(Protocol):
    """The geometry that counts here; sizes in elements of one byte."""

    @property
    def input_h(self) -> int: ...
    @property
    def input_w(self) -> int: ...
    @property
    def input_c(self) -> int: ...
    @property
    def output_h(self) -> int: ...
    @property
    def output_w(self) -> int: ...
    @property
    def stride_h(self) -> int: ...
    @property
    def stride_w(self) -> int: ...
    @property
    def pad_top(self) -> int: ...
    @property
    def pad_left(self) -> int: ...


def sliding_distance(op: Sliding, output_c: int, block_pixels: int = 1, gathers: bool = False) -> int:
    """Least distance in bytes, 0 or more, from the start of the output to the start of the input behind it.

    Args:
        output_c: channels of the output.
        block_pixels: pixels that the kernel computes together, in row-major order; a block may run over the end of a row.
        gathers: whether all that a block reads is read before any of it is written.
    """
    needed = first_needed(op)
    starts = np.arange(0, len(needed) - 1, block_pixels)
    ends = np.minimum(starts + block_pixels, len(needed) - 1)
    written = ends * output_c
    safe = needed[ends] if gathers else needed[starts]
    return max(int((written - safe).max()), 0)


def first_needed(op: Sliding) -> Array:
    """For each output pixel, in row-major order, the first input byte that it or a later pixel reads; at the end the input's size."""
    size = op.input_h * op.input_w * op.input_c
    rows = np.maximum(np.arange(op.output_h) * op.stride_h - op.pad_top, 0)
    columns = np.maximum(np.arange(op.output_w) * op.stride_w - op.pad_left, 0)
    pixels = rows[:, None] * op.input_w + np.minimum(columns, op.input_w)[None, :]
    each = np.minimum(np.append((pixels * op.input_c).reshape(-1), size), size)
    least: Array = np.minimum.accumulate(each[::-1])[::-1]
    return least

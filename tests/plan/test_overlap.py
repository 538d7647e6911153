"""An output over its own input: at the distance computed nothing is lost, one byte less would lose something."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecomp.plan.overlap import sliding_distance


@dataclass(frozen=True)
class Geometry:
    input_h: int
    input_w: int
    input_c: int
    output_h: int
    output_w: int
    output_c: int
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    pad_top: int
    pad_left: int

    def window_bytes(self, pixel: int) -> np.ndarray:
        """Addresses of the input bytes that an output pixel reads."""
        y, x = divmod(pixel, self.output_w)
        top, left = y * self.stride_h - self.pad_top, x * self.stride_w - self.pad_left
        rows = [row for row in range(top, top + self.kernel_h) if 0 <= row < self.input_h]
        columns = [column for column in range(left, left + self.kernel_w) if 0 <= column < self.input_w]
        pixels = [r * self.input_w + c for r in rows for c in columns]
        return np.array([p * self.input_c + c for p in pixels for c in range(self.input_c)], int)


@st.composite
def geometries(draw: st.DrawFn) -> Geometry:
    kernel_h, kernel_w = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    input_h, input_w = draw(st.integers(kernel_h, 8)), draw(st.integers(kernel_w, 8))
    stride_h, stride_w = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    pad_top, pad_left = draw(st.integers(0, kernel_h - 1)), draw(st.integers(0, kernel_w - 1))
    bottom, right = draw(st.integers(0, kernel_h - 1)), draw(st.integers(0, kernel_w - 1))
    output_h = (input_h + pad_top + bottom - kernel_h) // stride_h + 1
    output_w = (input_w + pad_left + right - kernel_w) // stride_w + 1
    input_c, output_c = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    sizes = (input_h, input_w, input_c, output_h, output_w, output_c)
    return Geometry(*sizes, kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left)


def survives(op: Geometry, distance: int, block: int, gathers: bool) -> bool:
    """Run the operator on one array of marks: every byte that is read must still hold the input."""
    source = np.full(distance + op.input_h * op.input_w * op.input_c + op.output_h * op.output_w * op.output_c, False)
    source[distance : distance + op.input_h * op.input_w * op.input_c] = True
    pixels = op.output_h * op.output_w
    for start in range(0, pixels, block):
        end = min(start + block, pixels)
        reads = [op.window_bytes(pixel) + distance for pixel in range(start, end)]
        if gathers:
            if not all(source[read].all() for read in reads):
                return False
            source[start * op.output_c : end * op.output_c] = False
        else:
            source[start * op.output_c : end * op.output_c] = False  # the worst order: all writes first
            if not all(source[read].all() for read in reads):
                return False
    return True


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(op=geometries(), block=st.integers(1, 5), gathers=st.booleans())
def test_nothing_is_lost_at_the_distance(op: Geometry, block: int, gathers: bool) -> None:
    distance = sliding_distance(op, op.output_c, block, gathers)
    assert survives(op, distance, block, gathers)


def test_the_distance_is_tight_for_a_plain_convolution() -> None:
    op = Geometry(8, 8, 3, 8, 8, 3, 3, 3, 1, 1, 1, 1)
    distance = sliding_distance(op, 3, 4, gathers=True)
    assert survives(op, distance, 4, gathers=True)
    assert not survives(op, distance - 1, 4, gathers=True)


def test_a_gathered_pixel_may_be_overwritten_in_place() -> None:
    pointwise = Geometry(5, 7, 6, 5, 7, 6, 1, 1, 1, 1, 0, 0)
    assert sliding_distance(pointwise, 6, 4, gathers=True) == 0
    assert sliding_distance(pointwise, 6) == 6

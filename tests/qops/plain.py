"""The integer operators once more, one output at a time in Python integers and fractions: slow and obvious."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import product

import numpy as np


def requantized(accumulator: int, multiplier: int, shift: int, zero_point: int, low: int, high: int) -> int:
    """clamp(zero_point + round_half_up(accumulator * 2^shift * multiplier / 2^31))."""
    real = Fraction(int(accumulator) * (1 << shift) * int(multiplier), 1 << 31)
    return min(max(math.floor(real + Fraction(1, 2)) + zero_point, low), high)


def axis_taps(op: object, axis: str, position: int) -> Iterator[tuple[int, int]]:
    """(tap, input index) for one output position; the index may lie outside the input."""
    stride, dilation, kernel = (getattr(op, f"{name}_{axis}") for name in ("stride", "dilation", "kernel"))
    pad = getattr(op, {"h": "pad_top", "w": "pad_left"}[axis])
    for tap in range(kernel):
        yield tap, position * stride + tap * dilation - pad


def window_taps(op: object, oy: int, ox: int) -> Iterator[tuple[int, int, int, int]]:
    """(ky, kx, y, x) of every tap of one output."""
    for (ky, y), (kx, x) in product(axis_taps(op, "h", oy), axis_taps(op, "w", ox)):
        yield ky, kx, y, x


def inside(op: object, y: int, x: int) -> bool:
    """Whether (y, x) lies in the input."""
    return 0 <= y < op.input_h and 0 <= x < op.input_w  # type: ignore[attr-defined]


def int8(generator: np.random.Generator, *shape: int) -> np.ndarray:
    """Uniform int8."""
    return generator.integers(-128, 128, shape).astype(np.int8)

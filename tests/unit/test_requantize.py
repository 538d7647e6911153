"""The rounding rule and the choice of multiplier and shift."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecomp.qops.requantize import INT32_MAX, MULTIPLIER_LIMIT, accumulator_bound, multiplier_and_shift, requantize

DRAWN = settings(max_examples=300, derandomize=True, deadline=None, database=None)


@DRAWN
@given(
    st.one_of(st.integers(-INT32_MAX - 1, INT32_MAX), st.sampled_from([-INT32_MAX - 1, INT32_MAX, 0, -1, 1])),
    st.one_of(st.integers(1, MULTIPLIER_LIMIT - 1), st.sampled_from([1, MULTIPLIER_LIMIT - 1, 1 << 29])),
    st.integers(-128, 127),
)
def test_rounds_half_up_exactly(accumulator: int, multiplier: int, zero_point: int) -> None:
    exact = floor(Fraction(accumulator * multiplier, 1 << 31) + Fraction(1, 2)) + zero_point
    result = requantize(np.array([accumulator]), multiplier, 0, zero_point, -128, 127)
    assert result.dtype == np.int8
    assert result[0] == min(max(exact, -128), 127)


@pytest.mark.parametrize(("accumulator", "expected"), [(1, 1), (3, 2), (-1, 0), (-3, -1), (2, 1), (-2, -1)])
def test_a_half_goes_up(accumulator: int, expected: int) -> None:
    assert requantize(np.array([accumulator]), 1 << 29, 1, 0, -128, 127)[0] == expected


def test_the_accumulator_is_left_as_it_was() -> None:
    accumulator = np.array([100, -100], np.int64)
    requantize(accumulator, 1 << 29, 0, 5, -128, 127)
    np.testing.assert_array_equal(accumulator, [100, -100])


@DRAWN
@given(st.lists(st.floats(1e-12, 2.0**28), min_size=1, max_size=5))
def test_one_shift_brings_every_multiplier_into_range(scales: list[float]) -> None:
    multiplier, shift = multiplier_and_shift(np.array(scales))
    assert np.all((multiplier >= 1) & (multiplier < MULTIPLIER_LIMIT))
    largest = max(scales)
    assert shift == 0 or multiplier.max() >= MULTIPLIER_LIMIT // 2 - 1, "no larger shift than needed"
    represented = multiplier.max() * 2.0**shift / 2.0**31
    assert abs(represented - largest) <= 2.0 ** (shift - 32) * 1.0001 or largest < 2.0**-31


@pytest.mark.parametrize("below_half", [0.4999999999, 0.5 - 2.0**-33, 0.49999])
def test_a_scale_just_below_a_half_does_not_round_up_to_the_limit(below_half: float) -> None:
    multiplier, shift = multiplier_and_shift(below_half)
    assert int(multiplier[0]) < MULTIPLIER_LIMIT
    assert int(multiplier[0]) * 2.0**shift / 2.0**31 == pytest.approx(below_half, abs=2.0**-30)


@pytest.mark.parametrize("scale", [0.0, -0.1, float("nan"), float("inf"), 2.0**29])
def test_scales_out_of_range_are_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="combined scale"):
        multiplier_and_shift(np.array([0.1, scale]))


def test_the_bound_is_reached_by_the_worst_input() -> None:
    weights, bias = np.array([[1, 2, 3], [0, 0, -127]]), np.array([-10, 5])
    reached = np.abs(bias + (weights * -128).sum(axis=1))
    np.testing.assert_array_equal(accumulator_bound(weights, bias, (1,)), reached)

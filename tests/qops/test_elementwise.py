"""Add, Mul, Lut and PRelu against their definitions, and how they broadcast."""

from __future__ import annotations

from math import floor, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecomp.qops import Add, Lut, Mul, PRelu
from edgecomp.qops.boxes import broadcast_box, merge_axes
from edgecomp.qops.prelu import prelu_weights
from edgecomp.qops.requantize import INT32_MAX
from edgecomp.qops.rescale import add_weights, concat_weights, rescale_bound
from tests.qops.plain import int8, requantized

SHAPES = [
    ((2, 3), (2, 3)),
    ((2, 3, 4), (4,)),
    ((4,), (2, 3, 4)),
    ((2, 3, 4), (3, 1)),
    ((2, 1, 4), (1, 3, 1)),
    ((1,), (5,)),
    ((2, 1, 2, 1, 2, 1), (1, 2, 1, 2, 1, 2)),
]


@pytest.mark.parametrize(("shape_a", "shape_b"), SHAPES)
@pytest.mark.parametrize("subtract", [False, True])
def test_add_equals_its_formula_and_is_near_the_real_sum(shape_a: tuple[int, ...], shape_b: tuple[int, ...], subtract: bool) -> None:
    generator = np.random.default_rng(len(shape_a))
    scale_a, scale_b, zero_a, zero_b, scale_out, zero_out = 0.03, 0.011, -5, 100, 0.05, -20
    weight_a, weight_b, bias, right_shift = add_weights(scale_a, scale_b, zero_a, zero_b, scale_out, zero_out, subtract)
    op = Add(*broadcast_box(shape_a, shape_b), weight_a, weight_b, bias, right_shift, clamp_min=-120, clamp_max=110)
    op.verify()
    a, b = int8(generator, 2, *shape_a), int8(generator, 2, *shape_b)
    result = op.evaluate(a.reshape(2, -1), b.reshape(2, -1))
    wide_a, wide_b = (
        np.stack([np.broadcast_to(s, np.broadcast_shapes(shape_a, shape_b)) for s in x]).reshape(2, -1).astype(int) for x in (a, b)
    )
    for index in np.ndindex(result.shape):
        total = int(wide_a[index]) * weight_a + int(wide_b[index]) * weight_b + bias
        assert result[index] == min(max(floor(total / (1 << right_shift)), -120), 110)
    real = scale_a * (wide_a - zero_a) + (-1 if subtract else 1) * scale_b * (wide_b - zero_b)
    ideal = np.clip(real / scale_out + zero_out, -120, 110)
    assert np.abs(result - ideal).max() <= 0.5 + 255 * 2.0**-14  # half a step, and the rounding of both weights
    assert op.work.additions == prod(np.broadcast_shapes(shape_a, shape_b))


def test_add_takes_one_addition_an_element_of_the_output() -> None:
    op = Add(*broadcast_box((2, 3, 4), (4,)), 1, 1, 0, 1, clamp_min=-128, clamp_max=127)
    assert op.work.additions == 24


SCALES = st.floats(1e-6, 1e6)
INT8 = st.integers(-128, 127)


@settings(derandomize=True, deadline=None, database=None)
@given(SCALES, SCALES, INT8, INT8, SCALES, INT8, st.booleans())
def test_add_weights_fit_or_are_refused(
    scale_a: float, scale_b: float, zero_a: int, zero_b: int, scale_out: float, zero_out: int, subtract: bool
) -> None:
    try:
        weight_a, weight_b, bias, shift = add_weights(scale_a, scale_b, zero_a, zero_b, scale_out, zero_out, subtract)
    except ValueError:
        assert max(scale_a, scale_b) / scale_out > 32767
        return
    assert max(abs(weight_a), abs(weight_b)) <= 32767
    assert rescale_bound((weight_a, weight_b), bias) <= INT32_MAX
    assert abs(weight_a / (1 << shift) - scale_a / scale_out) <= 0.5 / (1 << shift) * 1.000001
    if shift < 22:  # the next shift would not do
        larger = [abs(round(scale / scale_out * (1 << (shift + 1)))) for scale in (scale_a, scale_b)]
        assert max(larger) > 32767


def test_a_concat_input_of_the_same_scale_is_copied() -> None:
    assert concat_weights(0.25, 3, 0.25, 3) == (1, 0, 0)
    assert concat_weights(0.25, 3, 0.25, 4)[2] > 0


@pytest.mark.parametrize(("shape_a", "shape_b"), SHAPES)
def test_mul(shape_a: tuple[int, ...], shape_b: tuple[int, ...]) -> None:
    generator = np.random.default_rng(len(shape_b))
    op = Mul(*broadcast_box(shape_a, shape_b), 3, -128, 7, clamp_min=-128, clamp_max=127, multiplier=5_000_000, shift=2)
    op.verify()
    a, b = int8(generator, 2, *shape_a), int8(generator, 2, *shape_b)
    result = op.evaluate(a.reshape(2, -1), b.reshape(2, -1))
    product = np.stack([(x.astype(int) - 3) * (y.astype(int) + 128) for x, y in zip(a, b, strict=True)]).reshape(2, -1)
    expected = [[requantized(v, 5_000_000, 2, 7, -128, 127) for v in row] for row in product]
    np.testing.assert_array_equal(result, expected)


def test_lut_is_indexed_by_the_value_plus_128() -> None:
    table = np.random.default_rng(0).permutation(np.arange(-128, 128)).astype(np.int8)
    every = np.arange(-128, 128).astype(np.int8)
    np.testing.assert_array_equal(Lut(256, table).evaluate(every[None]), [[table[q + 128] for q in range(-128, 128)]])


def test_prelu() -> None:
    generator = np.random.default_rng(1)
    slopes = np.array([0.25, -0.5, 2.5])
    one, slope, multiplier, shift = prelu_weights(slopes, 0.1, 0.07)
    op = PRelu(12, 3, 10, -3, -128, 127, one, slope, multiplier, shift)
    op.verify()
    x = int8(generator, 5, 12)
    result = op.evaluate(x)
    for n, i in np.ndindex(x.shape):
        d = int(x[n, i]) - 10
        factor = one if d >= 0 else int(slope[i % 3])
        assert result[n, i] == requantized(d * factor, multiplier, shift, -3, -128, 127)
        real = 0.1 * d * (1 if d >= 0 else slopes[i % 3])
        assert abs(result[n, i] - np.clip(real / 0.07 - 3, -128, 127)) <= 0.52


@pytest.mark.parametrize("slope", [float("nan"), 4e4])
def test_prelu_refuses_slopes_beyond_int16(slope: float) -> None:
    with pytest.raises(ValueError, match="slopes must be finite"):
        prelu_weights(np.array([0.1, slope]), 1.0, 1.0)


@pytest.mark.parametrize(
    ("shape_a", "shape_b", "dims", "a_steps", "b_steps"),
    [
        ((2, 3), (2, 3), (1, 1, 1, 1, 1, 6), (0, 0, 0, 0, 0, 1), (0, 0, 0, 0, 0, 1)),
        ((8, 8, 16), (16,), (1, 1, 1, 1, 64, 16), (0, 0, 0, 0, 16, 1), (0, 0, 0, 0, 0, 1)),
        ((8, 8, 16), (8, 8, 1), (1, 1, 1, 1, 64, 16), (0, 0, 0, 0, 16, 1), (0, 0, 0, 0, 1, 0)),
        ((1,), (5,), (1, 1, 1, 1, 1, 5), (0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 1)),
        ((), (1,), (1, 1, 1, 1, 1, 1), (0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 0)),
    ],
)
def test_boxes_have_as_few_axes_as_can_be(
    shape_a: tuple[int, ...], shape_b: tuple[int, ...], dims: object, a_steps: object, b_steps: object
) -> None:
    assert broadcast_box(shape_a, shape_b) == (dims, a_steps, b_steps)


def test_a_box_of_too_many_axes_is_refused() -> None:
    with pytest.raises(ValueError, match="7 axes remain"):
        merge_axes([2] * 7, [1, 3, 9, 27, 81, 243, 729])

"""Integer weights: nearest integers, and accumulators and multipliers that keep their bits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from edgecomp.qops.requantize import accumulator_bound
from edgecomp.quant.scheme import Quant
from edgecomp.quant.weights import quantize_bias, quantize_weights, rounding_shift

INT32_MAX = 2**31 - 1
weight_arrays = arrays(
    np.float32, array_shapes(min_dims=2, max_dims=4, max_side=6), elements=st.floats(-(2.0**20), 2.0**20, width=32, allow_subnormal=False)
)


@settings(derandomize=True, deadline=None)
@given(weight_arrays, st.integers(-4, 3))
def test_weights_are_the_nearest_integers_of_their_channel(values, axis):
    axis = axis % values.ndim
    quant, integers = quantize_weights(values, axis)
    assert integers.dtype == np.int8
    assert quant.scale.dtype == np.float32
    assert quant.axis == axis
    assert not quant.zero_point.any()
    for channel in range(values.shape[axis]):
        real, q = (np.take(array, channel, axis).astype(np.float64) for array in (values, integers))
        scale = float(quant.scale[channel])
        assert scale > 0
        assert np.abs(q).max() == (127 if real.any() else 0)
        assert np.abs(q * scale - real).max() <= scale * 0.5 * (1 + 1e-5)


def test_whole_tensor():
    quant, integers = quantize_weights(np.array([[1.0, -2.0], [0.5, 0.0]]), None)
    assert quant.step == np.float32(2 / 127)
    assert quant.axis is None
    assert integers.tolist() == [[64, -127], [32, 0]]


def test_zero_channel_takes_the_largest_scale_and_zero_weights_a_finite_one():
    quant, integers = quantize_weights(np.array([[1.0, 2.0], [0.0, 0.0], [0.25, 0.5]]), 0)
    assert quant.scale[1] == quant.scale[0]
    assert not integers[1].any()
    for options in ({}, {"scale_in": 0.1, "scale_out": 0.3, "bias": np.array([5.0, 0.0])}):
        quant, integers = quantize_weights(np.zeros((2, 3)), 0, **options)
        assert np.isfinite(quant.scale).all()
        assert (quant.scale > 0).all()


@settings(derandomize=True, deadline=None)
@given(
    arrays(np.float32, (3, 2, 4), elements=st.floats(-1e3, 1e3, width=16)),
    arrays(np.float64, 3, elements=st.floats(-30, 0)),
    arrays(np.float64, 3, elements=st.floats(-1e6, 1e6)),
    st.floats(2.0**-20, 2.0**10),
    st.integers(-128, 127),
)
def test_accumulators_fit_and_biases_are_not_saturated(values, exponents, bias, scale_in, zero_point_in):
    values = (values * 10.0 ** exponents[:, None, None]).astype(np.float32)
    quant, integers = quantize_weights(values, 0, scale_in=scale_in, zero_point_in=zero_point_in, bias=bias)
    q = quantize_bias(bias, scale_in, quant.scale).astype(np.int64)
    folded = q - zero_point_in * integers.astype(np.int64).sum((1, 2))
    assert accumulator_bound(integers, folded, (1, 2)).max() <= INT32_MAX
    step = scale_in * quant.scale.astype(np.float64)
    np.testing.assert_array_less(np.abs(q * step - bias), step * 0.5000001 + 1e-300)


def test_scale_is_not_raised_where_nothing_overflows():
    values = np.random.default_rng(0).normal(size=(8, 16, 3, 3))
    plain, _ = quantize_weights(values, 0)
    guarded, _ = quantize_weights(values, 0, scale_in=0.02, zero_point_in=-128, bias=np.full(8, 10.0), scale_out=0.05)
    np.testing.assert_array_equal(guarded.scale, plain.scale)


def test_channel_of_vanishing_weights_keeps_a_multiplier_of_eleven_bits():
    values = np.ones((2, 4))
    values[1] = 1e-20
    quant, _ = quantize_weights(values, 0, scale_in=0.02, bias=np.array([0.0, 3.0]), scale_out=0.05)
    assert 0.02 * quant.scale[1] / 0.05 * 2**31 >= 2047
    assert quantize_bias(np.array([0.0, 3.0]), 0.02, quant.scale)[1] * 0.02 * quant.scale[1] == pytest.approx(3.0)


def test_bias_in_runs_over_the_channels_of_a_grouped_transposed_convolution():
    values = np.random.default_rng(1).normal(size=(4, 3, 2, 2))  # 2 groups of 3 output channels
    bias = np.arange(6) - 2.5
    quant, _ = quantize_weights(values, 1, scale_in=0.1, bias=bias)
    expected = [round(b / (0.1 * float(quant.scale[c % 3]))) for c, b in enumerate(bias)]
    assert quantize_bias(bias, 0.1, quant.scale).tolist() == expected


def test_bias_rounds_half_to_even_and_saturates():
    assert quantize_bias(np.array([0.5, 1.5, -0.5]), 1.0, np.float32([1])).tolist() == [0, 2, 0]
    assert quantize_bias(np.array([1e30, -1e30]), 1.0, np.float32([1, 1])).tolist() == [INT32_MAX, -INT32_MAX]


def brute_shift(values, quant, integers, means, groups):
    """Feed the constant input `means` through the convolution with either weights, away from the borders."""
    dequantized = quant.dequantize(integers)
    per_group_out, per_group_in = len(values) // groups, values.shape[1]
    shift = np.zeros(len(values))
    for o in range(len(values)):
        for i in range(per_group_in):
            mean = means[o // per_group_out * per_group_in + i]
            shift[o] += mean * float((dequantized[o, i].astype(np.float64) - values[o, i]).sum())
    return shift


@pytest.mark.parametrize(("shape", "groups"), [((4, 3, 3, 3), 1), ((4, 2, 5), 2), ((6, 1, 3, 3), 6)])
def test_rounding_shift_of_a_convolution(shape, groups):
    rng = np.random.default_rng(2)
    values, means = rng.normal(size=shape), rng.normal(size=shape[1] * groups)
    quant, integers = quantize_weights(values, 0)
    expected = brute_shift(values, quant, integers, means, groups)
    np.testing.assert_allclose(rounding_shift(values, quant, integers, means, groups), expected, atol=1e-12)


def test_rounding_shift_of_a_matrix_is_the_mean_change_of_its_outputs():
    rng = np.random.default_rng(3)
    values, x = rng.normal(size=(20, 5)), rng.normal(1, 2, size=(50, 20))
    quant, integers = quantize_weights(values, 1)
    change = (x @ quant.dequantize(integers) - x @ values).mean(0)
    np.testing.assert_allclose(rounding_shift(values, quant, integers, x.mean(0)), change, atol=1e-9)
    assert isinstance(quant, Quant)

"""What calibration keeps of a tensor, against the whole tensor at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from edgecomp.errors import DataError
from edgecomp.quant.observers import HALF_BINS, Observer

finite = st.floats(-(2.0**100), 2.0**100, width=32).map(lambda value: value if abs(value) > 2.0**-60 else 0.0)  # 2^-60 / width is a float32
tensors = arrays(np.float32, array_shapes(min_dims=1, max_dims=4, max_side=5), elements=finite)


def observe(*chunks):
    observer = Observer("t")
    for chunk in chunks:
        observer.add(np.asarray(chunk))
    return observer.distribution()


@settings(derandomize=True, deadline=None)
@given(tensors, st.data())
def test_distribution_does_not_depend_on_how_samples_are_cut(values, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(values)), max_size=3)))
    whole, pieces = observe(values), observe(*np.split(values, cuts))
    np.testing.assert_array_equal(pieces.counts, whole.counts)
    assert (pieces.width, pieces.zeros, pieces.low, pieces.high) == (whole.width, whole.zeros, whole.low, whole.high)
    np.testing.assert_allclose(
        [pieces.mean_low, pieces.mean_high], [whole.mean_low, whole.mean_high], rtol=1e-9, atol=1e-9 * float(np.abs(values).max())
    )


@settings(derandomize=True, deadline=None)
@given(tensors)
def test_every_nonzero_value_is_counted_in_its_bin(values):
    seen = observe(values)
    nonzero = values[values != 0].astype(np.float64)
    assert seen.zeros == values.size - nonzero.size
    expected = np.zeros(2 * HALF_BINS, np.int64)
    for value in nonzero:
        expected[int(np.floor(value / seen.width)) + HALF_BINS] += 1
    np.testing.assert_array_equal(seen.counts, expected)


def test_larger_side_fills_more_than_half_of_its_bins():
    for peak in (1e-42, 1e-30, 0.3, 1.0, 255.0, 3e38):
        seen = observe(np.array([[peak]], np.float32))
        assert HALF_BINS // 2 <= np.flatnonzero(seen.counts)[-1] - HALF_BINS < HALF_BINS


def test_extremes_means_and_channels():
    values = np.random.default_rng(0).normal(size=(7, 3, 4, 5)).astype(np.float32)
    seen = observe(values[:2], values[2:])
    assert (seen.low, seen.high) == (values.min(), values.max())
    rows = values.reshape(7, -1)
    np.testing.assert_allclose([seen.mean_low, seen.mean_high], [rows.min(1).mean(), rows.max(1).mean()], rtol=1e-6)
    np.testing.assert_allclose(seen.channel_means, values.mean((0, 2, 3)), rtol=1e-5, atol=1e-7)


def test_features_of_a_matrix_are_its_channels_and_a_scalar_has_one():
    assert observe(np.arange(6, dtype=np.float32).reshape(2, 3)).channel_means.tolist() == [1.5, 2.5, 3.5]
    assert observe(np.array([1, 3], np.float32)).channel_means.tolist() == [2.0]


def test_integer_and_half_values_are_taken_as_real_numbers():
    assert observe(np.array([[-5, 7]], np.int8)).high == 7.0
    assert observe(np.array([[0.5]], np.float16)).low == 0.5


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_value_that_is_not_finite_names_tensor_and_sample(bad):
    values = np.zeros((4, 3), np.float32)
    values[2, 1] = bad
    observer = Observer("conv1/out")
    observer.add(np.zeros((5, 3), np.float32))
    with pytest.raises(DataError, match=r"'conv1/out'.*sample 7"):
        observer.add(values)


def test_no_sample_is_refused():
    with pytest.raises(DataError, match="no sample"):
        Observer("t").distribution()

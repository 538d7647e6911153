"""Softmax and LogSoftmax against floating point."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecomp.qops import LogSoftmax, Softmax
from edgecomp.qops.log_softmax import fixed_point_log, logarithm_table
from edgecomp.qops.softmax import MAX_DEPTH, exponential_table


def _rows(seed: int, rows: int, depth: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-128, 128, (1, rows * depth)).astype(np.int8)


@settings(derandomize=True, deadline=None, database=None)
@given(st.integers(0, 99), st.integers(1, 4), st.sampled_from([1, 2, 10, 101, 1000]), st.floats(1e-3, 2.0))
def test_softmax_is_within_a_step_of_float(seed: int, rows: int, depth: int, scale: float) -> None:
    op = Softmax(rows, depth, exponential_table(scale))
    op.verify()
    x = _rows(seed, rows, depth)
    real = np.exp(scale * (x.reshape(rows, depth).astype(float) - x.reshape(rows, depth).max(axis=1, keepdims=True)))
    ideal = np.minimum(256 * real / real.sum(axis=1, keepdims=True), 255) - 128
    result = op.evaluate(x).reshape(rows, depth)
    assert np.abs(result - ideal).max() <= 1
    winners = x.reshape(rows, depth).argmax(axis=1)
    np.testing.assert_array_equal(result[np.arange(rows), winners], result.max(axis=1))


def test_softmax_formula_in_plain_integers() -> None:
    table = exponential_table(0.07)
    x = _rows(0, 1, 9)[0]
    e = [int(table[int(x.max()) - int(q)]) for q in x]
    expected = [min((512 * v + sum(e)) // (2 * sum(e)), 255) - 128 for v in e]
    np.testing.assert_array_equal(Softmax(1, 9, table).evaluate(x[None])[0], expected)


def test_softmax_sums_fit_32_bits_at_the_largest_depth() -> None:
    assert 2 * MAX_DEPTH * 65535 < 1 << 32
    assert 512 * 65535 + MAX_DEPTH * 65535 < 1 << 32
    Softmax(1, MAX_DEPTH, exponential_table(1.0)).verify()
    with pytest.raises(ValueError, match=r"softmax_s8\.depth"):
        Softmax(1, MAX_DEPTH + 1, exponential_table(1.0)).verify()


@settings(derandomize=True, deadline=None, database=None)
@given(st.integers(0, 99), st.integers(1, 4), st.sampled_from([1, 2, 10, 101, 1000]), st.floats(1e-3, 2.0), st.floats(0.01, 1.0))
def test_log_softmax_is_within_a_step_of_float(seed: int, rows: int, depth: int, scale_in: float, scale_out: float) -> None:
    op = LogSoftmax.scaled(rows, depth, scale_in, scale_out, 127)
    op.verify()
    x = _rows(seed, rows, depth)
    below = scale_in * (x.reshape(rows, depth).astype(float) - x.reshape(rows, depth).max(axis=1, keepdims=True))
    real = below - np.log(np.exp(below).sum(axis=1, keepdims=True))
    ideal = np.clip(real / scale_out + 127, -128, 127)
    assert np.abs(op.evaluate(x).reshape(rows, depth) - ideal).max() <= 1


@settings(derandomize=True, deadline=None, database=None)
@given(st.integers(1, (1 << 32) - 1))
def test_the_fixed_point_logarithm_is_near_the_real_one(total: int) -> None:
    real = np.log(total / 65535) * 65536
    assert abs(int(fixed_point_log(np.array([total]), logarithm_table())[0]) - real) <= 8


def test_log_softmax_refuses_a_tiny_output_scale() -> None:
    with pytest.raises(ValueError, match="output scale must be above"):
        LogSoftmax.scaled(1, 4, 0.1, 2.0**-16, 0)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("inf")])
def test_a_table_needs_a_positive_scale(scale: float) -> None:
    with pytest.raises(ValueError, match="scale_in must be finite and positive"):
        exponential_table(scale)

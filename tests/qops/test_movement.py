"""Copy, Concat and the resizes against numpy's own and plain definitions."""

from __future__ import annotations

from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecomp.qops import Concat, Copy, ResizeBilinear, ResizeNearest
from edgecomp.qops.rescale import concat_weights
from edgecomp.qops.resize_bilinear import neighbours
from tests.qops.plain import int8

SHAPE = st.lists(st.integers(1, 4), min_size=1, max_size=5)
DRAWN = settings(derandomize=True, deadline=None, database=None)


def _copied(op: Copy, x: np.ndarray) -> np.ndarray:
    op.verify()
    return op.evaluate(x.reshape(1, -1))[0]


def _numbered(shape: list[int]) -> np.ndarray:
    return (np.arange(np.prod(shape)) % 251 - 125).astype(np.int8).reshape(shape)


@DRAWN
@given(st.data())
def test_transpose(data: st.DataObject) -> None:
    shape = data.draw(SHAPE)
    permutation = data.draw(st.permutations(range(len(shape))))
    x = _numbered(shape)
    np.testing.assert_array_equal(_copied(Copy.transposed(shape, permutation), x), x.transpose(permutation).reshape(-1))


@DRAWN
@given(st.data())
def test_slice_with_steps_of_both_signs(data: st.DataObject) -> None:
    shape = data.draw(SHAPE)
    slices = []
    for size in shape:
        step = data.draw(st.sampled_from([1, 2, 3, -1, -2]))
        start = data.draw(st.integers(0, size - 1))
        count = data.draw(st.integers(1, (size - 1 - start if step > 0 else start) // abs(step) + 1))
        slices.append((start, step, count))
    starts, steps, counts = zip(*slices, strict=True)
    x = _numbered(shape)
    picked = x[np.ix_(*(start + step * np.arange(count) for start, step, count in slices))]
    np.testing.assert_array_equal(_copied(Copy.sliced(shape, starts, steps, counts), x), picked.reshape(-1))


@DRAWN
@given(st.data())
def test_pad(data: st.DataObject) -> None:
    shape = data.draw(SHAPE)
    around = data.draw(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=len(shape), max_size=len(shape)))
    x = _numbered(shape)
    op = Copy.padded(shape, [before for before, _ in around], [after for _, after in around], -7)
    np.testing.assert_array_equal(_copied(op, x), np.pad(x, around, constant_values=-7).reshape(-1))


@DRAWN
@given(st.data())
def test_expand(data: st.DataObject) -> None:
    shape = data.draw(SHAPE)
    output = [data.draw(st.integers(1, 3)), *(data.draw(st.integers(1, 4)) if size == 1 else size for size in shape)]
    x = _numbered(shape)
    np.testing.assert_array_equal(_copied(Copy.expanded(shape, output), x), np.broadcast_to(x, output).reshape(-1))


def test_a_contiguous_copy_is_one_row() -> None:
    assert Copy.transposed([3, 1, 4], [1, 0, 2]).dims == (1, 1, 1, 1, 1, 12)


def test_concat_rescales_each_input() -> None:
    generator = np.random.default_rng(0)
    scale_out, zero_out = 0.05, -3
    inputs = [(2, 0.05, -3), (3, 0.02, 50), (1, 0.4, -100)]
    entries = [concat_weights(scale, zero, scale_out, zero_out) for _, scale, zero in inputs]
    weight, bias, right_shift = (np.array(column) for column in zip(*entries, strict=True))
    op = Concat(3, 4, np.array([n for n, _, _ in inputs]), weight, bias, right_shift)
    op.verify()
    xs = [int8(generator, 5, 4, n) for n, _, _ in inputs]
    result = op.evaluate(*(x.reshape(5, -1) for x in xs)).reshape(5, 4, 6)
    np.testing.assert_array_equal(result[:, :, :2], xs[0])
    real = np.concatenate([scale * (x.astype(float) - zero) for x, (_, scale, zero) in zip(xs, inputs, strict=True)], axis=2)
    assert np.abs(result - np.clip(real / scale_out + zero_out, -128, 127)).max() <= 0.52
    for (x, w, b, s), column in (((xs[1], *entries[1]), slice(2, 5)), ((xs[2], *entries[2]), slice(5, 6))):
        expected = [min(max(floor((int(v) * w + b) / (1 << s)), -128), 127) for v in x.reshape(-1)]
        np.testing.assert_array_equal(result[:, :, column].reshape(-1), expected)
    assert op.work.additions == 4 * (3 + 1)


def test_resize_nearest() -> None:
    rows, columns = np.array([2, 0, 0, 1]), np.array([1, 1, 0])
    op = ResizeNearest(3, 2, 2, 4, 3, rows.astype(np.uint16), columns.astype(np.uint16))
    op.verify()
    x = int8(np.random.default_rng(0), 2, 3, 2, 2)
    result = op.evaluate(x.reshape(2, -1)).reshape(2, 4, 3, 2)
    for n, y, xx, c in np.ndindex(result.shape):
        assert result[n, y, xx, c] == x[n, rows[y], columns[xx], c]


def test_resize_bilinear_is_near_the_real_interpolation() -> None:
    row_at, column_at = np.array([-0.3, 0.4, 1.999, 5.0]), np.array([0.0, 0.51, 1.0])
    op = ResizeBilinear(3, 2, 2, 4, 3, *neighbours(row_at, 3), *neighbours(column_at, 2))
    op.verify()
    x = int8(np.random.default_rng(0), 2, 3, 2, 2)
    result = op.evaluate(x.reshape(2, -1)).reshape(2, 4, 3, 2)
    for n, y, xx, c in np.ndindex(result.shape):
        by_row = [np.interp(row_at[y], range(3), x[n, :, k, c]) for k in range(2)]
        assert abs(result[n, y, xx, c] - np.interp(column_at[xx], range(2), by_row)) <= 0.5 + 2 * 255 * 2.0**-11
    assert op.work.macs == 4 * 4 * 3 * 2


@pytest.mark.parametrize(
    ("at", "expected"), [(-1.0, (0, 1, 0)), (0.25, (0, 1, 256)), (2.0, (2, 2, 0)), (9.0, (2, 2, 0)), (0.9999, (0, 1, 1024))]
)
def test_neighbours(at: float, expected: tuple[int, int, int]) -> None:
    assert tuple(int(v[0]) for v in neighbours(np.array([at]), 3)) == expected

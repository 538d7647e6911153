"""Pools against their definitions on real values."""

from __future__ import annotations

import numpy as np
import pytest

from edgecomp.qops import AveragePool2D, MaxPool2D
from tests.qops.plain import inside, int8, window_taps

WINDOWS = [
    {"kernel_h": 2, "kernel_w": 2, "stride_h": 2, "stride_w": 2, "dilation_h": 1, "dilation_w": 1, "pad_top": 0, "pad_left": 0},
    {"kernel_h": 3, "kernel_w": 2, "stride_h": 1, "stride_w": 2, "dilation_h": 1, "dilation_w": 1, "pad_top": 2, "pad_left": 1},
    {"kernel_h": 2, "kernel_w": 3, "stride_h": 1, "stride_w": 1, "dilation_h": 2, "dilation_w": 1, "pad_top": 1, "pad_left": 2},
    {"kernel_h": 2, "kernel_w": 2, "stride_h": 1, "stride_w": 1, "dilation_h": 9, "dilation_w": 9, "pad_top": 5, "pad_left": 5},
]
SIZES = {"input_h": 4, "input_w": 5, "input_c": 3, "output_h": 3, "output_w": 3}
EMPTY = {"smallest_count": 0, "multiplier": np.ones(1, np.int32), "shift": 0}


@pytest.mark.parametrize("window", WINDOWS)
def test_max_pool2d(window: dict[str, int]) -> None:
    op = MaxPool2D(**SIZES, **window, clamp_min=-100, clamp_max=90)
    op.verify()
    x = int8(np.random.default_rng(0), 2, 4, 5, 3)
    result = op.evaluate(x.reshape(2, -1)).reshape(2, 3, 3, 3)
    comparisons = 0
    for n, oy, ox, c in np.ndindex(result.shape):
        seen = [int(x[n, y, xx, c]) for _, _, y, xx in window_taps(op, oy, ox) if inside(op, y, xx)]
        comparisons += max(len(seen) - 1, 0)
        assert result[n, oy, ox, c] == min(max(max(seen, default=-128), -100), 90)
    assert op.work.comparisons == comparisons / 2


@pytest.mark.parametrize("far_padding", [0, 2])
@pytest.mark.parametrize("include", [0, 1])
@pytest.mark.parametrize("window", WINDOWS)
def test_avg_pool2d_is_within_a_step_of_the_mean(window: dict[str, int], include: int, far_padding: int) -> None:
    zero_in, zero_out, scale = 11, -4, 1.7
    op = AveragePool2D(
        **SIZES, **window, pad_bottom=far_padding, pad_right=far_padding, count_include_pad=include, input_zero_point=zero_in,
        output_zero_point=zero_out, clamp_min=-110, clamp_max=100, **EMPTY,
    ).with_scale(scale)  # fmt: skip
    op.verify()
    x = int8(np.random.default_rng(1), 2, 4, 5, 3)
    result = op.evaluate(x.reshape(2, -1)).reshape(2, 3, 3, 3)
    additions = 0
    for n, oy, ox, c in np.ndindex(result.shape):
        taps = list(window_taps(op, oy, ox))
        values = [int(x[n, y, xx, c]) - zero_in for _, _, y, xx in taps if inside(op, y, xx)]
        padded = [y for _, _, y, xx in taps if -op.pad_top <= y < 4 + far_padding and -op.pad_left <= xx < 5 + far_padding]
        divisor = len(padded) if include else len(values)
        ideal = np.clip(scale * sum(values) / max(divisor, 1) + zero_out, -110, 100)
        assert abs(result[n, oy, ox, c] - ideal) <= 0.5001
        additions += len(values)
    assert op.work.additions == additions / 2


def test_the_table_holds_every_divisor_between_the_smallest_and_the_largest() -> None:
    op = AveragePool2D(
        input_h=4, input_w=4, input_c=1, output_h=4, output_w=4, kernel_h=3, kernel_w=3, stride_h=1, stride_w=1, dilation_h=1,
        dilation_w=1, pad_top=1, pad_left=1, pad_bottom=1, pad_right=1, count_include_pad=0, input_zero_point=0, output_zero_point=0,
        clamp_min=-128, clamp_max=127, **EMPTY,
    ).with_scale(1.0)  # fmt: skip
    assert sorted(set(op.counts.flat)) == [4, 6, 9]
    assert (op.smallest_count, len(op.multiplier)) == (4, 6)


def test_a_mean_over_the_middle_of_three_axes() -> None:
    op = AveragePool2D(
        input_h=2, input_w=7, input_c=5, output_h=2, output_w=1, kernel_h=1, kernel_w=7, stride_h=1, stride_w=1, dilation_h=1,
        dilation_w=1, pad_top=0, pad_left=0, pad_bottom=0, pad_right=0, count_include_pad=0, input_zero_point=3, output_zero_point=3,
        clamp_min=-128, clamp_max=127, **EMPTY,
    ).with_scale(1.0)  # fmt: skip
    op.verify()
    x = int8(np.random.default_rng(2), 4, 2, 7, 5)
    mean = x.astype(float).mean(axis=2)
    assert np.abs(op.evaluate(x.reshape(4, -1)).reshape(4, 2, 5) - mean).max() <= 0.5001

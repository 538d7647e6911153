"""Convolutions that leave out zero inputs: the bits of the plain one, and products counted one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from benchmarks.shapes import conv
from edgecomp.qops import Conv2D, Conv2DZeroInput
from tests.qops.plain import inside, window_taps
from tests.runtime_c.drawn import CASES, Case


def _executed(op: Conv2D, x: np.ndarray) -> int:
    """By the definition: each output's taps within the image whose input is not zero."""
    inputs, outputs, count = op.input_c // op.groups, op.output_c // op.groups, 0
    for n, oy, ox, o in np.ndindex(len(x), op.output_h, op.output_w, op.output_c):
        first = o // outputs * inputs
        for _, _, y, column in window_taps(op, oy, ox):
            if inside(op, y, column):
                count += int(np.count_nonzero(x[n, y, column, first : first + inputs] != op.input_zero_point))
    return count


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(case=CASES["conv2d_zero_input_s8"])
def test_bits_of_the_convolution_and_products_that_remain(case: Case) -> None:
    op = case.op
    assert isinstance(op, Conv2DZeroInput)
    x = np.stack([case.inputs[0], np.roll(case.inputs[0], 1)])
    above = x.astype(int) - op.input_zero_point
    x_forced = np.where((above >= 0) & (above <= op.zero_span), op.input_zero_point, x).astype(np.int8)
    np.testing.assert_array_equal(op.evaluate(x), op.convolution.evaluate(x_forced))
    assert op.executed_macs(x) == _executed(op, x_forced.reshape(2, op.input_h, op.input_w, op.input_c))
    assert op.executed_macs(x) <= op.convolution.executed_macs(x)


@pytest.mark.parametrize(("value", "share"), [(-128, 0), (3, 1)])
def test_all_or_nothing(value: int, share: int) -> None:
    plain = conv(5, 4, 2, 3, (2, 2), pad=(0, 0))
    op = replace(Conv2DZeroInput(**plain.convolution_members), input_zero_point=-128)
    assert op.executed_macs(np.full((3, 40), value, np.int8)) == 3 * share * op.work.macs

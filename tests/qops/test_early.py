"""Sums that end early: the bits of the plain convolution where that is exact, and products counted one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings

from benchmarks.shapes import conv
from edgecomp.qops import Conv2DEarly
from edgecomp.qops.conv2d_early import clamp_limits, sign_changes
from edgecomp.qops.requantize import requantize
from tests.runtime_c.drawn import CASES, Case


def _one_by_one(op: Conv2DEarly, x: np.ndarray) -> tuple[np.ndarray, int]:
    """Outputs and executed products of one sample, by the definition."""
    order = np.asarray(op.order, int).reshape(op.output_c, op.taps)
    weights = np.asarray(op.weights, int).reshape(op.output_c, op.taps)
    patches = next(iter(op.patches(x)))
    outputs, executed = [], 0
    for position, channel in np.ndindex(op.output_h * op.output_w, op.output_c):
        patch, total = patches[channel // (op.output_c // op.groups), position], int(op.start[channel])
        for done in range(op.taps + 1):
            if done == op.prefix[channel] > 0 and total <= op.thresholds[channel]:
                outputs.append(op.output_zero_point)
                break
            if done == op.taps:
                outputs.append(_rescaled(op, channel, total))
                break
            certain = op.prefix[channel] <= done
            if certain and done >= op.falls_from[channel] and total <= op.lowest[channel]:
                outputs.append(op.clamp_min)
                break
            if certain and done >= op.rises_from[channel] and total >= op.highest[channel]:
                outputs.append(op.clamp_max)
                break
            tap = order[channel, done]
            total += int(patch[tap]) * int(weights[channel, tap])
            executed += 1
    return np.array(outputs), executed


def _rescaled(op: Conv2DEarly, channel: int, total: int) -> int:
    scaled = requantize(
        np.array([total]), int(op.multiplier[channel]), op.shift, op.output_zero_point, op.clamp_min, op.clamp_max
    )  # fmt: skip
    return int(scaled[0])


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(case=CASES["conv2d_early_s8"])
def test_outputs_and_executed_products(case: Case) -> None:
    op = case.op
    assert isinstance(op, Conv2DEarly)
    x = np.stack([case.inputs[0], np.roll(case.inputs[0], 1)])
    both = [_one_by_one(op, sample) for sample in x]
    np.testing.assert_array_equal(op.evaluate(x).reshape(2, -1), np.stack([outputs for outputs, _ in both]))
    assert op.executed_macs(x) == sum(executed for _, executed in both)
    assert op.executed_macs(x) <= 2 * op.work.macs


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(case=CASES["conv2d_early_s8"])
def test_without_predictions_it_is_the_convolution(case: Case) -> None:
    op = case.op
    assert isinstance(op, Conv2DEarly)
    exact = replace(op, prefix=np.zeros(op.output_c, np.uint16))
    x = np.maximum(case.inputs[0], op.input_zero_point)[None]
    np.testing.assert_array_equal(exact.evaluate(x), op.convolution.evaluate(x))
    np.testing.assert_array_equal(_one_by_one(exact, x[0])[0], op.convolution.evaluate(x).reshape(-1))


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(case=CASES["conv2d_early_s8"])
def test_clamp_limits_are_the_last_sums_that_reach_a_clamp(case: Case) -> None:
    op = case.op
    assert isinstance(op, Conv2DEarly)
    lowest, highest = (limit.astype(np.int64) for limit in clamp_limits(op))
    for limit, clamp, beyond in ((lowest, op.clamp_min, 1), (highest, op.clamp_max, -1)):
        for channel in np.flatnonzero((limit > -(1 << 31)) & (limit < (1 << 31) - 1)):
            assert _rescaled(op, channel, int(limit[channel])) == clamp
            if op.clamp_min < op.clamp_max:
                assert _rescaled(op, channel, int(limit[channel]) + beyond) != clamp


def test_positive_first_then_negative_ends_at_zero() -> None:
    """One channel, 1x1: 3 * 10 - 40 * 1 falls to zero at the first negative product; the second is left out."""
    plain = conv(1, 1, 3, 1, (1, 1), pad=(0, 0))
    plain = replace(
        plain, input_zero_point=-128, output_zero_point=-128, clamp_min=-128, weights=np.array([-1, 3, -40], np.int8),
        bias=np.array([128 * -38], np.int32), multiplier=np.array([(1 << 30) - 1], np.int32), shift=1,
    )  # fmt: skip
    order = np.array([[1, 2, 0]])
    falling, rising = sign_changes(np.asarray(plain.weights, int).reshape(1, 3), order)
    assert (falling.tolist(), rising.tolist()) == ([1], [3])
    op = Conv2DEarly.ordered(plain, order, falling, np.zeros(1, int), np.zeros(1, int))
    op.verify()
    x = np.array([[5, 10, 1]]).astype(np.int8) + np.int8(-128)
    assert op.start.tolist() == [0]
    assert op.executed_macs(x) == 2
    assert op.evaluate(x).tolist() == [[-128]]

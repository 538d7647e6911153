"""Convolutions that predict zeros against the rule, one patch and channel at a time."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.shapes import add, conv, maximum
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv2d_add import Conv2DAdd
from edgecomp.qops.conv2d_add_spatial import Conv2DAddSpatial
from edgecomp.qops.conv2d_max_pool import Conv2DMaxPool
from edgecomp.qops.conv2d_max_pool_spatial import Conv2DMaxPoolSpatial
from edgecomp.qops.conv2d_spatial import Conv2DSpatial
from edgecomp.qops.patches import Patches, spatial_members
from edgecomp.skip.rules import Spatial
from tests.qops.plain import int8

SCOPES = [(1, 1, 1), (1, 1, 0), (0, 0, 1), (0, 1, 1), (0, 0, 0)]
"""Axes (rows, columns, channels) that share their masks: 1."""


def drawn_rule(op: Conv2D, patch: int, scope: tuple[int, int, int], sums: np.ndarray) -> Spatial:
    generator = np.random.default_rng(patch)
    sizes = (-(-op.output_h // patch), -(-op.output_w // patch), op.output_c)
    shape = tuple(1 if shared else size for shared, size in zip(scope, sizes, strict=True))
    masks = generator.integers(0, 1 << (patch * patch), shape).astype(np.uint16)
    return Spatial(patch, masks, np.quantile(sums.reshape(-1, op.output_c), 0.7, axis=0).astype(np.int32))


def computed_plainly(rule: Spatial, sums: np.ndarray) -> np.ndarray:
    """Whether each output [samples, height, width, channels] is computed."""
    found = np.zeros(sums.shape, bool)
    for n, y, x, channel in np.ndindex(sums.shape):
        row, column = y // rule.patch, x // rule.patch
        masks = rule.masks
        mask = int(masks[row % masks.shape[0], column % masks.shape[1], channel % masks.shape[2]])
        top, left = row * rule.patch, column * rule.patch
        judged = [
            sums[n, top + at // rule.patch, left + at % rule.patch, channel]
            for at in range(rule.patch**2)
            if mask >> at & 1 and top + at // rule.patch < sums.shape[1] and left + at % rule.patch < sums.shape[2]
        ]
        always = mask >> ((y - top) * rule.patch + x - left) & 1
        found[n, y, x, channel] = always or any(value > rule.thresholds[channel] for value in judged)
    return found


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("patch", [1, 2, 3, 4])
def test_outputs_follow_the_rule(patch: int, scope: tuple[int, int, int]) -> None:
    op = conv(7, 6, 3, 4)
    x = int8(np.random.default_rng(7), 2, 7 * 6 * 3)
    sums = Conv2DSpatial.of(op, Spatial(1, np.ones((1, 1, 1), np.uint16), np.zeros(4, np.int32))).sums(x)
    rule = drawn_rule(op, patch, scope, sums)
    spatial = Conv2DSpatial.of(op, rule)
    spatial.verify()
    computed = computed_plainly(rule, sums)
    expected = np.where(computed, op.evaluate(x).reshape(sums.shape), op.output_zero_point)
    np.testing.assert_array_equal(spatial.evaluate(x).reshape(sums.shape), expected)
    assert spatial.executed_macs(x) == np.count_nonzero(computed) * 27
    assert spatial.work == op.work


def test_a_sum_is_judged_before_its_shift() -> None:
    op = Conv2DAdd.joined(conv(6, 6, 3, 4), add((144,), (144,)), conv_is_first=True)
    generator = np.random.default_rng(7)
    inputs = (int8(generator, 2, 108), int8(generator, 2, 144))
    sums = op.convolution.evaluate(inputs[0]).astype(int) * op.weight_conv + inputs[1].astype(int) * op.weight_residual + op.sum_bias
    sums = sums.reshape(2, 6, 6, 4)
    rule = drawn_rule(op, 2, (1, 1, 1), sums)
    spatial = Conv2DAddSpatial.of(op, rule, 9)
    spatial.verify()
    expected = np.where(computed_plainly(rule, sums), op.evaluate(*inputs).reshape(sums.shape), 9)
    np.testing.assert_array_equal(spatial.evaluate(*inputs).reshape(sums.shape), expected)
    assert spatial.executed_macs(*inputs) == np.count_nonzero(computed_plainly(rule, sums)) * 27
    assert Conv2DAddSpatial.of(op, rule).sum_zero_point == op.sum_clamp_min


def test_a_pool_reads_what_was_predicted() -> None:
    op = conv(6, 8, 3, 4)
    x = int8(np.random.default_rng(7), 3, 144)
    spatial = Conv2DSpatial.of(op, Spatial(2, np.full((1, 1, 1), 9, np.uint16), np.full(4, 500, np.int32)))
    pool = maximum(6, 8, 4)
    joined = Conv2DMaxPoolSpatial.following(spatial, Conv2DMaxPool.joined(op, pool))
    joined.verify()
    np.testing.assert_array_equal(joined.evaluate(x), pool.evaluate(spatial.evaluate(x)))
    assert joined.executed_macs(x) == spatial.executed_macs(x)
    overlapping = Conv2DMaxPool.joined(op, maximum(6, 8, 4, (3, 3), 2))
    assert not Conv2DMaxPoolSpatial.joins(overlapping, 2)


def test_masks_come_back_from_their_bits() -> None:
    op = conv(7, 6, 3, 4)
    rule = Spatial(3, np.random.default_rng(1).integers(0, 512, (3, 2, 4)).astype(np.uint16), np.zeros(4, np.int32))
    bits = Patches.of(Conv2DSpatial.of(op, rule)).bits
    np.testing.assert_array_equal((bits.astype(int) << np.arange(9).reshape(-1, 1, 1, 1)).sum(axis=0), rule.masks)
    assert spatial_members(rule)["masks"].size == 27

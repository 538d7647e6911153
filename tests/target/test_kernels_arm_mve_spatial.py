"""The convolution that predicts zeros with vector instructions: the bits of the reference over drawn shapes, and what it saves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from benchmarks.measure import Measured, measure, random_inputs
from benchmarks.shapes import conv
from edgecomp.plan.instruction_sets import KERNELS, arm_mve_spatial
from edgecomp.qops import Conv2DSpatial
from edgecomp.skip.rules import Spatial
from edgecomp.target import Target
from tests.runtime_c.drawn import CASES, Case
from tests.target.test_kernels_arm_dsp_spatial import by_channel, rule

BOARD = "qemu_cortex_m55"
KERNEL = KERNELS["arm_mve"][Conv2DSpatial.kernel]
Measure = Callable[[Sequence[Case]], list[Measured]]


@pytest.fixture
def measured(available_board: Callable[[str], Target]) -> Measure:
    def run(cases: Sequence[Case]) -> list[Measured]:
        return measure([case.op for case in cases], available_board(BOARD), inputs=[[x[None] for x in case.inputs] for case in cases])

    return run


def drawn(count: int) -> list[Case]:
    """The same cases every time, of those that the set takes."""
    found: list[Case] = []

    @settings(max_examples=4 * count, phases=[Phase.generate], derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(CASES[Conv2DSpatial.kernel])
    def collect(case: Case) -> None:
        if KERNEL.supports(case.op):
            found.append(case)

    collect()
    return found[:count]


def check(cases: Sequence[Case], results: Sequence[Measured]) -> None:
    assert {found.isa for found in results} == {"arm_mve"}
    assert not [(case.op.describe, found) for case, found in zip(cases, results, strict=True) if not found.exact]


@pytest.mark.parametrize("count", [40, pytest.param(160, marks=pytest.mark.slow)])
def test_drawn_operators_give_the_bits_of_the_reference(count: int, measured: Measure, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of few products, too, where it would not pay."""
    monkeypatch.setattr(arm_mve_spatial, "LEAST_PRODUCTS", 1)
    cases = drawn(count)
    assert len(cases) >= count // 4
    check(cases, measured(cases))


def test_lists_of_any_channels(measured: Measure) -> None:
    """Odd numbers of channels and positions, cut patches, strides that share no columns, and masks of their own by patch."""
    random, cases = np.random.default_rng(1), []
    for op in (conv(7, 9, 33, 21), conv(8, 6, 96, 6, stride=2), conv(9, 9, 40, 16, stride=4), conv(8, 8, 48, 10, dilation=2)):
        inputs = random_inputs([op], 1, op.output_c)[0]
        shifted = replace(op, shift=1, multiplier=np.asarray(op.multiplier) // 2, clamp_min=-100, clamp_max=90)
        for rate in (0.0, 0.5, 0.9):
            thresholds = by_channel(op, inputs, np.full((1, 1, op.output_c), 9), rate).thresholds
            diagonal = Spatial(2, np.full((1, 1, 1), 9, np.uint16), thresholds)
            cases.append(Case(Conv2DSpatial.of(shifted, diagonal), (inputs[0][0],)))
            for patch in (2, 3, 4):
                shape = (-(-op.output_h // patch), -(-op.output_w // patch), 1)
                masks = random.integers(0, 1 << patch**2, shape).astype(np.uint16)
                cases.append(Case(Conv2DSpatial.of(op, Spatial(patch, masks, thresholds)), (inputs[0][0],)))
    check(cases, measured(cases))


def test_few_products_and_masks_by_channel_are_left_to_others() -> None:
    op = conv(8, 8, 64, 64)
    masks = np.full((1, 1, 64), 9, np.uint16)
    thresholds = np.zeros(64, np.int32)
    assert KERNEL.supports(Conv2DSpatial.of(op, Spatial(2, masks[..., :1], thresholds)))
    assert not KERNEL.supports(Conv2DSpatial.of(op, Spatial(2, masks, thresholds)))
    assert not KERNEL.supports(Conv2DSpatial.of(conv(8, 8, 16, 64), Spatial(2, masks[..., :1], thresholds)))


@pytest.mark.parametrize(("channels", "size", "limits"), [(64, 8, (0.95, 0.75)), (32, 16, (1.1, 0.9))])
def test_instructions_are_saved(channels: int, size: int, limits: tuple[float, float], measured: Measure) -> None:
    """Where half and nearly all of the patches are predicted, against the dense kernel."""
    op = conv(size, size, channels, channels)
    inputs = random_inputs([op], 1, 3)[0]
    cases = [Case(op, (inputs[0][0],))]
    cases += [Case(Conv2DSpatial.of(op, rule(op, inputs, rate)), (inputs[0][0],)) for rate in (0.5, 0.9)]
    dense, *results = measured(cases)
    for found, limit in zip(results, limits, strict=True):
        assert found.exact
        assert found.isa == "arm_mve"
        assert found.instructions is not None
        assert dense.instructions is not None
        assert found.instructions <= limit * dense.instructions

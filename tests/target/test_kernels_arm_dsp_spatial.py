"""Convolutions that predict zeros, with DSP instructions: the bits of the reference over drawn shapes, and instructions that are saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from benchmarks.measure import Measured, measure, random_inputs
from benchmarks.shapes import add, conv, maximum
from edgecomp import reference
from edgecomp.build import build
from edgecomp.emit import emit
from edgecomp.fusion import fuse
from edgecomp.plan import kernels
from edgecomp.plan.instruction_sets import arm_dsp_spatial
from edgecomp.plan.planner import lay_out_as_given
from edgecomp.qgraph import QGraph, QNode
from edgecomp.qops import Conv2D, Conv2DAdd, Conv2DAddSpatial, Conv2DMaxPool, Conv2DMaxPoolSpatial, Conv2DSpatial
from edgecomp.run import execute
from edgecomp.skip.rules import Spatial
from edgecomp.target import Target
from tests.plan.image_networks import block, networks, pooled, side_by_side
from tests.runtime_c.drawn import CASES, Case

BOARDS = ("qemu_cortex_m4", "qemu_cortex_m7", "qemu_cortex_m33", "qemu_cortex_m55")
KERNELS = tuple(arm_dsp_spatial.KERNELS)
DIAGONAL = 0b1001
CASES_EACH = 12
ZERO_RATES = (0.0, 0.5, 0.9)


@cache
def drawn(kernel: str) -> list[Case]:
    """The same cases every time, of those that the set takes."""
    found: list[Case] = []

    @settings(
        max_examples=24 * CASES_EACH, phases=[Phase.generate], derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(CASES[kernel])
    def collect(case: Case) -> None:
        if arm_dsp_spatial.supports(case.op):
            found.append(case)

    collect()
    return found[:CASES_EACH]


@pytest.fixture
def measured(available_board: Callable[[str], Target], monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Measured]]:
    """Runs operators by the kernels under test, whatever the plan would prefer."""
    monkeypatch.setattr(kernels, "estimate_instructions", lambda op, core, isa: None)

    def run(board: str, cases: list[Case], optimize: str = "speed") -> list[Measured]:
        target = replace(available_board(board), isa=("arm_dsp", "portable"))
        return measure([case.op for case in cases], target, inputs=[[x[None] for x in case.inputs] for case in cases], optimize=optimize)

    return run


@pytest.mark.parametrize("board", BOARDS)
def test_operators_give_the_bits_of_the_reference(board: str, measured: Callable[..., list[Measured]]) -> None:
    cases = [case for kernel in KERNELS for case in drawn(kernel)]
    results = measured(board, cases, "size" if board == "qemu_cortex_m7" else "speed")
    assert len(cases) >= CASES_EACH * 2
    assert {found.isa for found in results} == {"arm_dsp"}
    assert not [(case.op.describe, found) for case, found in zip(cases, results, strict=True) if not found.exact]


def rule(op: Conv2D, inputs: list[np.ndarray], zero_rate: float) -> Spatial:
    """The diagonal, with thresholds under which `zero_rate` of the patches of each channel are predicted zero."""
    sums = Conv2DSpatial.of(op, Spatial(1, np.ones((1, 1, 1), np.uint16), np.zeros(op.output_c, np.int32))).sums(inputs[0])
    most = np.maximum(sums[:, ::2, ::2], sums[:, 1::2, 1::2]).reshape(-1, op.output_c)
    thresholds = np.quantile(most, zero_rate, axis=0, method="lower") if zero_rate else most.min(axis=0) - 1
    return Spatial(2, np.full((1, 1, 1), DIAGONAL, np.uint16), thresholds.astype(np.int32))


@pytest.mark.parametrize("zero_rate", [0.2, 0.5, 0.8])
def test_lists_of_any_channels(zero_rate: float, measured: Callable[..., list[Measured]]) -> None:
    """First and second channels of a pair, alone and together, with and without narrow clamps, a shift and a residual."""
    cases = []
    for channels, size in ((30, 6), (24, 8)):
        plain = conv(size, size, 5, channels)
        shifted = replace(plain, shift=3, multiplier=np.asarray(plain.multiplier) // 8, clamp_min=-100, clamp_max=90)
        for op in (plain, shifted):
            inputs = random_inputs([op], 1, channels)[0]
            spatial = rule(op, inputs, zero_rate)
            cases.append(Case(Conv2DSpatial.of(op, spatial), (inputs[0][0],)))
            count = size * size * channels
            plain_add = add((count,), (count,))
            for sum_op in (plain_add, replace(plain_add, clamp_min=-90, clamp_max=100)):
                joined = Conv2DAdd.joined(op, sum_op, conv_is_first=True)
                both = random_inputs([joined], 1, channels)[0]
                nothing = replace(spatial, thresholds=np.zeros(channels, np.int32))
                sums = Conv2DAddSpatial.of(joined, nothing).sums(*both).reshape(-1, channels)
                thresholds = np.quantile(sums, 0.5 + zero_rate / 2, axis=0, method="lower").astype(np.int32)
                case = Conv2DAddSpatial.of(joined, replace(spatial, thresholds=thresholds))
                cases.append(Case(case, tuple(x[0] for x in both)))
    results = measured("qemu_cortex_m4", cases)
    assert {found.isa for found in results} == {"arm_dsp"}
    assert not [(case.op.describe, found) for case, found in zip(cases, results, strict=True) if not found.exact]


def by_channel(op: Conv2D, inputs: list[np.ndarray], masks: np.ndarray, zero_rate: float) -> Spatial:
    """2x2 masks [rows or 1, columns or 1, channels], thresholds under which `zero_rate` of a channel's patches are predicted zero."""
    rows, columns = -(-op.output_h // 2), -(-op.output_w // 2)
    every = Spatial(1, np.ones((1, 1, 1), np.uint16), np.zeros(op.output_c, np.int32))
    sums = np.full((2 * rows, 2 * columns, op.output_c), -(2**40))
    sums[: op.output_h, : op.output_w] = Conv2DSpatial.of(op, every).sums(inputs[0])[0]
    named = np.broadcast_to(masks, (rows, columns, op.output_c))[None] >> np.arange(4)[:, None, None, None] & 1
    positions = sums.reshape(rows, 2, columns, 2, -1).transpose(1, 3, 0, 2, 4).reshape(named.shape)
    most = np.where(named, positions, -(2**40)).max(axis=0).reshape(-1, op.output_c)
    thresholds = np.quantile(most, zero_rate, axis=0, method="lower") if zero_rate else most.min(axis=0) - 1
    return Spatial(2, masks.astype(np.uint16), np.clip(thresholds, -(2**31), 2**31 - 1).astype(np.int32))


@pytest.mark.parametrize("board", ["qemu_cortex_m4", "qemu_cortex_m33"])
def test_masks_by_channel(board: str, measured: Callable[..., list[Measured]]) -> None:
    """Of any number of positions, over cut patches, a pool and padding, shared by patches or not."""
    random, cases = np.random.default_rng(7), []
    for height, width, channels in ((7, 9, 24), (8, 8, 10), (6, 4, 2)):
        plain = conv(height, width, 5, channels)
        shifted = replace(plain, shift=3, multiplier=np.asarray(plain.multiplier) // 8, clamp_min=-100, clamp_max=90)
        shared = (1, 1, channels)
        own = (-(-height // 2), -(-width // 2), channels)
        for op, shape, low, high in ((plain, shared, 0, 16), (plain, own, 0, 16), (shifted, shared, 0, 16), (shifted, own, 6, 8)):
            inputs = random_inputs([op], 1, channels)[0]
            masks = random.integers(low, high, shape)
            masks[..., 0] = 9
            for rate in (0.0, 0.6):
                spatial = by_channel(op, inputs, masks, rate)
                cases.append(Case(Conv2DSpatial.of(op, spatial), (inputs[0][0],)))
            if height % 2 == 0:
                joined = Conv2DMaxPool.joined(op, maximum(height, width, channels, (2, 2), 2))
                cases.append(Case(Conv2DMaxPoolSpatial.of(joined, spatial), (inputs[0][0],)))
    results = measured(board, cases)
    assert {found.isa for found in results} == {"arm_dsp"}
    assert not [(case.op.describe, found) for case, found in zip(cases, results, strict=True) if not found.exact]


def test_masks_by_channel_save_instructions(measured: Callable[..., list[Measured]]) -> None:
    """Both diagonals by turns, and any two positions, against the dense kernel; and masks that differ from patch to patch, too."""
    op, random = conv(8, 8, 64, 64), np.random.default_rng(3)
    inputs = random_inputs([op], 1, 3)[0]
    two = [mask for mask in range(16) if mask.bit_count() == 2]
    masks = (random.choice([6, 9], (1, 1, 64)), random.choice(two, (1, 1, 64)), random.choice(two, (4, 4, 64)))
    cases = [Case(op, (inputs[0][0],))]
    cases += [Case(Conv2DSpatial.of(op, by_channel(op, inputs, each, 0.75)), (inputs[0][0],)) for each in masks]
    dense, *results = measured("qemu_cortex_m4", cases)
    for found, limit in zip(results, (0.77, 0.87, 1.0), strict=True):
        assert found.exact
        assert found.instructions is not None
        assert dense.instructions is not None
        assert found.instructions <= limit * dense.instructions


def test_instructions_are_saved(measured: Callable[..., list[Measured]]) -> None:
    """More with each zero rate, and half of all where nearly all is predicted; on patterns as scattered as they can be."""
    shapes = {"16->16": conv(16, 16, 16, 16), "32->32": conv(16, 16, 32, 32), "64->64": conv(8, 8, 64, 64)}
    cases, wanted = [], []
    for name, op in shapes.items():
        inputs = random_inputs([op], 1, 3)[0]
        cases.append(Case(op, (inputs[0][0],)))
        cases += [Case(Conv2DSpatial.of(op, rule(op, inputs, rate)), (inputs[0][0],)) for rate in ZERO_RATES]
        wanted += [(name, rate, limit) for rate, limit in zip((None, *ZERO_RATES), (1.0, 1.08, 0.9, 0.7), strict=True)]
    results = measured("qemu_cortex_m4", cases)
    dense = 0
    for found, (name, rate, limit) in zip(results, wanted, strict=True):
        assert found.exact
        assert found.instructions is not None
        dense = found.instructions if rate is None else dense
        assert found.instructions <= limit * dense, (name, rate, found.instructions / dense)


def predicting(qgraph: QGraph) -> QGraph:
    """Every convolution, sum or pool of the fused network under the diagonal with a threshold of zero, where there is such an operator."""

    def node_with_rule(node: QNode) -> QNode:
        op = node.op
        if not isinstance(op, Conv2D):
            return node
        spatial = Spatial(2, np.full((1, 1, 1), DIAGONAL, np.uint16), np.zeros(op.output_c, np.int32))
        if isinstance(op, Conv2DAdd):
            return replace(node, op=Conv2DAddSpatial.of(op, spatial))
        if isinstance(op, Conv2DMaxPool):
            return replace(node, op=Conv2DMaxPoolSpatial.of(op, spatial)) if Conv2DMaxPoolSpatial.joins(op, 2) else node
        return replace(node, op=Conv2DSpatial.of(op, spatial))

    return replace(qgraph, nodes=tuple(node_with_rule(node) for node in fuse(qgraph).nodes)).verify()


@pytest.mark.parametrize("optimize", ["speed", "ram"])
def test_networks_equal_the_reference(optimize: str, available_board: Callable[[str], Target], tmp_path: Path) -> None:
    """Among them sums in the place of their residuals, and outputs over inputs."""
    collected: list[QGraph] = []

    @settings(max_examples=16, phases=[Phase.generate], derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(networks())
    def collect(qgraph: QGraph) -> None:
        collected.append(qgraph)

    collect()
    qgraph = predicting(side_by_side([block(), pooled(), *collected]))
    target = available_board("qemu_cortex_m4")
    plan = lay_out_as_given(qgraph, target, optimize)
    random = np.random.default_rng(5)
    inputs = [random.integers(-128, 128, (2, qgraph.tensors[port.tensor].bytes)).astype(np.int8) for port in qgraph.inputs]
    expected = np.concatenate(reference.outputs(qgraph, inputs), axis=1)
    firmware = build(emit(plan), target, tmp_path, optimize=optimize)
    raw = np.concatenate(inputs, axis=1).view(np.uint8)
    got = execute(firmware, target, raw, expected.shape[1], len(plan.steps), timeout_s=60, profiled_samples=0).outputs.view(np.int8)
    np.testing.assert_array_equal(got, expected)
    assert any(step.kernel.isa == "arm_dsp" and step.kernel.name in KERNELS for step in plan.steps)
    assert any(isinstance(step.op, Conv2DAddSpatial) and step.overwrites for step in plan.steps)


def test_a_joined_pool_gives_the_same(measured: Callable[..., list[Measured]]) -> None:
    op = conv(10, 12, 16, 16)
    inputs = random_inputs([op], 1, 3)[0]
    spatial = rule(op, inputs, 0.6)
    pool = maximum(10, 12, 16, (2, 2), 2)
    joined = Conv2DMaxPoolSpatial.of(Conv2DMaxPool.joined(op, pool), spatial)
    with_sum = Conv2DAddSpatial.of(Conv2DAdd.joined(op, add((1920,), (1920,)), conv_is_first=True), spatial)
    np.testing.assert_array_equal(joined.evaluate(inputs[0]), pool.evaluate(Conv2DSpatial.of(op, spatial).evaluate(inputs[0])))
    residual = random_inputs([with_sum], 1, 4)[0][1]
    cases = [Case(joined, (inputs[0][0],)), Case(with_sum, (inputs[0][0], residual[0]))]
    assert all(found.exact and found.isa == "arm_dsp" for found in measured("qemu_cortex_m4", cases))

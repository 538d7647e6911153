"""Kernels of Cortex-M cores without DSP instructions: the bits of the reference over drawn shapes and extreme sums, and no slow shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from benchmarks.measure import Measured, measure
from benchmarks.shapes import conv, dense, depthwise
from edgecomp.plan import kernels
from edgecomp.plan.instruction_sets import KERNELS, triples
from edgecomp.qgraph import QOp
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.depthwise_conv2d import DepthwiseConv2D
from edgecomp.qops.fully_connected import FullyConnected
from edgecomp.target import Target
from tests.runtime_c.drawn import CASES, Case

SETS = {"qemu_cortex_m0": "arm_v6m", "qemu_cortex_m3": "arm_v7m"}
DRAWN = ("conv2d_s8", "fully_connected_s8", "depthwise_conv2d_s8", "add_s8")
Measure = Callable[..., list[Measured]]


def drawn(kernel: str, count: int) -> list[Case]:
    """The same cases every time."""
    found: list[Case] = []

    @settings(max_examples=count, phases=[Phase.generate], derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(CASES[kernel])
    def collect(case: Case) -> None:
        found.append(case)

    collect()
    return found


@pytest.fixture
def measured(available_board: Callable[[str], Target], monkeypatch: pytest.MonkeyPatch) -> Measure:
    """Runs operators by the kernels under test, whatever the plan would prefer."""
    monkeypatch.setattr(kernels, "estimate_instructions", lambda op, core, isa: None)

    def run(board: str, ops: Sequence[QOp], inputs: Sequence[Sequence[np.ndarray]] | None = None) -> list[Measured]:
        return measure(ops, available_board(board), inputs=inputs)

    return run


def check(ops: Sequence[QOp], results: Sequence[Measured]) -> None:
    assert not [(op.describe, found) for op, found in zip(ops, results, strict=True) if not found.exact]


def run_cases(board: str, cases: Sequence[Case], measured: Measure) -> list[Measured]:
    ops = [case.op for case in cases]
    results = measured(board, ops, [[x[None] for x in case.inputs] for case in cases])
    check(ops, results)
    return results


@pytest.mark.parametrize("board", SETS)
@pytest.mark.parametrize("kernel", DRAWN)
def test_drawn_operators_give_the_bits_of_the_reference(board: str, kernel: str, measured: Measure) -> None:
    cases = drawn(kernel, 50)
    results = run_cases(board, cases, measured)
    for case, found in zip(cases, results, strict=True):
        assert found.isa == (SETS[board] if KERNELS[SETS[board]][case.op.kernel].supports(case.op) else "portable")
    assert sum(found.isa == "portable" for found in results) < len(results) / 10


@pytest.mark.slow
@pytest.mark.parametrize("board", SETS)
@pytest.mark.parametrize("kernel", DRAWN)
def test_many_drawn_operators_give_the_bits_of_the_reference(board: str, kernel: str, measured: Measure) -> None:
    cases = drawn(kernel, 600)
    for start in range(0, len(cases), 150):
        run_cases(board, cases[start : start + 150], measured)


def filled(op: Conv2D, weights: np.ndarray, bias: int) -> Conv2D:
    """The operator with a row of weights for each channel, repeated, and a multiplier that brings the largest sums into range."""
    elements = op.kernel_h * op.kernel_w * op.input_c // op.groups
    rows = np.resize(weights, (op.output_c, elements)).astype(np.int8)
    largest = 128 * int(np.abs(rows.astype(int)).sum(1).max()) + abs(bias)
    multiplier = np.full(op.output_c, min((1 << 38) // largest, (1 << 30) - 1), np.int32)
    return replace(op, weights=rows.reshape(-1), bias=np.full(op.output_c, bias, np.int32), multiplier=multiplier)


@pytest.mark.parametrize("board", SETS)
def test_the_largest_sums_are_exact(board: str, measured: Measure) -> None:
    """Sums that just need 21 bits of a convolution's accumulators, or more, and as many signs of three neighbours as there are."""
    ops: list[QOp] = []
    inputs: list[list[np.ndarray]] = []
    pixels = np.array([[-128, -128, -128], [127, 127, 127], [-128, 127, -128], [127, -128, 127], [-128, -128, 127], [127, 127, -128]])
    for channels, value, bias in [(64, -128, 0), (64, 127, 0), (65, -128, 5), (66, 127, -70000), (130, -128, 1 << 20), (1, 1, 1 << 24)]:
        for signs in ([value], [value, -value if value > -128 else 127]):
            op = filled(conv(2, 9, channels, 2, (1, 1)), np.array(signs), bias)
            for multiplier in (op.multiplier, np.minimum(np.asarray(op.multiplier, np.int64) * 64, (1 << 30) - 1).astype(np.int32)):
                ops.append(replace(op, multiplier=multiplier))
                inputs.append([np.repeat(pixels.reshape(-1), channels).astype(np.int8)[None]])
    check(ops, measured(board, ops, inputs))
    sizes = {triples.segment_elements(np.asarray(op.weights).reshape(2, -1), np.asarray(op.bias)) for op in ops if isinstance(op, Conv2D)}
    assert 0 in sizes
    assert len(sizes) > 2


@pytest.mark.parametrize("board", SETS)
def test_long_rows_of_a_matrix_are_exact(board: str, measured: Measure) -> None:
    """Sums of a fully connected layer that just need 24 bits, or more."""
    ops: list[QOp] = []
    inputs: list[list[np.ndarray]] = []
    for count in (511, 512, 513, 517, 1100):
        for value in (-128, 127):
            op = dense(count, 13)
            assert isinstance(op, FullyConnected)
            weights = np.full((13, count), value, np.int8)
            ops.append(replace(op, weights=weights, multiplier=np.full(13, 1 << 14, np.int32)))
            inputs.append([np.full((1, count), -128, np.int8)])
    check(ops, measured(board, ops, inputs))


SHAPES = {
    "convolution": (
        1.5,
        [
            conv(8, 8, 64, 64),
            conv(16, 16, 32, 32),
            conv(25, 5, 64, 64, (1, 1)),
            conv(13, 13, 24, 20, (5, 5)),
            conv(11, 7, 17, 13),
            conv(16, 16, 16, 16, dilation=2),
            conv(1, 100, 12, 24, (1, 9)),
            conv(14, 14, 40, 40, stride=2),
            conv(7, 7, 96, 32, (1, 1)),
        ],
    ),
    "depthwise 3x3": (
        1.5,
        [
            depthwise(48, 48, 16),
            depthwise(24, 24, 24),
            depthwise(12, 12, 48),
            depthwise(25, 5, 64),
            depthwise(9, 11, 13),
            depthwise(16, 16, 16, dilation=2),
            depthwise(12, 12, 12, channel_multiplier=2),
        ],
    ),
    "depthwise, larger": (1.5, [depthwise(14, 14, 24, (5, 5)), depthwise(14, 14, 24, (7, 7))]),
    "fully connected": (1.5, [dense(640, 128), dense(128, 640), dense(256, 32), dense(75, 33), dense(200, 24, 3)]),
}
"""Kinds of operators: how far above the best figure of the kind a shape may be, and shapes. Few outputs a load cost more by nature and
are left out: convolutions with few output channels or few products an output, depthwise with stride 2 or of a few pixels, and matrices
with few rows or short ones."""


@pytest.mark.parametrize("board", SETS)
def test_no_shape_is_far_from_the_best_of_its_kind(board: str, measured: Measure) -> None:
    for kind, (limit, ops) in SHAPES.items():
        results = measured(board, ops)
        check(ops, results)
        figures = {op.describe: found.instructions_per_mac or 0.0 for op, found in zip(ops, results, strict=True)}
        best = min(figures.values())
        assert not {shape: figure for shape, figure in figures.items() if figure > limit * best}, (kind, figures)


@pytest.mark.parametrize("board", SETS)
def test_a_depthwise_output_may_lie_anywhere_before_its_input(board: str, measured: Measure) -> None:
    """What `overlap_bytes` promises: the plan takes it, and the bits stay."""
    ops = [depthwise(7, 6, channels, stride=stride) for channels in (3, 16, 20) for stride in (1, 2)]
    allowed = [KERNELS[SETS[board]][op.kernel].overlap_bytes(op) for op in ops]
    assert all(distance is not None for distance in allowed)
    check(ops, measured(board, ops))
    assert all(isinstance(op, DepthwiseConv2D) for op in ops)

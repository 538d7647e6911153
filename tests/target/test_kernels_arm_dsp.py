"""Dense kernels with DSP instructions: the bits of the reference over drawn shapes on every core that has them, and no slow shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from benchmarks.measure import Measured, measure, random_inputs
from benchmarks.shapes import conv, dense
from edgecomp.plan import kernels
from edgecomp.plan.instruction_sets import arm_dsp_dense
from edgecomp.qgraph import QOp
from edgecomp.qops.conv2d import Conv2D
from edgecomp.target import Target
from tests.runtime_c.drawn import CASES, Case

BOARDS = ("qemu_cortex_m4", "qemu_cortex_m7", "qemu_cortex_m33", "qemu_cortex_m55")


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
def measured(available_board: Callable[[str], Target], monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Measured]]:
    """Runs operators by the kernels under test, whatever the plan would prefer."""
    monkeypatch.setattr(kernels, "estimate_instructions", lambda op, core, isa: None)

    def run(board: str, cases: Sequence[Case]) -> list[Measured]:
        target = replace(available_board(board), isa=(arm_dsp_dense.ISA, "portable"))
        return measure([case.op for case in cases], target, inputs=[[values[None] for values in case.inputs] for case in cases])

    return run


def check(cases: Sequence[Case], results: Sequence[Measured]) -> None:
    assert {found.isa for found in results} == {arm_dsp_dense.ISA}
    assert not [(case.op.describe, found) for case, found in zip(cases, results, strict=True) if not found.exact]


def pointwise(inputs: int, weights: np.ndarray) -> Conv2D:
    """1x1 over five pixels."""
    channels = len(weights)
    return Conv2D(
        **dict.fromkeys(("kernel_h", "kernel_w", "stride_h", "stride_w", "dilation_h", "dilation_w", "groups"), 1),
        **dict.fromkeys(("pad_top", "pad_left"), 0),
        input_h=1, input_w=5, input_c=inputs, output_h=1, output_w=5, output_c=channels,
        input_zero_point=-128, output_zero_point=3, clamp_min=-128, clamp_max=127,
        weights=weights.astype(np.int8), bias=np.full(channels, -(1 << 23), np.int32),
        multiplier=np.full(channels, 1 << 14, np.int32), shift=0,
    )  # fmt: skip


def largest_sums() -> list[Case]:
    """Pairs of channels where the second's sum just needs 24 bits, or more, and weights whose pair fits no halfword."""
    return [
        Case(pointwise(count, np.array([[first] * count, [second] * count, [second] * count])), (np.full(5 * count, value, np.int8),))
        for count in (516, 517)
        for first, second in ((127, 127), (-127, 127), (-1, -128), (-128, -128))
        for value in (-128, 127)
    ]


@pytest.mark.parametrize("board", BOARDS)
def test_operators_give_the_bits_of_the_reference(board: str, measured: Callable[..., list[Measured]]) -> None:
    cases = drawn("conv2d_s8", 40) + drawn("fully_connected_s8", 15) + largest_sums()
    check(cases, measured(board, cases))


FEW_OUTPUTS = "few output channels share the work of widening their inputs"
FEW_INPUTS = "few products stand against the work of rescaling an output"
ONE_PIXEL = "a single pixel leaves three of four lanes empty"
SMALL = "what a call does once weighs on a small layer"

SHAPES: dict[str, dict[str, QOp]] = {
    "wide": {
        "3x3 16->16": conv(32, 32, 16, 16),
        "3x3 64->64": conv(8, 8, 64, 64),
        "3x3 s2 16->32": conv(32, 32, 16, 32, stride=2),
        "3x3 17->13": conv(11, 7, 17, 13),
        "3x3 20->20": conv(9, 9, 20, 20),
        "3x3 64->64 @3x3": conv(3, 3, 64, 64),
        "3x3 s2 33->18": conv(7, 7, 33, 18, stride=2),
        "3x3 48->7": conv(6, 6, 48, 7),
        "3x3 d2 16->16": conv(16, 16, 16, 16, dilation=2),
        "3x3 d2 17->16": conv(16, 16, 17, 16, dilation=2),
        "3x3 g2 32->32": conv(12, 12, 32, 32, groups=2),
        "5x5 24->20": conv(15, 13, 24, 20, (5, 5)),
        "5x5 5->12": conv(9, 9, 5, 12, (5, 5)),
        "7x7 s2 10->10": conv(16, 16, 10, 10, (7, 7), 2),
        "1x9 12->24": conv(1, 100, 12, 24, (1, 9)),
        "5x1 16->16": conv(20, 20, 16, 16, (5, 1)),
        "1x3 d4 32->32": conv(1, 64, 32, 32, (1, 3), dilation=4),
        "3x3 8->8": conv(10, 10, 8, 8),
        "3x3 16->3": conv(12, 12, 16, 3),
        "3x3 16->1": conv(12, 12, 16, 1),
        "3x3 g4 32->32": conv(12, 12, 32, 32, groups=4),
    },
    "pointwise": {
        "1x1 64->64": conv(25, 5, 64, 64, (1, 1)),
        "1x1 130->126": conv(7, 7, 130, 126, (1, 1)),
        "1x1 30->60": conv(12, 12, 30, 60, (1, 1)),
        "1x1 64->64 @3x3": conv(3, 3, 64, 64, (1, 1)),
        "1x1 96->24": conv(5, 5, 96, 24, (1, 1)),
        "1x1 24->96": conv(14, 14, 24, 96, (1, 1)),
        "1x1 64->10": conv(7, 7, 64, 10, (1, 1)),
        "1x1 256->64 @1x2": conv(1, 2, 256, 64, (1, 1)),
        "1x1 256->64 @1x3": conv(1, 3, 256, 64, (1, 1)),
        "1x1 256->64 @1x1": conv(1, 1, 256, 64, (1, 1)),
        "1x1 s2 16->32": conv(32, 32, 16, 32, (1, 1), 2),
        "1x1 16->8": conv(16, 16, 16, 8, (1, 1)),
        "1x1 8->16": conv(16, 16, 8, 16, (1, 1)),
        "1x1 64->1": conv(7, 7, 64, 1, (1, 1)),
    },
    "first": {
        "3x3 3->16": conv(32, 32, 3, 16),
        "3x3 s2 3->16": conv(48, 48, 3, 16, stride=2),
        "10x4 s2 1->64": conv(49, 10, 1, 64, (10, 4), 2, pad=(4, 1)),
        "7x7 s2 3->10": conv(31, 29, 3, 10, (7, 7), 2),
        "5x5 1->16": conv(28, 28, 1, 16, (5, 5), pad=(0, 0)),
        "1x5 6->32": conv(1, 100, 6, 32, (1, 5)),
        "3x3 4->16": conv(30, 30, 4, 16),
        "5x5 1->8": conv(28, 28, 1, 8, (5, 5)),
        "3x3 1->32": conv(28, 28, 1, 32),
        "1x9 s2 1->16": conv(1, 200, 1, 16, (1, 9), 2, pad=(0, 4)),
    },
    "dense": {
        "640->128": dense(640, 128),
        "128->8": dense(128, 8),
        "1024->10": dense(1024, 10),
        "75->33": dense(75, 33),
        "64->64 x16": dense(64, 64, 16),
        "64->10": dense(64, 10),
        "256->2": dense(256, 2),
        "256->1": dense(256, 1),
        "8->128": dense(8, 128),
        "24->24 x20": dense(24, 24, 20),
    },
}
SLOW = {
    "3x3 16->3": FEW_OUTPUTS,
    "3x3 16->1": FEW_OUTPUTS,
    "3x3 8->8": FEW_OUTPUTS,
    "3x3 g4 32->32": FEW_OUTPUTS,
    "1x1 16->8": FEW_OUTPUTS,
    "1x1 64->1": FEW_OUTPUTS,
    "1x1 8->16": FEW_INPUTS,
    "1x1 256->64 @1x1": ONE_PIXEL,
    "5x5 1->8": FEW_OUTPUTS,
    "3x3 1->32": FEW_INPUTS,
    "1x9 s2 1->16": FEW_INPUTS,
    "8->128": FEW_INPUTS,
    "64->10": SMALL,
    "256->2": SMALL,
    "256->1": SMALL,
}
"""Why a shape takes more than MOST times the instructions a MAC of the best of its kind."""
MOST = 1.5


def test_no_shape_is_far_from_the_best_of_its_kind(measured: Callable[..., list[Measured]]) -> None:
    ops = {name: op for shapes in SHAPES.values() for name, op in shapes.items()}
    inputs = random_inputs(list(ops.values()), samples=1, seed=0)
    cases = {name: Case(op, tuple(sample for (sample,) in values)) for (name, op), values in zip(ops.items(), inputs, strict=True)}
    results = measured("qemu_cortex_m4", list(cases.values()))
    check(list(cases.values()), results)
    figures = {name: found.instructions_per_mac or 0.0 for name, found in zip(cases, results, strict=True)}
    slow: dict[str, str] = {}
    for kind, shapes in SHAPES.items():
        best = min(figures[name] for name in shapes)
        slow |= {name: f"{figures[name] / best:.2f} of {kind}" for name in shapes if figures[name] > MOST * best}
    assert slow.keys() == SLOW.keys(), slow


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["conv2d_s8", "fully_connected_s8"])
def test_many_drawn_operators_give_the_bits_of_the_reference(kernel: str, measured: Callable[..., list[Measured]]) -> None:
    cases = drawn(kernel, 600)
    for start in range(0, len(cases), 150):
        some = cases[start : start + 150]
        check(some, measured("qemu_cortex_m4", some))

"""Dense kernels with DSP instructions: the bits of the reference over drawn shapes on every core that has them, and no slow shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from benchmarks.measure import Measured, measure
from edgecomp.plan import kernels
from edgecomp.plan.instruction_sets import arm_dsp_dense
from edgecomp.qgraph import QOp
from edgecomp.qops.conv2d import Conv2D
from edgecomp.target import Target
from tests.runtime_c.drawn import CASES, Case

BOARDS = ("qemu_cortex_m4", "qemu_cortex_m7", "qemu_cortex_m33", "qemu_cortex_m55")
DENSE = ("conv2d_s8", "fully_connected_s8")


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

    def run(board: str, ops: Sequence[QOp], inputs: Sequence[Sequence[np.ndarray]] | None = None) -> list[Measured]:
        target = replace(available_board(board), isa=(arm_dsp_dense.ISA, "portable"))
        return measure(ops, target, inputs=inputs)

    return run


def check(ops: Sequence[QOp], results: Sequence[Measured]) -> None:
    assert {found.isa for found in results} == {arm_dsp_dense.ISA}
    assert not [(op.describe, found) for op, found in zip(ops, results, strict=True) if not found.exact]


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("kernel", DENSE)
def test_drawn_operators_give_the_bits_of_the_reference(board: str, kernel: str, measured: Callable[..., list[Measured]]) -> None:
    cases = drawn(kernel, 60)
    check([case.op for case in cases], measured(board, [case.op for case in cases], [[x[None] for x in case.inputs] for case in cases]))


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


@pytest.mark.parametrize("board", BOARDS)
def test_the_largest_sums_are_exact(board: str, measured: Callable[..., list[Measured]]) -> None:
    """Pairs of channels where the second's sum just needs 24 bits, or more, and weights whose pair fits no halfword."""
    ops, inputs = [], []
    for count in (516, 517, 520):
        for first, second in ((127, 127), (-127, -127), (-127, 127), (-1, -128), (-128, -128), (127, -128)):
            weights = np.array([[first] * count, [second] * count, [second] * count])
            for value in (-128, 127):
                ops.append(pointwise(count, weights))
                inputs.append([np.full((1, 5 * count), value, np.int8)])
    check(ops, measured(board, ops, inputs))


@pytest.mark.slow
@pytest.mark.parametrize("kernel", DENSE)
def test_many_drawn_operators_give_the_bits_of_the_reference(kernel: str, measured: Callable[..., list[Measured]]) -> None:
    cases = drawn(kernel, 600)
    for start in range(0, len(cases), 150):
        some = cases[start : start + 150]
        ops = [case.op for case in some]
        check(ops, measured("qemu_cortex_m4", ops, [[x[None] for x in case.inputs] for case in some]))

"""Convolutions with DSP instructions that leave out zero inputs: the bits of the reference over drawn and extreme shapes, and fewer
instructions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.measure import Measured, measure
from benchmarks.shapes import conv
from edgecomp.plan import kernels
from edgecomp.plan.instruction_sets import arm_dsp_zero_input
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv2d_zero_input import Conv2DZeroInput
from edgecomp.target import Target
from tests.runtime_c.drawn import CASES, Case
from tests.target.test_kernels_riscv import check, drawn
from tests.target.test_kernels_riscv_zero_input import square, with_zeros

BOARDS = ("qemu_cortex_m4", "qemu_cortex_m7", "qemu_cortex_m33", "qemu_cortex_m55")
ISA = "arm_dsp"
LARGE_INPUT, LARGE_OUTPUT = conv(4, 4, 128, 3), conv(5, 6, 9, 70)


@pytest.fixture
def measured(available_board: Callable[[str], Target], monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Measured]]:
    """Runs operators by the kernel under test, whatever the plan would prefer."""
    monkeypatch.setattr(kernels, "estimate_instructions", lambda op, core, isa: None)

    def run(board: str, cases: Sequence[Case], optimize: str = "speed") -> list[Measured]:
        target = replace(available_board(board), isa=(ISA, "portable"))
        return measure([case.op for case in cases], target, inputs=[[x[None] for x in case.inputs] for case in cases], optimize=optimize)

    return run


def supported(cases: Sequence[Case]) -> list[Case]:
    return [case for case in cases if arm_dsp_zero_input.supports(case.op)]


@pytest.mark.parametrize("board", BOARDS)
def test_drawn_operators_give_the_bits_of_the_reference(board: str, measured: Callable[..., list[Measured]]) -> None:
    cases = supported(drawn(square(), 20) + drawn(CASES[Conv2DZeroInput.kernel], 40))
    assert len(cases) >= 25
    results = measured(board, cases, "size" if board == "qemu_cortex_m7" else "speed")
    check(cases, results)
    assert {found.isa for found in results} == {ISA}


SHAPES = [conv(7, 9, channels, outputs) for channels, outputs in ((3, 16), (16, 24), (13, 33), (32, 20), (5, 1), (8, 70), (4, 160))]
OTHERS = [
    conv(7, 9, 24, 20, (1, 1)), conv(9, 9, 16, 27, stride=2), conv(8, 8, 12, 12, groups=3), conv(9, 8, 8, 9, dilation=2),
    conv(1, 40, 12, 24, (1, 9)), conv(10, 6, 7, 5, (5, 4)),
]  # fmt: skip


def test_shapes_of_networks(measured: Callable[..., list[Measured]]) -> None:
    cases = [with_zeros(op, density) for op in SHAPES + OTHERS for density in (0.0, 0.4, 1.0)]
    assert supported(cases) == cases
    results = measured("qemu_cortex_m4", cases)
    check(cases, results)
    assert {found.isa for found in results} == {ISA}


def at_the_limit(plain: Conv2D, sign: int, zero_point: int) -> Case:
    """Weights of one sign, as large as the kernel bears, and inputs that make the largest sums of them."""
    for weight in range(127, 0, -1):
        weights = np.full_like(np.asarray(plain.weights), sign * weight)
        op = Conv2DZeroInput(**plain.convolution_members | {"weights": weights, "input_zero_point": zero_point})
        if arm_dsp_zero_input.supports(op):
            value = 127 if zero_point < 0 else -128
            return Case(op, (np.full(plain.input_h * plain.input_w * plain.input_c, value, np.int8),))
    raise AssertionError(f"{plain.describe} has no weights that fit")


def test_the_largest_sums_are_exact(measured: Callable[..., list[Measured]]) -> None:
    """Accumulators that are full to the last bit, either way."""
    cases = [at_the_limit(op, sign, zero) for op in (LARGE_INPUT, LARGE_OUTPUT) for sign in (1, -1) for zero in (-128, 127, 3)]
    results = measured("qemu_cortex_m4", cases)
    check(cases, results)
    assert {found.isa for found in results} == {ISA}


def test_what_the_kernel_cannot_compute_is_refused() -> None:
    """Sums out of range, pairs that fit no halfword, scratch that is too large."""

    def op(plain: Conv2D, weight: int) -> Conv2DZeroInput:
        weights = np.full(np.size(plain.weights), weight, np.int8)
        return Conv2DZeroInput(**plain.convolution_members | {"weights": weights, "input_zero_point": -128})

    assert arm_dsp_zero_input.supports(op(conv(8, 8, 64, 4), 1))
    refused = (op(conv(8, 8, 128, 4), 127), op(conv(4, 4, 3, 4), -128), op(conv(3, 200, 64, 4), 1))
    assert not any(arm_dsp_zero_input.supports(each) for each in refused)


@pytest.mark.parametrize(("plain", "density", "saved"), [(conv(8, 8, 64, 64), 0.2, 0.5), (conv(16, 16, 32, 32), 0.5, 0.05)])
def test_zeros_save_instructions(plain: Conv2D, density: float, saved: float, available_board: Callable[[str], Target]) -> None:
    """Against the fastest convolution."""
    case = with_zeros(plain, density)
    assert isinstance(case.op, Conv2D)
    pair = [Case(case.op.convolution, case.inputs), case]
    board = available_board("qemu_cortex_m4")
    dense, sparse = measure([each.op for each in pair], board, inputs=[[x[None] for x in each.inputs] for each in pair])
    assert dense.instructions is not None and sparse.instructions is not None
    assert (sparse.exact, sparse.isa) == (True, ISA)
    assert sparse.instructions <= (1 - saved) * dense.instructions


@pytest.mark.slow
@pytest.mark.parametrize("optimize", ["speed", "size"])
def test_many_drawn_operators_give_the_bits_of_the_reference(optimize: str, measured: Callable[..., list[Measured]]) -> None:
    cases = supported(drawn(square(), 300) + drawn(CASES[Conv2DZeroInput.kernel], 400))
    for start in range(0, len(cases), 50):
        some = cases[start : start + 50]
        check(some, measured("qemu_cortex_m4", some, optimize))

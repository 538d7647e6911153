"""Convolutions on Cortex-M0+ and M3 that leave out zero inputs: the bits of the reference over drawn and extreme shapes, and a gain."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from benchmarks.measure import Measured, measure
from benchmarks.shapes import conv
from edgecomp.plan.instruction_sets import KERNELS
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv2d_zero_input import Conv2DZeroInput
from edgecomp.target import Target
from tests.runtime_c.drawn import Case
from tests.target.test_kernels_arm_scalar import SETS, drawn
from tests.target.test_kernels_riscv_zero_input import OTHERS, SHAPES, at_the_limit, with_zeros

KERNEL = Conv2DZeroInput.kernel
Check = Callable[[str, Sequence[Case]], None]


def supported(board: str, cases: Sequence[Case]) -> list[Case]:
    return [case for case in cases if KERNELS[SETS[board]][KERNEL].supports(case.op)]


@pytest.fixture
def check(available_board: Callable[[str], Target]) -> Check:
    """Runs operators, all of them by the kernel under test, and compares every bit."""

    def run(board: str, cases: Sequence[Case], optimize: str = "speed") -> None:
        inputs = [[x[None] for x in case.inputs] for case in cases]
        results = measure([case.op for case in cases], available_board(board), inputs=inputs, optimize=optimize)
        assert not [(case.op.describe, found) for case, found in zip(cases, results, strict=True) if not found.exact]
        assert {found.isa for found in results} == {SETS[board]}

    return run


@pytest.mark.parametrize("optimize", ["speed", "size"])
@pytest.mark.parametrize("board", SETS)
def test_drawn_operators_give_the_bits_of_the_reference(board: str, optimize: str, check: Check) -> None:
    cases = supported(board, drawn(KERNEL, 60))
    assert len(cases) >= 50
    check(board, cases, optimize)


@pytest.mark.parametrize("board", SETS)
def test_shapes_of_networks(board: str, check: Check) -> None:
    cases = [with_zeros(op, density) for op in SHAPES + OTHERS for density in (0.0, 0.4, 1.0)]
    assert supported(board, cases) == cases
    check(board, cases)


@pytest.mark.parametrize("board", SETS)
def test_the_largest_sums_are_exact(board: str, check: Check) -> None:
    """Words of accumulators that are full to the last bit, either way."""
    shapes = [conv(5, 6, 60, 8), conv(4, 5, 40, 7)]
    check(board, [at_the_limit(SETS[board], op, sign, zero) for op in shapes for sign in (1, -1) for zero in (-128, 127, 3)])


@pytest.mark.parametrize("board", SETS)
def test_neighbouring_sums_are_told_apart(board: str, check: Check) -> None:
    """Channels at either end of the range in every order: a carry from one into the next would show."""
    plain, cases = conv(3, 3, 50, 16, (1, 1)), []
    for quads in np.array([[pattern >> lane & 1 for lane in range(4)] for pattern in range(16)]).reshape(4, 16):
        for weight in (127, -128):
            weights = np.repeat(np.where(quads, weight, -1 - weight), 50).astype(np.int8)
            op = Conv2DZeroInput(**plain.convolution_members | {"weights": weights, "input_zero_point": -128})
            cases += [Case(op, (np.full(450, value, np.int8),)) for value in (127, -127, -128)]
    check(board, cases)


@pytest.mark.parametrize("board", SETS)
def test_sums_out_of_range_and_large_rings_are_refused(board: str) -> None:
    wide = conv(4, 4, 128, 4)
    members = wide.convolution_members | {"weights": np.full(np.size(wide.weights), 127, np.int8), "input_zero_point": -128}
    tall = conv(64, 64, 64, 4)
    for op in (Conv2DZeroInput(**members), Conv2DZeroInput(**tall.convolution_members)):
        assert not KERNELS[SETS[board]][KERNEL].supports(op)


@pytest.mark.parametrize("board", SETS)
@pytest.mark.parametrize(
    ("plain", "density", "saved"),
    [(conv(8, 8, 64, 64), 0.2, 0.6), (conv(16, 16, 32, 32), 0.3, 0.4), (conv(16, 16, 16, 16), 0.2, 0.4), (conv(9, 8, 24, 64), 0.5, 0.15)],
)
def test_zeros_save_instructions(board: str, plain: Conv2D, density: float, saved: float, available_board: Callable[[str], Target]) -> None:
    """Against the fastest convolution."""
    case = with_zeros(plain, density)
    assert isinstance(case.op, Conv2D)
    pair: list[Measured] = measure([case.op.convolution, case.op], available_board(board), inputs=[[case.inputs[0][None]]] * 2)
    dense, sparse = pair
    assert dense.instructions is not None
    assert sparse.instructions is not None
    assert sparse.exact
    assert sparse.instructions <= (1 - saved) * dense.instructions


@pytest.mark.slow
@pytest.mark.parametrize("board", SETS)
def test_many_drawn_operators_give_the_bits_of_the_reference(board: str, check: Check) -> None:
    cases = supported(board, drawn(KERNEL, 600))
    for start in range(0, len(cases), 150):
        check(board, cases[start : start + 150])

"""Convolutions on RV32IM that leave out zero inputs: the bits of the reference over drawn and extreme shapes, and fewer instructions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import strategies as st

from benchmarks.measure import Measured, measure
from benchmarks.shapes import conv
from edgecomp.plan import kernels
from edgecomp.plan.instruction_sets import KERNELS, riscv_winograd_zero_input
from edgecomp.plan.instruction_sets import riscv_zero_input as lists
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv2d_zero_input import Conv2DZeroInput
from edgecomp.target import Target
from tests.runtime_c.drawn import CASES, Case, Draw
from tests.target.test_kernels_riscv import BOARD, check, drawn, winograd

SETS = ("riscv", "riscv_winograd")
KERNEL = Conv2DZeroInput.kernel


@st.composite
def square(draw: Draw) -> Case:
    """3x3 with stride 1, some inputs zero."""
    case = draw(winograd())
    assert isinstance(case.op, Conv2D)
    generator, zeros = np.random.default_rng(draw(st.integers(0, 2**32 - 1))), draw(st.sampled_from([0.0, 0.5, 0.9, 1.0]))
    (x,) = case.inputs
    x = np.where(generator.random(x.size) < zeros, case.op.input_zero_point, x).astype(np.int8)
    op = Conv2DZeroInput(**case.op.convolution_members, zero_span=draw(st.sampled_from([0, 0, 1, 50, 127, 128, 200, 255])))
    return Case(replace(op, input_zero_point=draw(st.sampled_from([-128, op.input_zero_point]))), (x,))


def with_zeros(plain: Conv2D, density: float, seed: int = 0) -> Case:
    """The convolution behind a ReLU: a share of its inputs is zero, the others lie above, and sums fit the kernels."""
    generator = np.random.default_rng(seed)
    size = plain.input_h * plain.input_w * plain.input_c
    x = np.where(generator.random(size) < density, generator.integers(-127, 128, size), -128).astype(np.int8)
    weights = np.clip(generator.normal(0, 25, np.size(plain.weights)).round(), -127, 127).astype(np.int8)
    return Case(Conv2DZeroInput(**plain.convolution_members | {"input_zero_point": -128, "weights": weights}), (x,))


@pytest.fixture
def measured(available_board: Callable[[str], Target], monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Measured]]:
    """Runs operators by the kernels of one set, whatever the plan would prefer."""
    monkeypatch.setattr(kernels, "estimate_instructions", lambda op, core, isa: None)
    monkeypatch.setattr(riscv_winograd_zero_input, "instructions", lambda op, density: 0.0)

    def run(isa: str, cases: Sequence[Case], optimize: str = "speed") -> list[Measured]:
        target = replace(available_board(BOARD), isa=(isa, "portable"))
        return measure([case.op for case in cases], target, inputs=[[x[None] for x in case.inputs] for case in cases], optimize=optimize)

    return run


def supported(isa: str, cases: Sequence[Case]) -> list[Case]:
    return [case for case in cases if KERNELS[isa][KERNEL].supports(case.op)]


@pytest.mark.parametrize("optimize", ["speed", "size"])
@pytest.mark.parametrize("isa", SETS)
def test_drawn_operators_give_the_bits_of_the_reference(isa: str, optimize: str, measured: Callable[..., list[Measured]]) -> None:
    cases = supported(isa, drawn(square(), 30) + (drawn(CASES[KERNEL], 40) if isa == "riscv" else []))
    assert len(cases) >= 25
    results = measured(isa, cases, optimize)
    check(cases, results)
    assert {found.isa for found in results} == {isa}


SHAPES = [conv(7, 9, channels, outputs) for channels, outputs in ((3, 16), (16, 24), (13, 33), (32, 20), (5, 1), (8, 70))]
OTHERS = [
    conv(7, 9, 24, 20, (1, 1)), conv(9, 9, 16, 27, stride=2), conv(8, 8, 12, 12, groups=3), conv(9, 8, 8, 9, dilation=2),
    conv(1, 40, 12, 24, (1, 9)), conv(10, 6, 7, 5, (5, 4)),
]  # fmt: skip


@pytest.mark.parametrize("isa", SETS)
def test_shapes_of_networks(isa: str, measured: Callable[..., list[Measured]]) -> None:
    cases = [with_zeros(op, density) for op in SHAPES + (OTHERS if isa == "riscv" else []) for density in (0.0, 0.4, 1.0)]
    assert supported(isa, cases) == cases
    results = measured(isa, cases)
    check(cases, results)
    assert {found.isa for found in results} == {isa}


def at_the_limit(isa: str, plain: Conv2D, sign: int, zero_point: int) -> Case:
    """Weights of one sign, as large as the kernel bears, and inputs that make the largest sums of them."""
    supports = KERNELS[isa][KERNEL].supports
    for weight in range(127, 0, -1):
        weights = np.full_like(np.asarray(plain.weights), sign * weight)
        members = plain.convolution_members | {"weights": weights, "input_zero_point": zero_point}
        op = Conv2DZeroInput(**members)
        if supports(op):
            value = 127 if zero_point < 0 else -128
            return Case(op, (np.full(plain.input_h * plain.input_w * plain.input_c, value, np.int8),))
    raise AssertionError(f"{isa}: {plain.describe} has no weights that fit")


@pytest.mark.parametrize("isa", SETS)
def test_the_largest_sums_are_exact(isa: str, measured: Callable[..., list[Measured]]) -> None:
    """Words of accumulators that are full to the last bit, either way."""
    shapes = [conv(5, 6, 60, 8), conv(4, 5, 40, 7)]
    cases = [at_the_limit(isa, op, sign, zero) for op in shapes for sign in (1, -1) for zero in (-128, 127, 3)]
    results = measured(isa, cases)
    check(cases, results)
    assert {found.isa for found in results} == {isa}


def test_sums_out_of_range_are_refused() -> None:
    wide = conv(4, 4, 128, 4)
    op = Conv2DZeroInput(**wide.convolution_members | {"weights": np.full(np.size(wide.weights), 127, np.int8), "input_zero_point": -128})
    assert not any(KERNELS[isa][KERNEL].supports(op) for isa in SETS)


@pytest.mark.parametrize(("plain", "density", "saved"), [(conv(8, 8, 64, 64), 0.2, 0.5), (conv(16, 16, 32, 32), 0.5, 0.1)])
def test_zeros_save_instructions(plain: Conv2D, density: float, saved: float, available_board: Callable[[str], Target]) -> None:
    """Against the fastest convolution."""
    case = with_zeros(plain, density)
    assert isinstance(case.op, Conv2D)
    pair = [Case(case.op.convolution, case.inputs), case]
    dense, sparse = measure([each.op for each in pair], available_board(BOARD), inputs=[[x[None] for x in each.inputs] for each in pair])
    assert dense.instructions is not None and sparse.instructions is not None
    assert sparse.exact
    assert sparse.instructions <= (1 - saved) * dense.instructions


@pytest.mark.parametrize(("plain", "isa", "density"), [
    (conv(8, 8, 32, 32), "riscv", 0.2), (conv(8, 8, 32, 32), "riscv_winograd", 0.6), (conv(8, 8, 64, 64, (1, 1)), "riscv", 0.6),
])  # fmt: skip
def test_the_kernel_is_chosen_by_density_and_its_instructions_are_foretold(
    plain: Conv2D, isa: str, density: float, available_board: Callable[[str], Target]
) -> None:
    (x,) = with_zeros(plain, density).inputs
    op = replace(with_zeros(plain, density).op, density_percent=round(100 * density))
    assert isinstance(op, Conv2DZeroInput)
    (found,) = measure([op], available_board(BOARD), inputs=[[x[None]]])
    assert (found.exact, found.isa) == (True, isa)
    foretold = (lists if isa == "riscv" else riscv_winograd_zero_input).instructions(op, density)
    assert foretold == pytest.approx(found.instructions, rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("isa", SETS)
def test_many_drawn_operators_give_the_bits_of_the_reference(isa: str, measured: Callable[..., list[Measured]]) -> None:
    cases = supported(isa, drawn(square(), 400) + (drawn(CASES[KERNEL], 400) if isa == "riscv" else []))
    for start in range(0, len(cases), 50):
        some = cases[start : start + 50]
        check(some, measured(isa, some))

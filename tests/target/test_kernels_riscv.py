"""Kernels for RV32IM: the bits of the reference over drawn and extreme shapes, and no shape far slower than the best of its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmarks.measure import Measured, measure
from benchmarks.shapes import conv, dense, depthwise
from edgecomp.plan import kernels
from edgecomp.plan.instruction_sets import riscv, riscv_winograd
from edgecomp.qgraph import QOp
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.fully_connected import FullyConnected
from edgecomp.target import Target
from tests.runtime_c.drawn import CASES, Case, Draw, biases, clamps, int8_values, multipliers, zero_points

BOARD = "qemu_rv32imc"
PRODUCTS = ("conv2d_s8", "depthwise_conv2d_s8", "fully_connected_s8")
OTHERS = tuple(sorted(riscv.KERNELS.keys() - set(PRODUCTS)))


@st.composite
def winograd(draw: Draw) -> Case:
    """3x3 with stride 1, channels and sizes that leave blocks and tiles half full."""
    h, w = draw(st.integers(1, 13)), draw(st.integers(1, 13))
    input_c, output_c = draw(st.sampled_from([1, 2, 3, 4, 5, 8, 13, 16])), draw(st.integers(1, 18))
    top, left, bottom, right = (draw(st.integers(0, 2)) for _ in range(4))
    weights = int8_values(draw, output_c * 9 * input_c)
    bias = biases(draw, output_c)
    bound = int(np.abs(bias.astype(np.int64)).max()) + 128 * 128 * 9 * input_c
    op = Conv2D(
        input_h=h, input_w=w, input_c=input_c, output_h=max(h + top + bottom - 2, 1), output_w=max(w + left + right - 2, 1),
        output_c=output_c, kernel_h=3, kernel_w=3, stride_h=1, stride_w=1, dilation_h=1, dilation_w=1, pad_top=top, pad_left=left,
        groups=1, **zero_points(draw), **clamps(draw), weights=weights, bias=bias, **multipliers(draw, output_c, bound),
    )  # fmt: skip
    return Case(op, (int8_values(draw, h * w * input_c),))


def drawn(strategy: st.SearchStrategy[Case], count: int) -> list[Case]:
    """The same cases every time."""
    found: list[Case] = []

    @settings(max_examples=count, phases=[Phase.generate], derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(case: Case) -> None:
        found.append(case)

    collect()
    return found


@pytest.fixture
def measured(available_board: Callable[[str], Target], monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Measured]]:
    """Runs operators by the kernels of one set, whatever the plan would prefer."""
    monkeypatch.setattr(kernels, "estimate_instructions", lambda op, core, isa: None)

    def run(isa: str, cases: Sequence[Case], optimize: str = "speed") -> list[Measured]:
        target = replace(available_board(BOARD), isa=(isa, "portable"))
        return measure([case.op for case in cases], target, inputs=[[x[None] for x in case.inputs] for case in cases], optimize=optimize)

    return run


def check(cases: Sequence[Case], results: Sequence[Measured]) -> None:
    assert not [(case.op.describe, found) for case, found in zip(cases, results, strict=True) if not found.exact]


@pytest.mark.parametrize("optimize", ["speed", "size"])
@pytest.mark.parametrize("names", [*([name] for name in PRODUCTS), OTHERS], ids=[*PRODUCTS, "others"])
def test_drawn_operators_give_the_bits_of_the_reference(
    names: Sequence[str], optimize: str, measured: Callable[..., list[Measured]]
) -> None:
    cases = [case for name in names for case in drawn(CASES[name], 36 // len(names))]
    results = measured("riscv", cases, optimize)
    check(cases, results)
    assert {found.isa for found in results} == {"riscv"}


@pytest.fixture
def without_thrift(monkeypatch: pytest.MonkeyPatch) -> None:
    """Winograd's form also where it does not pay."""
    monkeypatch.setattr(riscv_winograd, "_instructions", lambda op: 0.0)


@pytest.mark.usefixtures("without_thrift")
@pytest.mark.parametrize("optimize", ["speed", "size"])
def test_minimal_filtering_gives_the_bits_of_the_reference(optimize: str, measured: Callable[..., list[Measured]]) -> None:
    cases = drawn(winograd(), 36)
    results = measured("riscv_winograd", cases, optimize)
    check(cases, results)
    assert {found.isa for found in results} == {"riscv_winograd"}


def with_extremes(op: Conv2D | FullyConnected, weight: int, value: int, bias: int = 0) -> Case:
    """All weights and all inputs the same."""
    weights, biased = np.full_like(np.asarray(op.weights), weight), np.full_like(np.asarray(op.bias), bias)
    small = np.full_like(np.asarray(op.multiplier), 1 << 12)
    extreme = replace(op, weights=weights, bias=biased, multiplier=small)
    size = op.input_h * op.input_w * op.input_c if isinstance(op, Conv2D) else op.rows * op.input_n
    return Case(extreme, (np.full(size, value, np.int8),))


EXTREMES = [(weight, value, bias) for weight in (-128, 127) for value in (-128, 127) for bias in (0, 1 << 26, -(1 << 26))]


def test_the_largest_sums_are_exact(measured: Callable[..., list[Measured]]) -> None:
    """Sums that need several segments, and words of accumulators that are full to the last bit."""
    shapes = [conv(3, 5, 40, 9), conv(1, 7, 63, 5, (1, 1)), conv(1, 6, 64, 6, (1, 1)), dense(513, 29), dense(1100, 21)]
    cases = [with_extremes(op, *extreme) for op in shapes for extreme in EXTREMES]
    check(cases, measured("riscv", cases))


@pytest.mark.usefixtures("without_thrift")
def test_the_largest_sums_of_minimal_filtering_are_exact(measured: Callable[..., list[Measured]]) -> None:
    cases = [with_extremes(op, *extreme) for op in (conv(4, 4, 96, 5), conv(3, 9, 33, 4)) for extreme in EXTREMES]
    results = measured("riscv_winograd", cases)
    check(cases, results)
    assert {found.isa for found in results} == {"riscv_winograd"}


KINDS: Mapping[str, Mapping[str, QOp]] = {
    "convolution": {
        "5x5": conv(12, 12, 16, 16, (5, 5)),
        "1x1": conv(10, 10, 32, 32, (1, 1)),
        "1x1 wide": conv(5, 5, 96, 64, (1, 1)),
        "stride 2": conv(17, 17, 16, 24, stride=2),
        "odd": conv(11, 9, 15, 13, (3, 5), stride=2),
        "dilated": conv(14, 14, 16, 16, dilation=2),
        "row": conv(1, 60, 24, 24, (1, 5), stride=2),
        "3x3": conv(12, 12, 16, 16),
    },
    "depthwise": {
        "3x3": depthwise(24, 24, 16),
        "3x3 odd": depthwise(11, 13, 17),
        "3x3 stride 2": depthwise(24, 24, 16, stride=2),
        "3x3 dilated": depthwise(16, 16, 16, dilation=2),
        "5x5": depthwise(14, 14, 16, (5, 5)),
        "7x7": depthwise(14, 14, 16, (7, 7)),
    },
    "fully connected": {"deep": dense(640, 128), "wide": dense(128, 640), "rows": dense(64, 64, 20), "odd": dense(150, 50)},
}
SLOWER = 1.5


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_shape_takes_far_more_instructions_than_the_best_of_its_kind(kind: str, available_board: Callable[[str], Target]) -> None:
    """Where outputs are few, or channels, or kernels small, what each output takes beside its products prevails: not in this list."""
    results = measure(list(KINDS[kind].values()), available_board(BOARD))
    figures = {name: found.instructions_per_mac or 0.0 for name, found in zip(KINDS[kind], results, strict=True)}
    best = min(figures.values())
    assert all(found.isa != "portable" for found in results)
    assert all(figure <= SLOWER * best for figure in figures.values()), figures


@pytest.mark.slow
@pytest.mark.parametrize("kernel", [*PRODUCTS, *OTHERS])
def test_many_drawn_operators_give_the_bits_of_the_reference(kernel: str, measured: Callable[..., list[Measured]]) -> None:
    cases = drawn(CASES[kernel], 500)
    for start in range(0, len(cases), 50):
        some = cases[start : start + 50]
        check(some, measured("riscv", some))


@pytest.mark.slow
@pytest.mark.usefixtures("without_thrift")
def test_many_drawn_convolutions_by_minimal_filtering_are_exact(measured: Callable[..., list[Measured]]) -> None:
    cases = drawn(winograd(), 300)
    for start in range(0, len(cases), 50):
        some = cases[start : start + 50]
        check(some, measured("riscv_winograd", some))

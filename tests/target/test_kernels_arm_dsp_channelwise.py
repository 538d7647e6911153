"""Kernels with DSP instructions beside the dense ones: the bits of the reference over drawn shapes on every core that has them, and no
slow shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmarks.measure import Measured, measure, random_inputs
from benchmarks.shapes import add, average, depthwise, maximum, mul
from edgecomp.plan import kernels, order, placement
from edgecomp.qgraph import QOp
from edgecomp.qops.copy import Copy
from edgecomp.qops.depthwise_conv2d import DepthwiseConv2D
from edgecomp.qops.softmax import Softmax, exponential_table
from edgecomp.target import Target
from tests.runtime_c.drawn import CASES, Case, int8_values

ISA = "arm_dsp"
BOARDS = ("qemu_cortex_m4", "qemu_cortex_m7", "qemu_cortex_m33", "qemu_cortex_m55")
DRAWN = {
    "depthwise_conv2d_s8": 20,
    "conv_transpose2d_s8": 8,
    "matmul_s8": 8,
    "add_s8": 8,
    "mul_s8": 8,
    "max_pool2d_s8": 8,
    "avg_pool2d_s8": 8,
    "concat_s8": 10,
    "copy_s8": 8,
    "softmax_s8": 10,
    "lut_s8": 5,
}
Measure = Callable[..., list[Measured]]


def drawn(strategy: st.SearchStrategy[Case], count: int) -> list[Case]:
    """The same cases every time."""
    found: list[Case] = []

    @settings(max_examples=count, phases=[Phase.generate], derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(case: Case) -> None:
        found.append(case)

    collect()
    return found


@st.composite
def large_depthwise(draw: Any) -> Case:
    """Images of several tiles, windows of several segments, strides and dilations that differ between the axes."""
    sizes = st.sampled_from([1, 2, 5, 9, 17, 33, 70, 130])
    h = draw(sizes)
    w = draw(sizes if h < 33 else st.sampled_from([1, 3, 6, 11]))
    kernel = (draw(st.integers(1, 11)), draw(st.integers(1, 13)))
    op = depthwise(h, w, draw(st.sampled_from([1, 2, 3, 4, 5, 8, 11])), kernel, channel_multiplier=draw(st.sampled_from([1, 1, 2, 3])))
    strides, dilations = st.sampled_from([1, 1, 2, 3]), st.sampled_from([1, 1, 2, 3, 4])
    stride_h, stride_w = draw(strides), draw(strides)
    clamp_min, clamp_max = draw(st.sampled_from([(-128, 127), (-90, 80)]))
    op = replace(
        op, stride_h=stride_h, stride_w=stride_w, dilation_h=draw(dilations), dilation_w=draw(dilations),
        pad_top=draw(st.integers(0, 9)), pad_left=draw(st.integers(0, 9)), output_h=-(-h // stride_h), output_w=-(-w // stride_w),
        clamp_min=clamp_min, clamp_max=clamp_max, input_zero_point=draw(st.sampled_from([-128, 7])), shift=draw(st.sampled_from([0, 0, 3])),
        multiplier=op.multiplier // 8,
    )  # fmt: skip
    op.verify()
    return Case(op, (int8_values(draw, h * w * op.input_c),))


@pytest.fixture
def measured(available_board: Callable[[str], Target], monkeypatch: pytest.MonkeyPatch) -> Measure:
    """Runs operators by the kernels under test, whatever the plan would prefer, and without a search for the least RAM."""
    monkeypatch.setattr(placement, "SEARCH_LIMIT", 0)
    monkeypatch.setattr(order, "SEARCH_RUNS", 0)
    monkeypatch.setattr(kernels, "estimate_instructions", lambda op, core, isa: None)

    def run(board: str, cases: Sequence[Case], optimize: str = "speed") -> list[Measured]:
        target = replace(available_board(board), isa=(ISA, "portable"))
        inputs = [[values[None] for values in case.inputs] for case in cases]
        return measure([case.op for case in cases], target, optimize=optimize, inputs=inputs)

    return run


def check(cases: Sequence[Case], results: Sequence[Measured]) -> None:
    assert not [(case.op.describe, found) for case, found in zip(cases, results, strict=True) if not found.exact]
    others = [case.op for case, found in zip(cases, results, strict=True) if found.isa != ISA]
    assert all(isinstance(op, DepthwiseConv2D) and is_left_out(op) for op in others)


def is_left_out(op: DepthwiseConv2D) -> bool:
    """Several filters a channel at long strides, and accumulators shifted far, are left to the portable kernel."""
    return (op.channel_multiplier > 1 and min(op.stride_h, op.stride_w) > 2) or op.shift > 8


@pytest.mark.parametrize("board", BOARDS)
def test_operators_give_the_bits_of_the_reference(board: str, measured: Measure) -> None:
    cases = [case for kernel, count in DRAWN.items() for case in drawn(CASES[kernel], count)] + drawn(large_depthwise(), 25)
    check(cases, measured(board, cases))


def test_built_for_size_they_give_the_same_bits(measured: Measure) -> None:
    cases = [case for kernel, count in DRAWN.items() for case in drawn(CASES[kernel], count)]
    check(cases, measured("qemu_cortex_m4", cases, "size"))


@pytest.mark.slow
@pytest.mark.parametrize("kernel", DRAWN)
def test_many_drawn_operators_give_the_bits_of_the_reference(kernel: str, measured: Measure) -> None:
    cases = drawn(CASES[kernel], 300)
    for start in range(0, len(cases), 100):
        check(cases[start : start + 100], measured("qemu_cortex_m4", cases[start : start + 100]))


FEW_OUTPUTS = "widening inputs and weights is shared by few outputs"
FEW_TAPS = "few products stand against the work of rescaling an output"
FEW_COMPARED = "an output compares few inputs, so finding and storing it counts"
LONG_STRIDE = "every output needs inputs of its own to be widened"
FEW_CHANNELS = "channels that do not fill a word go one by one"
SHORT_ROWS = "what is done once a row weighs on short rows"
SMALL = "what a call does once weighs on a small layer"

SHAPES: dict[str, dict[str, QOp]] = {
    "depthwise": {
        "3x3 64 @25x5": depthwise(25, 5, 64),
        "3x3 16 @48x48": depthwise(48, 48, 16),
        "3x3 13 @17x15": depthwise(17, 15, 13),
        "3x3 32 @12x12": depthwise(12, 12, 32),
        "3x3 3 x8 @16x16": depthwise(16, 16, 3, channel_multiplier=8),
        "3x3 1 x8 @16x16": depthwise(16, 16, 1, channel_multiplier=8),
        "3x3 d2 16 @28x28": depthwise(28, 28, 16, dilation=2),
        "5x5 32 @14x14": depthwise(14, 14, 32, (5, 5)),
        "7x7 32 @14x14": depthwise(14, 14, 32, (7, 7)),
        "7x7 s2 16 @28x28": depthwise(28, 28, 16, (7, 7), 2),
        "31x1 16 @100x1": depthwise(100, 1, 16, (31, 1)),
        "3x3 64 @7x7": depthwise(7, 7, 64),
        "3x3 64 @3x3": depthwise(3, 3, 64),
        "3x3 s2 16 @48x48": depthwise(48, 48, 16, stride=2),
        "1x9 16 @1x100": depthwise(1, 100, 16, (1, 9)),
        "2x2 16 @14x14": depthwise(14, 14, 16, (2, 2)),
        "1x1 16 @14x14": depthwise(14, 14, 16, (1, 1)),
    },
    "elementwise sum": {
        "32x32x16": add((32, 32, 16), (32, 32, 16)),
        "32x32x16 + 32x32x1": add((32, 32, 16), (32, 32, 1)),
        "8x8x64 + 64": add((8, 8, 64), (64,)),
        "1001": add((1001,), (1001,)),
        "32x32x8 + 8": add((32, 32, 8), (8,)),
    },
    "elementwise product": {
        "32x32x16": mul((32, 32, 16), (32, 32, 16)),
        "8x8x64 * 64": mul((8, 8, 64), (64,)),
        "32x32x16 * 32x32x1": mul((32, 32, 16), (32, 32, 1)),
    },
    "average of large windows": {
        "8x8 64": average(8, 8, 64, (8, 8)),
        "25x5 64": average(25, 5, 64, (25, 5)),
        "32x32 16": average(32, 32, 16, (32, 32)),
        "7x7 33": average(7, 7, 33, (7, 7)),
        "8x8 3": average(8, 8, 3, (8, 8)),
    },
    "largest of small windows": {
        "2x2 s2 16": maximum(32, 32, 16),
        "3x3 s2 24": maximum(15, 15, 24, (3, 3)),
        "2x2 s2 13": maximum(32, 32, 13),
        "2x2 s2 3": maximum(32, 32, 3),
    },
    "copies": {
        "transposed 32x64": Copy.transposed((32, 64), (1, 0)),
        "transposed 32x32x3": Copy.transposed((3, 32, 32), (1, 2, 0)),
        "sliced": Copy.sliced((16, 16, 16), (0, 0, 4), (1, 1, 1), (16, 16, 8)),
    },
    "softmax": {
        "64x64": Softmax(64, 64, exponential_table(0.1)),
        "1x1000": Softmax(1, 1000, exponential_table(0.1)),
        "1x10": Softmax(1, 10, exponential_table(0.1)),
    },
}
SLOW = {
    "3x3 64 @7x7": FEW_OUTPUTS,
    "3x3 64 @3x3": FEW_OUTPUTS,
    "3x3 s2 16 @48x48": LONG_STRIDE,
    "1x9 16 @1x100": FEW_TAPS,
    "2x2 16 @14x14": FEW_TAPS,
    "1x1 16 @14x14": FEW_TAPS,
    "32x32x8 + 8": SHORT_ROWS,
    "8x8 3": FEW_CHANNELS,
    "2x2 s2 16": FEW_COMPARED,
    "2x2 s2 13": FEW_COMPARED,
    "2x2 s2 3": FEW_CHANNELS,
    "1x10": SMALL,
}
"""Why a shape takes more than MOST times the instructions of the best of its kind, a MAC, an addition, a comparison or an element."""
MOST = 1.5


def test_no_shape_is_far_from_the_best_of_its_kind(measured: Measure) -> None:
    ops = {name: op for shapes in SHAPES.values() for name, op in shapes.items()}
    inputs = random_inputs(list(ops.values()), samples=1, seed=0)
    cases = [Case(op, tuple(np.concatenate(values) for values in each)) for op, each in zip(ops.values(), inputs, strict=True)]
    results = measured("qemu_cortex_m4", cases)
    check(cases, results)
    figures = {}
    for (name, op), found in zip(ops.items(), results, strict=True):
        assert found.instructions is not None
        figures[name] = found.instructions / max(op.work.macs, op.work.additions, op.work.comparisons, found.outputs)
    slow: dict[str, str] = {}
    for kind, shapes in SHAPES.items():
        best = min(figures[name] for name in shapes)
        slow |= {name: f"{figures[name] / best:.2f} of {kind}" for name in shapes if figures[name] > MOST * best}
    assert slow.keys() == SLOW.keys(), slow

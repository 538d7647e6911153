"""Vector kernels of the M profile: the bits of the reference over drawn shapes and extreme values, and no slow shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmarks.measure import Measured, measure
from benchmarks.shapes import add, average, conv, dense, depthwise, maximum, mul
from edgecomp import reference
from edgecomp.build import build
from edgecomp.emit import emit
from edgecomp.plan import kernels, plan
from edgecomp.plan.instruction_sets import arm_mve
from edgecomp.qgraph import QOp
from edgecomp.qops import Conv2D, DepthwiseConv2D, FullyConnected
from edgecomp.run import execute
from edgecomp.target import Target
from tests.runtime_c.drawn import CASES, Case, Draw, biases, clamps, int8_values, zero_points
from tests.target.test_least_ram import chain

BOARD = "qemu_cortex_m55"
SMALLER = ("add_s8", "avg_pool2d_s8", "concat_s8", "lut_s8", "max_pool2d_s8", "mul_s8")


def rescaled(draw: Draw, channels: int) -> dict[str, Any]:
    """Multipliers of all magnitudes, and the left shift of one bit that sums of these sizes can bear."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    most = 1 << draw(st.integers(1, 30))
    return {"multiplier": generator.integers(max(most // 2, 1), most, channels).astype(np.int32), "shift": draw(st.integers(0, 1))}


def sliding(draw: Draw, kernels_of: Sequence[int], largest: int) -> dict[str, int]:
    """Geometry whose output is never empty."""
    geometry: dict[str, int] = {}
    for axis, before in (("h", "pad_top"), ("w", "pad_left")):
        kernel, stride, dilation = draw(st.sampled_from(kernels_of)), draw(st.integers(1, 3)), draw(st.sampled_from([1, 1, 1, 2, 3]))
        reach = (kernel - 1) * dilation + 1
        size, pad, after = draw(st.integers(1, largest)), draw(st.integers(0, reach)), draw(st.integers(0, reach))
        geometry |= {f"input_{axis}": size, f"kernel_{axis}": kernel, f"stride_{axis}": stride, f"dilation_{axis}": dilation, before: pad}
        geometry[f"output_{axis}"] = max((size + pad + after - reach) // stride + 1, 1)
    return geometry


@st.composite
def wide_conv2d(draw: Draw) -> Case:
    """More channels and taps than registers hold, and just as many."""
    geometry = sliding(draw, (1, 1, 2, 3, 5, 7), 9)
    groups = draw(st.sampled_from([1, 1, 1, 2]))
    input_c, output_c = groups * draw(st.sampled_from([1, 3, 8, 15, 16, 17, 40, 64, 65])), groups * draw(st.integers(4, 21))
    inputs = geometry["kernel_h"] * geometry["kernel_w"] * input_c // groups
    op = Conv2D(
        **geometry, input_c=input_c, output_c=output_c, groups=groups, **zero_points(draw), **clamps(draw),
        weights=int8_values(draw, output_c * inputs), bias=biases(draw, output_c), **rescaled(draw, output_c),
    )  # fmt: skip
    return Case(op, (int8_values(draw, op.input_h * op.input_w * input_c),))


@st.composite
def wide_depthwise(draw: Draw) -> Case:
    """Windows of one to four vectors, several tiles a row, channels beyond whole vectors."""
    geometry = sliding(draw, (1, 2, 3, 3, 5, 7), 12)
    input_c, channel_multiplier = draw(st.sampled_from([2, 4, 5, 16, 20, 33, 70, 130])), draw(st.sampled_from([1, 1, 1, 2, 5]))
    output_c = input_c * channel_multiplier
    op = DepthwiseConv2D(
        **geometry, input_c=input_c, output_c=output_c, channel_multiplier=channel_multiplier, **zero_points(draw), **clamps(draw),
        weights=int8_values(draw, geometry["kernel_h"] * geometry["kernel_w"] * output_c), bias=biases(draw, output_c),
        **rescaled(draw, output_c),
    )  # fmt: skip
    return Case(op, (int8_values(draw, op.input_h * op.input_w * input_c),))


@st.composite
def wide_fully_connected(draw: Draw) -> Case:
    rows, input_n, output_n = draw(st.integers(1, 7)), draw(st.integers(1, 200)), draw(st.integers(1, 20))
    op = FullyConnected(
        rows, input_n, output_n, draw(st.integers(-128, 127)), **clamps(draw), weights=int8_values(draw, output_n * input_n),
        bias=biases(draw, output_n), **rescaled(draw, output_n),
    )  # fmt: skip
    return Case(op, (int8_values(draw, rows * input_n),))


WIDE = {"conv2d_s8": wide_conv2d(), "depthwise_conv2d_s8": wide_depthwise(), "fully_connected_s8": wide_fully_connected()}


def supported(case: Case) -> Case | None:
    """The case, its left shift brought into what these kernels take; None where they do not take the shape."""
    op: Any = replace(case.op, shift=min(case.op.shift, 1)) if hasattr(case.op, "shift") else case.op  # type: ignore[type-var]
    return Case(op, case.inputs) if arm_mve.KERNELS[op.kernel].supports(op) else None


def drawn(strategy: st.SearchStrategy[Case], count: int) -> list[Case]:
    """The same cases every time."""
    found: list[Case] = []

    @settings(max_examples=count, phases=[Phase.generate], derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(case: Case) -> None:
        if (taken := supported(case)) is not None:
            found.append(taken)

    collect()
    return found


@pytest.fixture
def measured(available_board: Callable[[str], Target], monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Measured]]:
    """Runs operators by the kernels under test, whatever the plan would prefer."""
    monkeypatch.setattr(kernels, "estimate_instructions", lambda op, core, isa: None)

    def run(ops: Sequence[QOp], inputs: Sequence[Sequence[np.ndarray]] | None = None) -> list[Measured]:
        target = replace(available_board(BOARD), isa=(arm_mve.ISA, "portable"))
        results = measure(ops, target, inputs=inputs)
        assert {found.isa for found in results} == {arm_mve.ISA}
        assert not [(op.describe, found) for op, found in zip(ops, results, strict=True) if not found.exact]
        return results

    return run


def run_cases(measured: Callable[..., list[Measured]], cases: Sequence[Case]) -> None:
    measured([case.op for case in cases], [[x[None] for x in case.inputs] for case in cases])


@pytest.mark.parametrize("kernel", sorted(WIDE))
def test_drawn_layers_give_the_bits_of_the_reference(kernel: str, measured: Callable[..., list[Measured]]) -> None:
    run_cases(measured, drawn(CASES[kernel], 20) + drawn(WIDE[kernel], 30))


def test_drawn_smaller_operators_give_the_bits_of_the_reference(measured: Callable[..., list[Measured]]) -> None:
    run_cases(measured, [case for kernel in SMALLER for case in drawn(CASES[kernel], 12)])


@pytest.mark.slow
@pytest.mark.parametrize("kernel", sorted(WIDE))
def test_many_drawn_layers_give_the_bits_of_the_reference(kernel: str, measured: Callable[..., list[Measured]]) -> None:
    cases = drawn(CASES[kernel], 300) + drawn(WIDE[kernel], 400)
    for start in range(0, len(cases), 100):
        run_cases(measured, cases[start : start + 100])


def test_the_largest_sums_and_multipliers_are_exact(measured: Callable[..., list[Measured]]) -> None:
    ops, inputs = [], []
    for value, weight in ((-128, -128), (127, 127), (-128, 127)):
        for layer in (dense(64, 5), dense(65, 5, 3), conv(3, 3, 16, 4), depthwise(3, 3, 16), depthwise(5, 5, 16, (5, 5))):
            size = np.size(layer.weights)
            for shift in (0, 1):
                ops.append(
                    replace(
                        layer,
                        weights=np.full(size, weight, np.int8),
                        bias=np.full(np.size(layer.bias), (1 << 30 >> shift) - (1 << 22), np.int32),
                        multiplier=np.full(np.size(layer.bias), (1 << 30) - 1, np.int32),
                        shift=shift,
                    )
                )
                inputs.append([np.full((1, layer.input_n * layer.rows if layer.kernel == "fully_connected_s8" else
                                        layer.input_h * layer.input_w * layer.input_c), value, np.int8)])  # fmt: skip
    measured(ops, inputs)


SHAPES: Mapping[str, tuple[float, Mapping[str, QOp]]] = {
    # Kind: instructions a MAC (or an element) at most, 1.5 times those of its best shape; shapes that hold it.
    "3x3": (
        0.20,
        {
            "best": conv(5, 7, 128, 64),
            "16 channels": conv(32, 32, 16, 16),
            "stride": conv(32, 32, 16, 32, stride=2),
            "dilation": conv(16, 16, 32, 32, dilation=2),
            "5x5": conv(15, 13, 24, 20, (5, 5)),
            "1-D": conv(1, 100, 12, 24, (1, 9)),
        },
    ),
    "1x1": (0.21, {"best": conv(9, 9, 256, 128, (1, 1)), "64": conv(25, 5, 64, 64, (1, 1)), "96": conv(6, 6, 96, 96, (1, 1))}),
    "depthwise": (
        0.93,
        {
            "best": depthwise(48, 48, 24),
            "narrow": depthwise(25, 5, 64),
            "stride": depthwise(24, 24, 32, stride=2),
            "dilation": depthwise(16, 16, 16, dilation=2),
            "5x5": depthwise(14, 14, 24, (5, 5)),
            "7x7": depthwise(14, 14, 24, (7, 7)),
            "multiplier": depthwise(12, 12, 12, channel_multiplier=2),
            "8 channels": depthwise(48, 48, 8),
        },
    ),
    "dense": (0.25, {"best": dense(640, 128), "128": dense(128, 128), "rows": dense(100, 128, 20)}),
    "add": (3.3, {"best": add((32, 32, 16), (32, 32, 16)), "odd": add((31, 17, 3), (31, 17, 3))}),
    "mul": (3.6, {"best": mul((32, 32, 16), (32, 32, 16)), "odd": mul((31, 17, 3), (31, 17, 3))}),
    "pools": (20.0, {"2x2": maximum(32, 32, 16), "3x3": maximum(15, 15, 24, (3, 3)), "average": average(16, 16, 16, (2, 2), 2)}),
}
SLOW: Mapping[str, tuple[float, QOp]] = {
    # Shape and why it is slower: instructions a MAC at most.
    "27 inputs a pixel: requantization weighs more": (0.31, conv(32, 32, 3, 16)),
    "40 inputs a pixel, columns of one channel": (0.35, conv(49, 10, 1, 64, (10, 4), 2, pad=(4, 1))),
    "16 inputs a pixel: requantization weighs more": (0.34, conv(32, 32, 16, 32, (1, 1), 2)),
    "13 filters in blocks of four, 153 inputs in vectors of 16": (0.29, conv(11, 7, 17, 13)),
    "8 filters a group": (0.36, conv(12, 12, 32, 32, groups=4)),
    "3 filters in a block of four": (0.60, conv(9, 9, 16, 3)),
    "10 filters, one row": (0.65, dense(64, 10)),
    "13 channels reach back in blocks of four; eleven pixels a row": (1.3, depthwise(9, 11, 13)),
    "three rows of three pixels in pairs": (1.2, depthwise(3, 3, 256)),
    "seven taps a window of sixteen": (1.6, depthwise(1, 64, 20, (1, 7))),
}


def test_no_shape_is_slow_without_a_reason(measured: Callable[..., list[Measured]]) -> None:
    ops = [op for _, shapes in SHAPES.values() for op in shapes.values()] + [op for _, op in SLOW.values()]
    limits = [(f"{kind}, {name}", most) for kind, (most, shapes) in SHAPES.items() for name in shapes]
    limits += [(reason, most) for reason, (most, _) in SLOW.items()]
    slow = []
    for (name, most), found in zip(limits, measured(ops), strict=True):
        figure = found.instructions / (found.macs if found.macs and found.kernel != "mul_s8" else found.outputs)
        if figure > most:
            slow.append(f"{name}: {figure:.3f}, at most {most}")
    assert not slow, "\n".join(slow)


def test_outputs_lie_over_inputs_and_lose_nothing(available_board: Callable[[str], Target], tmp_path: Path) -> None:
    """Each layer's output starts as close before its input as its kernel allows."""
    target = replace(available_board(BOARD), isa=(arm_mve.ISA, "portable"))
    ops = (
        conv(11, 7, 20, 20),
        depthwise(11, 7, 20),
        conv(11, 7, 20, 24, (1, 1)),
        depthwise(11, 7, 24, (5, 3)),
        conv(11, 7, 24, 24, dilation=2),
        depthwise(11, 7, 24, dilation=3),
        conv(11, 7, 24, 72, (1, 1)),
        conv(11, 7, 72, 40, (1, 1)),
        conv(11, 7, 40, 16, (1, 1), 2),
        depthwise(6, 4, 16, stride=2),
        maximum(3, 2, 16, (2, 2), 1),
    )
    sizes = (*(op.input_h * op.input_w * op.input_c for op in ops), 2 * 16)
    qgraph = chain(*ops, sizes=sizes)
    laid = plan(qgraph, target)
    assert {step.kernel.isa for step in laid.steps} == {arm_mve.ISA}
    assert sum(step.overlap is not None for step in laid.steps) >= 8
    firmware = build(emit(laid), target, tmp_path)
    x = np.random.default_rng(5).integers(-128, 128, (3, sizes[0])).astype(np.int8)
    got = execute(firmware, target, x.view(np.uint8), sizes[-1], len(ops), timeout_s=60).outputs.view(np.int8)
    np.testing.assert_array_equal(got, reference.outputs(qgraph, [x])[0])

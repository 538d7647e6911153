"""Fused convolutions on emulated boards: the bits of the reference over random shapes, and what each of their sources calls."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmarks.measure import measure
from benchmarks.shapes import add, conv, maximum
from edgecomp import reference
from edgecomp.build import build
from edgecomp.emit import emit
from edgecomp.fusion import fuse
from edgecomp.paths import runtime_dir
from edgecomp.plan import Plan
from edgecomp.plan.instruction_sets import KERNELS
from edgecomp.plan.instruction_sets.fused import FUSED
from edgecomp.plan.planner import lay_out_as_given
from edgecomp.qgraph import QGraph
from edgecomp.qops import Conv2DAdd, Conv2DMaxPool
from edgecomp.run import execute
from edgecomp.target import PORTABLE_ISA, Target, list_targets, load_target
from tests.plan.image_networks import block, networks, pooled, side_by_side
from tests.runtime_c.drawn import CASES

FUSED_KERNELS = ("conv2d_add_s8", "conv2d_max_pool_s8")
BOARDS = [name for name in list_targets() if name.startswith("qemu_")]
CASES_EACH = 14
"""Drawn operators of each kind, in one program."""
REGULAR = (
    Conv2DAdd.joined(conv(9, 8, 8, 8), add((576,), (576,)), conv_is_first=True),
    Conv2DMaxPool.joined(conv(9, 8, 8, 8), maximum(9, 8, 8, (3, 2))),
)
"""Shapes that every set takes."""
NETWORKS = 24
SAMPLES = 3


def drawn(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """The same values every time."""
    found: list[Any] = []

    @settings(max_examples=count, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(value: Any) -> None:
        found.append(value)

    collect()
    return found


@pytest.mark.parametrize(("board", "isa"), [(board, isa) for board in BOARDS for isa in load_target(board).isa if isa in FUSED])
def test_every_set_gives_the_bits_of_the_reference(board: str, isa: str, available_board: Callable[[str], Target]) -> None:
    alone = replace(available_board(board), isa=tuple(dict.fromkeys((isa, PORTABLE_ISA))))
    ops = [*REGULAR, *(case.op for kernel in FUSED_KERNELS for case in drawn(CASES[kernel], CASES_EACH))]
    results = measure(ops, alone)
    assert not [(op.describe, found) for op, found in zip(ops, results, strict=True) if not found.exact]
    assert {found.isa for found in results[: len(REGULAR)]} == {isa}


def run_fused(qgraph: QGraph, target: Target, optimize: str, folder: Path) -> Plan:
    """Run a network with all fusions on random samples, compare every output with the unfused reference, and return the plan."""
    plan = lay_out_as_given(fuse(qgraph), target, optimize)
    random = np.random.default_rng(5)
    inputs = [random.integers(-128, 128, (SAMPLES, qgraph.tensors[port.tensor].bytes)).astype(np.int8) for port in qgraph.inputs]
    expected = np.concatenate(reference.outputs(qgraph, inputs), axis=1)
    firmware = build(emit(plan), target, folder, optimize=optimize)
    raw = np.concatenate(inputs, axis=1).view(np.uint8)
    got = execute(firmware, target, raw, expected.shape[1], len(plan.steps), timeout_s=60, profiled_samples=0).outputs.view(np.int8)
    np.testing.assert_array_equal(got, expected)
    return plan


@pytest.mark.parametrize("board", ["host", "qemu_cortex_m4", "qemu_rv32imc"])
def test_fused_networks_equal_the_reference(board: str, available_board: Callable[[str], Target], tmp_path: Path) -> None:
    """Among them sums in the place of their residuals."""
    qgraph = side_by_side([block(), *drawn(networks(), NETWORKS)])
    plan = run_fused(qgraph, available_board(board), "speed", tmp_path)
    assert any(step.op.parts and step.overwrites for step in plan.steps)


@pytest.mark.parametrize("board", ["host", "qemu_cortex_m4", "qemu_rv32imc"])
def test_a_pool_over_the_input_of_its_convolution_loses_nothing(
    board: str, available_board: Callable[[str], Target], tmp_path: Path
) -> None:
    plan = run_fused(pooled(), available_board(board), "ram", tmp_path)
    assert any(step.op.parts and step.overlap for step in plan.steps)


@pytest.mark.parametrize("kernel", FUSED_KERNELS)
@pytest.mark.parametrize("isa", sorted(FUSED))
def test_the_plan_knows_which_kernels_a_source_calls(isa: str, kernel: str) -> None:
    declared = KERNELS[isa][kernel]
    text = (runtime_dir() / declared.source).read_text(encoding="utf-8")
    assert set(re.findall(r"\b(ec_\w+_s8(?:_\w+)?)(?=[,)])", text)) == {used.symbol for used in declared.uses}

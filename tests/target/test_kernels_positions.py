"""Perforated and early convolutions on emulated boards: the bits of the reference, and instructions that follow the positions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmarks.measure import measure
from benchmarks.shapes import conv
from edgecomp.paths import runtime_dir
from edgecomp.plan.instruction_sets import KERNELS
from edgecomp.plan.instruction_sets.positions import TILES
from edgecomp.qops import Conv2D, Conv2DPerforated
from edgecomp.target import PORTABLE_ISA, Target, load_target
from tests.runtime_c.drawn import CASES

BOARDS = ("qemu_cortex_m0", "qemu_cortex_m3", "qemu_cortex_m4", "qemu_cortex_m55", "qemu_rv32imc")
"""One of each instruction set."""
CASES_EACH = 20
MOST_FOR_HALF = 0.6
"""Of the instructions for all positions, with half of them."""


def drawn(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """The same values every time."""
    found: list[Any] = []

    @settings(max_examples=count, phases=[Phase.generate], suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(strategy)
    def collect(value: Any) -> None:
        found.append(value)

    collect()
    return found


def perforated(plain: Conv2D, share: float) -> Conv2DPerforated:
    """With about that share of its positions, evenly."""
    positions = np.arange(plain.output_h * plain.output_w)
    return Conv2DPerforated.following(plain, np.floor(np.floor(positions * share) / share).astype(int) if share < 1 else positions)


REGULAR = (perforated(conv(9, 8, 8, 8), 0.5), perforated(conv(6, 7, 16, 12), 1), perforated(conv(12, 12, 64, 8), 0.25))
"""Shapes that every set takes, the last in several blocks."""


@pytest.mark.parametrize(("board", "isa"), [(board, isa) for board in BOARDS for isa in load_target(board).isa if isa in TILES])
def test_every_set_gives_the_bits_of_the_reference(board: str, isa: str, available_board: Callable[[str], Target]) -> None:
    alone = replace(available_board(board), isa=tuple(dict.fromkeys((isa, PORTABLE_ISA))))
    cases = drawn(CASES["conv2d_perforated_s8"], CASES_EACH)
    early = drawn(CASES["conv2d_early_s8"], CASES_EACH) if isa == PORTABLE_ISA else []
    ops = [*REGULAR, *(case.op for case in (*cases, *early))]
    results = measure(ops, alone)
    assert not [(op.describe, found) for op, found in zip(ops, results, strict=True) if not found.exact]
    assert {found.isa for found in results[: len(REGULAR)]} == {isa}


@pytest.mark.parametrize("board", BOARDS)
def test_instructions_follow_the_positions(board: str, available_board: Callable[[str], Target]) -> None:
    plain = conv(16, 16, 16, 16)
    results = measure([perforated(plain, 1), perforated(plain, 0.5)], available_board(board))
    whole, half = (found.instructions for found in results)
    assert whole and half and half <= MOST_FOR_HALF * whole


@pytest.mark.parametrize("isa", sorted(TILES))
def test_the_plan_knows_which_kernel_a_source_calls(isa: str) -> None:
    declared = KERNELS[isa][Conv2DPerforated.kernel]
    text = (runtime_dir() / declared.source).read_text(encoding="utf-8")
    assert set(re.findall(r"\b(ec_\w+_s8(?:_\w+)?)(?=[,)])", text)) == {used.symbol for used in declared.uses}

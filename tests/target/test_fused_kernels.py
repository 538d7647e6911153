"""Fused convolutions on emulated boards: the bits of the reference over random shapes, and what each of their sources calls."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmarks.measure import measure
from edgecomp.paths import runtime_dir
from edgecomp.plan.instruction_sets import KERNELS
from edgecomp.plan.instruction_sets.fused import FUSED
from edgecomp.target import Target, list_targets
from tests.runtime_c.drawn import CASES, Case

FUSED_KERNELS = ("conv2d_add_s8", "conv2d_max_pool_s8")
BOARDS = [name for name in list_targets() if name.startswith("qemu_")]
CASES_EACH = 14
"""Drawn operators of each kind, in one program."""


def drawn(kernel: str, count: int) -> list[Case]:
    """The same cases every time."""
    found: list[Case] = []

    @settings(max_examples=count, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.data())
    def collect(data: st.DataObject) -> None:
        found.append(data.draw(CASES[kernel]))

    collect()
    return found


@pytest.mark.parametrize("board", BOARDS)
def test_every_board_gives_the_bits_of_the_reference(board: str, available_board: Callable[[str], Target]) -> None:
    target = available_board(board)
    ops = [case.op for kernel in FUSED_KERNELS for case in drawn(kernel, CASES_EACH)]
    results = measure(ops, target)
    assert not [(op.describe, found) for op, found in zip(ops, results, strict=True) if not found.exact]
    best = next(isa for isa in target.isa if isa in FUSED)
    assert best in {found.isa for found in results}


@pytest.mark.parametrize("kernel", FUSED_KERNELS)
@pytest.mark.parametrize("isa", sorted(FUSED))
def test_the_plan_knows_which_kernels_a_source_calls(isa: str, kernel: str) -> None:
    declared = KERNELS[isa][kernel]
    text = (runtime_dir() / declared.source).read_text(encoding="utf-8")
    assert set(re.findall(r"\b(ec_\w+_s8(?:_\w+)?)(?=[,)])", text)) == {used.symbol for used in declared.uses}

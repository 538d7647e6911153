"""Instructions are counted in an emulator, where a real board counts cycles or nothing."""

from __future__ import annotations

import pytest

from edgecomp.skip.costs import counting_board
from edgecomp.target import list_targets, load_target


@pytest.mark.parametrize("name", list_targets())
def test_takes_the_same_kernels(name: str) -> None:
    target = load_target(name)
    counting = counting_board(target)
    if counting is not target:
        assert counting.counter == "instructions" and counting.isa == target.isa
        assert target.counter != "instructions"


@pytest.mark.parametrize(
    ("name", "counted_on"), [("stm32f405", "qemu_cortex_m4"), ("rp2350_pico2", "qemu_cortex_m33"), ("qemu_cortex_m7", "qemu_cortex_m7")]
)
def test_prefers_the_same_core(name: str, counted_on: str) -> None:
    assert counting_board(load_target(name)).name == counted_on


def test_is_the_board_itself_where_nothing_counts_for_it() -> None:
    assert counting_board(load_target("host")).name == "host"

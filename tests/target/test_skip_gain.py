"""Searches on a board keep what takes fewer instructions there, and say why the rest is off."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from edgecomp.pipeline import QuantizedModel
from edgecomp.qops import Conv2D
from edgecomp.skip import early, perforated
from edgecomp.skip.budget import Budget
from edgecomp.skip.measured_gain import Board
from edgecomp.target import Target
from tests.skip.small_network import SAMPLES, small_network

Small = tuple[QuantizedModel, np.ndarray]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return small_network(tmp_path_factory.mktemp("skip_gain"))


def test_on_a_board_rules_that_take_more_instructions_are_off_and_say_why(small: Small, available_board: Callable[[str], Target]) -> None:
    target = available_board("qemu_rv32imc")
    found = early.search(*small, None, Budget(samples=SAMPLES), predictive=False, target=target)
    assert not found.rules
    assert found.macs_executed == found.macs_dense
    assert found.reasons.keys() == early.search(*small, None, Budget(samples=SAMPLES), predictive=False).rules.keys()
    for reason in found.reasons.values():
        share, times = re.match(r"saves (\d+)% of its products but takes ([\d.]+) times", reason).groups()  # type: ignore[union-attr]
        assert int(share) > 0 and float(times) >= 1


def test_where_no_instructions_are_counted_rules_stay(small: Small, available_board: Callable[[str], Target]) -> None:
    found = early.search(*small, None, Budget(samples=SAMPLES), predictive=False, target=available_board("host"))
    assert found.rules and not found.reasons


@pytest.mark.parametrize("board", ["qemu_cortex_m4", "qemu_rv32imc"])
def test_on_a_board_only_rates_that_pay_are_taken(small: Small, board: str, available_board: Callable[[str], Target]) -> None:
    target = available_board(board)
    dense = small[0].dense
    layers = tuple(node.output for node in dense.nodes if isinstance(node.op, Conv2D))[:2]
    found = perforated.search(*small, None, Budget(max_loss_points=15, samples=SAMPLES, layers=layers), ("grid",), target)
    measured = Board(dense, target, small[0].buffers(small[0].samples(small[1])))
    before, after = measured.instructions({}), measured.instructions(found.rules)
    assert before and after
    assert found.rules or found.reasons
    for name in found.rules:
        assert after[name] < before[name]
    assert {*found.rules, *found.reasons} == set(layers)

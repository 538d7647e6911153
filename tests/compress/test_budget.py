"""Sizes agree with the report's, and budgets say what they allow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edgecomp
from edgecomp.compress.allocation import Sizer, by_score
from edgecomp.compress.budget import Budget, Size, size_of
from edgecomp.compress.channels import channels, keep_channels
from edgecomp.compress.job import Samples, set_aside
from edgecomp.errors import DataError
from edgecomp.graph import Graph
from tests.compress.drawn_networks import networks


def test_macs_and_parameters_are_the_reports(digits_onnx: Path) -> None:
    model = edgecomp.load(digits_onnx)
    size = size_of(model.simplified)
    assert size.macs == sum(node.op.work.macs for node in model.placeholder().nodes)
    assert size.parameters == model.simplified.parameters


@given(networks(), st.integers(0, 2**16))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_macs_are_foreseen_exactly(graph: Graph, seed: int) -> None:
    random = np.random.default_rng(seed)
    found, sizer = channels(graph), Sizer(channels(graph))
    stays, kept = sizer.everything(), {}
    for group in found.groups:
        gone = np.flatnonzero((random.random(group.units) < 0.4) & ~group.must_stay)[: group.units - 1]
        stays = sizer.without(stays, group.name, gone)
        kept[group.name] = np.setdiff1d(np.arange(group.units), gone)
    if all(stays[place.labels].any() for place in found.places.values()):
        smaller = keep_channels(found, kept)
        assert sizer.size(stays).macs == size_of(smaller).macs


def test_a_path_by_score_leaves_a_unit_of_each_group(digits_onnx: Path) -> None:
    found = channels(edgecomp.load(digits_onnx).simplified)
    path = by_score(found.groups, {group.name: np.arange(group.units) for group in found.groups}, 0.25)
    gone = {group.name: [int(units[0]) for name, units in path if name == group.name] for group in found.groups}
    assert all(sorted(units) == list(range(group.units - 1)) for group, units in zip(found.groups, gone.values(), strict=True))
    early = path[: sum(group.units - round(0.25 * group.units) for group in found.groups)]
    assert [sum(name == group.name for name, _ in early) for group in found.groups] == [
        group.units - round(0.25 * group.units) for group in found.groups
    ]


def test_a_budget_allows_what_is_small_enough() -> None:
    budget = Budget(Size(1000, 100), keep_macs=0.5, keep_parameters=0.8)
    assert budget.allows(Size(500, 80))
    assert not budget.allows(Size(501, 10)) and not budget.allows(Size(10, 81))
    assert budget.excess(Size(1000, 80)) == 2.0
    halfway = budget.eased(4.0, 0.5)
    assert halfway.keep_macs == 1.0 and halfway.keep_parameters == 1.0
    assert budget.eased(4.0, 1.0) == budget


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5])
def test_shares_out_of_range_are_refused(share: float) -> None:
    with pytest.raises(DataError, match=r"--keep-macs .* greater than 0 and at most 1"):
        Budget(Size(1, 1), keep_macs=share)


def test_rows_set_aside_are_spread_over_sorted_data() -> None:
    y = np.repeat(np.arange(10), 30)
    train, judge = set_aside(Samples(np.zeros((300, 4), np.float32), y))
    assert len(judge) == 30 and len(train) == 270
    assert judge.y is not None and set(judge.y) == set(range(10))
    with pytest.raises(DataError, match="at least 20 are needed"):
        set_aside(Samples(np.zeros((19, 4), np.float32)))

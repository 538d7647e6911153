"""Perforated convolutions: masks as they are described, and a search that stays within its budget."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecomp import reference
from edgecomp.errors import DataError
from edgecomp.pipeline import QuantizedModel
from edgecomp.qops import Conv2D, MaxPool2D
from edgecomp.skip import perforated
from edgecomp.skip import perforation_masks as masks
from edgecomp.skip.apply import apply
from edgecomp.skip.budget import Budget
from tests.skip.small_network import SAMPLES, small_network

Small = tuple[QuantizedModel, np.ndarray]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return small_network(tmp_path_factory.mktemp("perforated"))


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_the_source_is_the_nearest_computed_position(height: int, width: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, height * width))
    computed = masks.uniform(height, width, count, seed=data.draw(st.integers(0, 9)))
    assert len(set(computed.tolist())) == count
    source = masks.nearest_source(computed, height, width)
    for y, x in np.ndindex(height, width):
        distances = {int(p): (y - p // width) ** 2 + (x - p % width) ** 2 for p in computed}
        assert distances[int(source[y, x])] == min(distances.values())
    assert np.array_equal(source.reshape(-1)[computed], computed)


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(st.integers(1, 20), st.integers(1, 20), st.floats(0.05, 1))
def test_a_grid_is_whole_rows_and_columns_near_its_count(height: int, width: int, share: float) -> None:
    count = max(round(share * height * width), 1)
    positions = masks.grid(height, width, count)
    rows, columns = set((positions // width).tolist()), set((positions % width).tolist())
    assert len(positions) == len(rows) * len(columns) == len(set(positions.tolist()))
    assert positions.min() >= 0 and positions.max() < height * width
    assert len(positions) <= max(count, len(rows))
    if count == height * width:
        assert len(positions) == count


def test_a_seed_decides_a_uniform_mask() -> None:
    assert np.array_equal(masks.uniform(8, 8, 20, 1), masks.uniform(8, 8, 20, 1))
    assert not np.array_equal(masks.uniform(8, 8, 20, 1), masks.uniform(8, 8, 20, 2))


def test_the_best_positions_are_kept() -> None:
    assert masks.best_of(np.array([0.0, 3, 1, 3, 2]), 3, seed=0).tolist() == [1, 3, 4]


def test_the_worth_of_a_position_is_how_many_windows_of_the_pool_read_it(small: Small) -> None:
    qgraph = small[0].qgraph
    pool = next(node for node in qgraph.nodes if isinstance(node.op, MaxPool2D))
    node = next(node for node in qgraph.nodes if node.output == pool.inputs[0])
    assert isinstance(node.op, Conv2D)
    assert masks.pooling_worth(qgraph, node).tolist() == [1.0] * node.op.output_h * node.op.output_w
    first = qgraph.nodes[0]
    by_convolution = masks.pooling_worth(qgraph, first).reshape(10, 10)
    assert by_convolution[0, 0] == 4 and by_convolution[0, 5] == 6 and by_convolution[5, 5] == 9


def outputs(small: Small, rules: dict[str, perforated.Perforated]) -> np.ndarray:
    quantized, x = small
    return reference.outputs(apply(quantized.qgraph, rules), [quantized.buffers(quantized.samples(x))])[0]


@pytest.mark.parametrize("kinds", [*((kind,) for kind in masks.KINDS), masks.KINDS])
def test_search_saves_within_the_budget(small: Small, kinds: tuple[str, ...]) -> None:
    layers = tuple(node.output for node in small[0].dense.nodes if isinstance(node.op, Conv2D))[-2:]
    budget = Budget(max_loss_points=15, samples=SAMPLES, layers=layers)
    found = perforated.search(*small, None, budget, kinds)
    assert found.mode == "perforated"
    assert found.macs_executed < found.macs_dense
    assert found.loss_points <= 15
    assert min(macs for macs, _ in found.front) == pytest.approx(found.macs_executed, rel=0.1)
    assert found.rules.keys() <= set(layers)
    dense, skipping = (outputs(small, rules).argmax(axis=1)[1::2] for rules in ({}, dict(found.rules)))
    assert found.accuracy_skip == pytest.approx(float((dense == skipping).mean()))


def test_a_search_finds_the_same_again(small: Small) -> None:
    budget = Budget(max_loss_points=15, samples=SAMPLES)
    found, again = (perforated.search(*small, None, budget, ("uniform",)) for _ in range(2))
    assert found.rules.keys() == again.rules.keys()
    for name, rule in found.rules.items():
        np.testing.assert_array_equal(rule.source, again.rules[name].source)


def test_time_that_is_up_ends_without_rules(small: Small) -> None:
    found = perforated.search(*small, None, Budget(samples=SAMPLES, seconds=0))
    assert not found.rules
    assert found.macs_executed == found.macs_dense


def test_unknown_kinds_are_refused(small: Small) -> None:
    for kinds in ((), ("chess",)):
        with pytest.raises(DataError, match="must be some of uniform, grid, pooling, impact"):
            perforated.search(*small, None, Budget(samples=SAMPLES), kinds)

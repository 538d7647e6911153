"""Plans of made-up networks: sound by execution, and as small as they can be where that is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings

from edgecomp.errors import FitError
from edgecomp.plan import Buffer, Kernel, lay_out, plan
from edgecomp.plan.order import OrderSearch
from edgecomp.qgraph import QGraph
from tests.plan.networks import Mix, MixInPlace, chain, network, networks, portable_target, run_in_arena, run_unplanned

TARGET = portable_target()


def residual_network() -> QGraph:
    """ResNet-8's first block: an input of 3,072 bytes, then a convolution, two more, and an addition to the first."""
    image, maps = 32 * 32 * 3, 32 * 32 * 16
    sizes = {"image": image, "a": maps, "b": maps, "c": maps, "sum": maps}
    nodes = [
        (Mix(1, maps), ["image"], "a"),
        (Mix(2, maps), ["a"], "b"),
        (Mix(3, maps), ["b"], "c"),
        (MixInPlace(0, maps), ["a", "c"], "sum"),
    ]
    return network(sizes, nodes, ["image"], ["sum"])


@settings(derandomize=True, deadline=None, max_examples=150)
@given(networks())
def test_planned_execution_equals_unplanned(qgraph: QGraph) -> None:
    random = np.random.default_rng(5)
    inputs = {port.tensor: random.integers(-128, 128, qgraph.tensors[port.tensor].bytes).astype(np.int8) for port in qgraph.inputs}
    expected = run_unplanned(qgraph, inputs)
    result = run_in_arena(plan(qgraph, TARGET), inputs, seed=9)
    assert {name: values.tolist() for name, values in result.items()} == {name: values.tolist() for name, values in expected.items()}


@settings(derandomize=True, deadline=None, max_examples=100)
@given(networks())
def test_arena_is_bounded_and_repeatable(qgraph: QGraph) -> None:
    first, second = plan(qgraph, TARGET), plan(qgraph, TARGET)
    assert dict(first.buffers) == dict(second.buffers)
    assert [step.node.layer for step in first.steps] == [step.node.layer for step in second.steps]
    assert first.arena_bytes >= max(first.live_bytes)
    assert first.arena_bytes <= sum(-(-buffer.bytes // 4) * 4 for buffer in first.buffers.values())


@settings(derandomize=True, deadline=None, max_examples=60)
@given(networks(max_nodes=6))
def test_order_has_the_lowest_peak_of_all_orders(qgraph: QGraph) -> None:
    search = OrderSearch(qgraph, [0] * len(qgraph.nodes))
    writers = {node.output: index for index, node in enumerate(qgraph.nodes)}

    def sound(order: tuple[int, ...]) -> bool:
        at = {index: position for position, index in enumerate(order)}
        return all(at[writers[name]] < at[i] for i, node in enumerate(qgraph.nodes) for name in node.inputs if name in writers)

    peaks = [search.peak_bytes(order) for order in permutations(range(len(qgraph.nodes))) if sound(order)]
    best = search.best()
    assert sound(best)
    assert search.peak_bytes(best) == min(peaks)


def test_peak_of_an_order_is_the_live_bytes_of_its_plan() -> None:
    qgraph = residual_network()
    assert OrderSearch(qgraph, [0] * 4).peak_bytes(range(4)) == max(plan(qgraph, TARGET).live_bytes) == 3 * 16_384


def test_residual_addition_is_in_place() -> None:
    result = plan(residual_network(), TARGET)
    assert result.arena_bytes == 49_152
    assert result.steps[3].overwrites in ("a", "c")
    assert all(buffer.offset_bytes % 16 == 0 for buffer in result.buffers.values())


@pytest.mark.parametrize(
    ("sizes", "arena_bytes"),
    [
        pytest.param((490, 8000, 8000, 8000, 8000, 64, 12, 12), 16_000, id="kws"),
        pytest.param((640, 128, 128, 128, 8, 128, 128, 640), 768, id="ad"),
        pytest.param((10, 7), 8 + 10, id="alignment that wastes least"),
        pytest.param((5,), 5, id="no layer"),
    ],
)
def test_chains_ping_pong(sizes: tuple[int, ...], arena_bytes: int) -> None:
    assert plan(chain(*sizes), TARGET).arena_bytes == arena_bytes


def test_branches_are_reordered() -> None:
    """Two branches that swell and shrink: one after the other needs less than both at once."""
    sizes = {"in": 16, "a": 1600, "b": 1600, "a1": 16, "b1": 16, "out": 16}
    nodes = [
        (Mix(1, 1600), ["in"], "a"),
        (Mix(2, 1600), ["in"], "b"),
        (Mix(3, 16), ["a"], "a1"),
        (Mix(4, 16), ["b"], "b1"),
        (Mix(5, 16), ["a1", "b1"], "out"),
    ]
    result = plan(network(sizes, nodes, ["in"], ["out"]), TARGET)
    assert [step.node.layer for step in result.steps] == ["a", "a1", "b", "b1", "out"]
    assert result.arena_bytes == 1600 + 16 + 16


def test_order_is_kept_where_no_other_is_better() -> None:
    sizes = {"in": 16, "a": 16, "b": 16, "c": 16}
    nodes = [(Mix(1, 16), ["in"], "a"), (Mix(2, 16), ["in"], "b"), (Mix(3, 16), ["b", "a"], "c")]
    result = plan(network(sizes, nodes, ["in"], ["c"]), TARGET)
    assert [step.node.layer for step in result.steps] == ["a", "b", "c"]


def test_input_that_is_also_an_output_is_not_overwritten() -> None:
    qgraph = network({"in": 16, "a": 16}, [(MixInPlace(0, 16), ["in"], "a")], ["in"], ["in", "a"])
    result = plan(qgraph, TARGET)
    assert result.steps[0].overwrites is None
    assert result.arena_bytes == 32


def test_dying_model_input_is_overwritten() -> None:
    result = plan(network({"in": 16, "a": 16}, [(MixInPlace(0, 16), ["in"], "a")], ["in"], ["a"]), TARGET)
    assert result.steps[0].overwrites == "in"
    assert result.arena_bytes == 16


def test_scratch_takes_free_space_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the second step of three the first buffer's place is the gap."""
    hungry = Kernel("mix_s8", "portable", scratch_bytes=lambda op: 32 if isinstance(op, Mix) and op.output_bytes == 16 else 0)
    monkeypatch.setattr("edgecomp.plan.instruction_sets.KERNELS", {"portable": {"mix_s8": hungry}})
    inside = plan(chain(64, 64, 16, 64, 64), TARGET)
    behind = plan(chain(16, 16, 16), TARGET)
    assert inside.scratch_bytes == 0
    assert inside.steps[1].scratch is not None
    assert behind.scratch_bytes == 32
    assert behind.memory_bytes == behind.arena_bytes + 32 == 64


def test_model_that_needs_more_ram_is_refused() -> None:
    with pytest.raises(FitError, match=r"does not fit bench.*49,152.*has 32,768.*'c'.*49,152") as caught:
        plan(residual_network(), portable_target(ram_bytes=32_768))
    assert "flash" not in str(caught.value)


def test_model_that_needs_more_flash_is_refused() -> None:
    with pytest.raises(FitError, match=r"does not fit bench.*flash.*has 64"):
        plan(residual_network(), portable_target(flash_bytes=64))


def test_verify_refuses_overlap_and_short_lifetimes() -> None:
    sound = lay_out(residual_network(), TARGET)
    a = sound.buffers["a"]
    with pytest.raises(ValueError, match="overlap"):
        replace(sound, buffers={**sound.buffers, "b": Buffer(a.offset_bytes, a.bytes, 1, 2)}).verify()
    with pytest.raises(ValueError, match="kept for as long"):
        replace(sound, buffers={**sound.buffers, "a": replace(a, last_step=1)}).verify()
    with pytest.raises(ValueError, match="outside"):
        replace(sound, arena_bytes=40_000).verify()
    moved = replace(sound.buffers["sum"], offset_bytes=sound.buffers["b"].offset_bytes)
    with pytest.raises(ValueError, match="only in part"):
        replace(sound, buffers={**sound.buffers, "sum": moved}).verify()

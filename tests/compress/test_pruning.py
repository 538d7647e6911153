"""The pruning methods on the digit classifier: they meet the size, keep most of the accuracy, and say what they cannot do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecomp.compress.absorb import Cutter
from edgecomp.compress.activations import measured
from edgecomp.compress.budget import Budget, size_of
from edgecomp.compress.channels import channels, keep_channels
from edgecomp.compress.filters_l1 import norms
from edgecomp.compress.job import Job, Samples
from edgecomp.compress.layer_weights import filters, with_filters
from edgecomp.compress.recipe import Step
from edgecomp.compress.registry import METHODS
from edgecomp.compress.run import Bench, Orders
from edgecomp.compress.slimming import with_batch_norm
from edgecomp.compress.thinet import greedy
from edgecomp.errors import DataError
from edgecomp.frontend.onnx_export import to_model
from edgecomp.frontend.onnx_import import from_model
from edgecomp.graph import Graph
from edgecomp.passes import simplify
from edgecomp.quant.floating import FloatModel
from tests.compress.drawn_networks import Drawing, networks

TRAINED_ONLY = ("fisher", "slimming")
UNTRAINED = ("prune-filters-l1", "thinet", "prune-activations")
VARIANTS = [
    ("prune-filters-l1", {}),
    ("thinet", {}),
    ("thinet", {"rescale": "weights", "epochs_between": 1}),
    *(("prune-activations", {"variant": variant}) for variant in ("plain", "distortion", "l1", "outliers")),
    ("slimming", {}),
    ("fisher", {}),
]


def step(name: str, options: Mapping[str, Any] | None = None, **fields: Any) -> Step:
    """A step with all options of its method."""
    return Step(name, options=METHODS[name].read_options(name, options or {}), **fields)


@pytest.mark.parametrize(
    ("name", "options"), VARIANTS, ids=lambda value: "-".join(value.values()) if isinstance(value, dict) and "variant" in value else None
)
def test_a_method_meets_the_size_and_keeps_the_accuracy(digits_bench: Bench, name: str, options: dict[str, Any]) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed (extra `edgecomp[train]`)")
    result = digits_bench.run([step(name, options)], Orders(keep_macs=0.5, epochs=3))
    size = size_of(result.graph)
    assert 0.4 * digits_bench.reference.macs < size.macs <= 0.5 * digits_bench.reference.macs
    assert result.after.accuracy >= result.before.accuracy - 0.08
    model = to_model(result.graph)
    onnx.checker.check_model(model, full_check=True)
    onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("name", UNTRAINED)
def test_a_method_that_does_not_train_does_without_torch(digits_bench: Bench, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    result = digits_bench.run([step(name)], Orders(keep_parameters=0.7, epochs=0))
    assert size_of(result.graph).parameters <= 0.7 * digits_bench.reference.parameters


def test_only_the_layers_named_change(digits_bench: Bench) -> None:
    result = digits_bench.run([step("prune-filters-l1", layers=("residual_a",))], Orders(keep_parameters=0.8, epochs=0))
    widths = {node.name: result.graph.tensors[node.outputs[0]].shape[1] for node in result.graph.nodes}
    assert widths["residual_a"] < 24
    assert (widths["stem"], widths["pointwise"], widths["residual_b"]) == (16, 24, 24)


def test_a_size_below_what_is_possible_says_the_least(digits_bench: Bench) -> None:
    with pytest.raises(DataError, match=r"--keep-macs 0.0001 asks for 0.0% of the MACs, and the least possible is \d"):
        digits_bench.run([step("prune-filters-l1")], Orders(keep_macs=0.0001, epochs=0))


def test_no_size_is_refused(digits_bench: Bench) -> None:
    with pytest.raises(DataError, match="how small the network is to be is not said"):
        digits_bench.run([step("prune-filters-l1")], Orders(epochs=0))


def test_fisher_needs_classes(digits_bench: Bench) -> None:
    unlabelled = replace(digits_bench, train=Samples(digits_bench.train.x), judge=Samples(digits_bench.judge.x))
    with pytest.raises(DataError, match="fisher needs the class of every training sample"):
        unlabelled.run([step("fisher")], Orders(keep_macs=0.5))


def test_without_classes_the_original_is_imitated(digits_bench: Bench) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed (extra `edgecomp[train]`)")
    unlabelled = Bench(digits_bench.original, Samples(digits_bench.train.x), Samples(digits_bench.judge.x))
    result = unlabelled.run([step("thinet")], Orders(keep_macs=0.5, epochs=2))
    assert result.before.accuracy == 1.0
    assert result.after.accuracy > 0.9


def test_filters_of_least_norm_are_found() -> None:
    made = Drawing(0, 2)
    x = made.relu(made.convolution("x", 4))
    graph = _classifier(made, x)
    found = channels(graph)
    own = filters(graph, found.groups[0].name)
    own[2] *= 1e-3
    quiet = graph.rebuilt(graph.nodes, [with_filters(graph, found.groups[0].name, own)])
    assert np.argmin(norms(channels(quiet), channels(quiet).groups[0])) == 2


def test_the_greedy_choice_takes_opposites_together() -> None:
    contributions = np.random.default_rng(0).normal(size=(500, 4)) + 5
    contributions[:, 3] = -contributions[:, 1]
    order = greedy(contributions.T @ contributions, np.zeros(4, bool))
    assert set(order[:2]) == {1, 3}


@given(networks())
@settings(max_examples=30, deadline=None, derandomize=True)
def test_batch_norm_put_back_changes_nothing(graph: Graph) -> None:
    x = np.random.default_rng(0).normal(size=(30, *graph.tensors["x"].shape[1:])).astype(np.float32)
    found = channels(graph)
    normalized, scales = with_batch_norm(graph, [group.name for group in found.groups], Samples(x))
    assert set(scales) == {name for group in found.groups for name in group.producers}
    wanted = FloatModel(graph).predict(x)
    for same in (normalized, simplify(normalized)):
        np.testing.assert_allclose(FloatModel(same).predict(x), wanted, atol=1e-3 * max(1.0, float(np.abs(wanted).max())))
    assert not any(node.kind == "BatchNormalization" for node in simplify(normalized).nodes)


@given(networks(), st.integers(0, 2**16))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_channels_that_are_constant_are_absorbed_exactly_without_padding(graph: Graph, seed: int) -> None:
    """On a network without borders a constant channel goes without a trace; on others the cut network is at least valid."""
    random = np.random.default_rng(seed)
    found = channels(graph)
    x = random.normal(size=(20, *graph.tensors["x"].shape[1:])).astype(np.float32)
    kept = {group.name: np.arange(1, group.units) for group in found.groups[:1] if not group.must_stay[0]}
    cut = Cutter(found, Samples(x)).cut(kept)
    assert size_of(cut) == size_of(keep_channels(found, kept))
    onnx.checker.check_model(to_model(cut), full_check=True)


def test_a_constant_channel_is_absorbed_exactly() -> None:
    made = Drawing(3, 2)
    flat = made.add("Flatten", ["x"], 2 * 36)
    hidden = made.relu(made.add("Gemm", [flat, made.constant(6, 72), made.constant(6)], 6, transB=1))
    graph = simplify(from_model(made.model(made.add("Gemm", [hidden, made.constant(3, 6), made.constant(3)], 3, transB=1)), "drawn"))
    first = channels(graph).groups[0].name
    own = filters(graph, first)
    own[4] = 0  # what remains is its bias
    graph = graph.rebuilt(graph.nodes, [with_filters(graph, first, own)])
    bias = graph.tensors[str(graph.nodes[1].inputs[2])]
    graph = graph.rebuilt(graph.nodes, [replace(bias, data=np.abs(bias.data))])
    x = np.random.default_rng(0).normal(size=(20, 2, 6, 6)).astype(np.float32)
    cut = Cutter(channels(graph), Samples(x)).cut({first: np.array([0, 1, 2, 3, 5])})
    np.testing.assert_allclose(FloatModel(cut).predict(x), FloatModel(graph).predict(x), atol=1e-4)


def test_rates_are_shares_of_positions_above_zero(digits_bench: Bench) -> None:
    found = channels(digits_bench.original)
    group = found.by_name["residual_a"]
    job = Job(digits_bench.train.first(50), digits_bench.judge, Budget(digits_bench.reference), 0)
    activity = measured(found, [group], job)["residual_a"]
    reader = next(node for node in found.graph.nodes if node.name == "residual_b")
    values = FloatModel(found.graph, [str(reader.inputs[0])]).predict(digits_bench.train.x[:50])
    np.testing.assert_allclose(activity.rate, (values > 0).mean((0, 2, 3)))
    np.testing.assert_allclose(activity.variance, values.var((0, 2, 3)), atol=1e-4)


def test_without_a_size_only_units_that_never_fire_go(digits_bench: Bench) -> None:
    graph = digits_bench.original
    own = filters(graph, "residual_a")
    own[:5] = 0
    bias = graph.tensors[str(next(node for node in graph.nodes if node.name == "residual_a").inputs[2])]
    silent = bias.data.copy()
    silent[:5] = -1
    dead = graph.rebuilt(graph.nodes, [with_filters(graph, "residual_a", own), replace(bias, data=silent)])
    made = Bench(dead, digits_bench.train, digits_bench.judge)
    result = made.run([step("prune-activations", {"least_rate": 1e-9}, layers=("residual_a",))], Orders(epochs=0))
    widths = {node.name: result.graph.tensors[node.outputs[0]].shape[1] for node in result.graph.nodes}
    assert widths["residual_a"] <= 19
    assert result.after.accuracy == pytest.approx(result.before.accuracy)


def _classifier(made: Drawing, x: str) -> Graph:
    count = made.channels[x]
    flat = made.add("Flatten", [made.add("GlobalAveragePool", [x], count)], count)
    return simplify(from_model(made.model(made.add("Gemm", [flat, made.constant(3, count), made.constant(3)], 3, transB=1)), "drawn"))

"""Channels that go together are found, and a network without some of them is valid and computes what it should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from edgecomp.compress.channels import Channels, channels, keep_channels
from edgecomp.errors import DataError, UnsupportedError
from edgecomp.frontend.onnx_export import to_model
from edgecomp.frontend.onnx_import import from_model
from edgecomp.graph import Graph, Tensor
from edgecomp.ops.conv import Conv
from edgecomp.ops.conv_transpose import ConvTranspose
from edgecomp.ops.gemm import Gemm
from edgecomp.passes import simplify
from edgecomp.quant.floating import FloatModel
from tests.compress.drawn_networks import Drawing, networks


def _deaf(found: Channels, gone: dict[str, np.ndarray]) -> Graph:
    """The same network, whose layers multiply the units that go (bool [units] by group) by zero."""
    graph, tensors = found.graph, {}
    for group in found.groups:
        for name, units in group.readers.items():
            node = next(node for node in graph.nodes if node.name == name)
            weights = tensors.get(node.inputs[1]) or graph.tensors[str(node.inputs[1])]
            dropped = np.where(units < 0, False, gone[group.name][units])
            tensors[weights.name] = replace(weights, data=_without(node.op, weights.data.copy(), dropped))
    return graph.rebuilt(graph.nodes, tensors.values())


def _without(op: object, weights: np.ndarray, dropped: np.ndarray) -> np.ndarray:
    if isinstance(op, Conv):
        by_group = weights.reshape(op.group, -1, *weights.shape[1:])
        for number, part in enumerate(dropped.reshape(op.group, -1)):
            by_group[number][:, part] = 0
    elif isinstance(op, ConvTranspose) or not (isinstance(op, Gemm) and op.transB):
        weights[dropped] = 0
    else:
        weights[:, dropped] = 0
    return weights


@given(networks(), st.integers(0, 2**16))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_removing_channels_that_nothing_reads_changes_nothing(graph: Graph, seed: int) -> None:
    random = np.random.default_rng(seed)
    found = channels(graph)
    kept = {group.name: np.flatnonzero(random.random(group.units) < 0.6) for group in found.groups}
    kept = {name: indices for name, indices in kept.items() if len(indices)}
    gone = {}
    for group in found.groups:
        stays = np.isin(np.arange(group.units), kept.get(group.name, np.arange(group.units))) | group.must_stay
        gone[group.name] = ~stays
    try:
        smaller = keep_channels(found, kept)
    except DataError:  # a part that a Slice takes may have lost all
        reject()
    onnx.checker.check_model(to_model(smaller), full_check=True)
    x = random.normal(size=(3, *graph.tensors["x"].shape[1:])).astype(np.float32)
    wanted, actual = FloatModel(_deaf(found, gone)).predict(x), FloatModel(smaller).predict(x)
    np.testing.assert_allclose(actual, wanted, atol=1e-3 * max(1.0, float(np.abs(wanted).max())))
    assert smaller.parameters <= graph.parameters
    assert (smaller.parameters < graph.parameters) == any(own.any() for own in gone.values())


@given(networks())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_keeping_all_changes_nothing(graph: Graph) -> None:
    found = channels(graph)
    same = keep_channels(found, {group.name: np.arange(group.units) for group in found.groups})
    assert same.nodes == graph.nodes
    assert {name: tensor.shape for name, tensor in same.tensors.items()} == {name: tensor.shape for name, tensor in graph.tensors.items()}


def _network(drawing: Drawing, output: str) -> Graph:
    return simplify(from_model(drawing.model(output), "drawn"))


def _classifier(made: Drawing, x: str) -> Graph:
    count = made.channels[x]
    flat = made.add("Flatten", [made.add("GlobalAveragePool", [x], count)], count)
    return _network(made, made.add("Gemm", [flat, made.constant(3, count), made.constant(3)], 3, transB=1))


def test_a_residual_sum_ties_its_terms() -> None:
    made = Drawing(0, 2)
    first = made.relu(made.convolution("x", 6))
    second = made.convolution(made.relu(made.convolution(first, 4)), 6)
    found = channels(_classifier(made, made.relu(made.add("Add", [first, second], 6))))
    assert [group.units for group in found.groups] == [6, 4]
    assert len(found.groups[0].producers) == 2


def test_groups_of_a_convolution_stay_in_step() -> None:
    made = Drawing(0, 2)
    found = channels(_classifier(made, made.relu(made.convolution(made.relu(made.convolution("x", 8)), 12, group=4))))
    assert [group.units for group in found.groups] == [2, 3]
    smaller = keep_channels(found, {found.groups[1].name: np.array([0, 2])})
    grouped = next(node for node in smaller.nodes if isinstance(node.op, Conv) and node.op.group > 1)
    assert grouped.op.group == 4
    assert smaller.tensors[str(grouped.inputs[1])].shape == (8, 2, 3, 3)


def test_flattened_channels_take_their_pixels_along() -> None:
    made = Drawing(0, 2)
    x = made.relu(made.convolution("x", 5))
    flat = made.add("Flatten", [x], 5 * 36)
    found = channels(_network(made, made.add("Gemm", [flat, made.constant(3, 5 * 36), made.constant(3)], 3, transB=1)))
    smaller = keep_channels(found, {found.groups[0].name: np.array([1, 4])})
    weights = smaller.tensors[str(smaller.nodes[-1].inputs[1])].data
    original = found.graph.tensors[str(found.graph.nodes[-1].inputs[1])].data
    np.testing.assert_array_equal(weights.reshape(3, 2, 36), original.reshape(3, 5, 36)[:, [1, 4]])


def test_what_makes_the_output_is_refused_by_name() -> None:
    made = Drawing(0, 2)
    found = channels(_classifier(made, made.relu(made.convolution("x", 5))))
    last = found.graph.nodes[-1].name
    with pytest.raises(UnsupportedError, match=rf"layer '{last}' cannot be made thinner: .* is an output of the network"):
        found.changeable((last,))


def test_a_layer_that_is_not_there_is_named_with_those_that_are() -> None:
    made = Drawing(0, 2)
    found = channels(_classifier(made, made.relu(made.convolution("x", 5))))
    with pytest.raises(DataError, match=rf"has no layer 'nothing'; those that can be made thinner: '{found.groups[0].name}'"):
        found.changeable(("nothing",))


def test_half_of_a_residual_sum_is_refused() -> None:
    made = Drawing(0, 2)
    first = made.relu(made.convolution("x", 6))
    second = made.convolution(made.relu(made.convolution(first, 4)), 6)
    found = channels(_classifier(made, made.relu(made.add("Add", [first, second], 6))))
    names = list(found.groups[0].producers)
    with pytest.raises(UnsupportedError, match="shares its channels with"):
        found.changeable(names[:1])
    assert found.changeable(names) == found.groups[:1]


def test_a_width_of_zero_is_refused() -> None:
    made = Drawing(0, 2)
    found = channels(_classifier(made, made.relu(made.convolution("x", 5))))
    with pytest.raises(DataError, match="width would be zero"):
        keep_channels(found, {found.groups[0].name: np.array([], int)})


def test_constants_that_two_layers_share_are_cut_for_each() -> None:
    made = Drawing(0, 4)
    x = made.relu(made.convolution("x", 4))
    weights = made.constant(4, 4, 3, 3)
    for _ in range(2):
        x = made.relu(made.add("Conv", [x, weights], 4, pads=[1] * 4))
    found = channels(_classifier(made, x))
    smaller = keep_channels(found, {group.name: np.arange(size) for group, size in zip(found.groups, (3, 2, 1), strict=True)})
    shapes = [smaller.tensors[str(node.inputs[1])].shape[:2] for node in smaller.nodes if isinstance(node.op, Conv)]
    assert shapes == [(3, 4), (2, 3), (1, 2)]


def test_names_of_constants_stay_where_they_can() -> None:
    made = Drawing(0, 2)
    found = channels(_classifier(made, made.relu(made.convolution("x", 5))))
    smaller = keep_channels(found, {found.groups[0].name: np.array([0, 3])})
    assert set(smaller.tensors) == set(found.graph.tensors)
    assert isinstance(smaller.tensors["x"], Tensor)

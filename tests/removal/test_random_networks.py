"""Random networks with dead channels: nothing that stays changes, whatever comes in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from edgecomp import reference
from edgecomp.qgraph import QGraph, QOp
from edgecomp.qops import QOPS, SKIPPING
from edgecomp.removal import remove_work
from edgecomp.removal.analysis import analyze
from edgecomp.removal.rules import RULES
from tests.removal.builder import LAYERS, Drawn, drawn, samples


def check(before: QGraph) -> None:
    """Every channel that stays of every tensor holds the same integers; what is gone was constant or unread; ranges hold."""
    after, removed = remove_work(before)
    after.verify()
    inputs = samples(before)
    wanted = reference.evaluate(before, inputs, keep=lambda name: True)
    found = reference.evaluate(after, inputs, keep=lambda name: True)
    gone = {layer.tensor: {*layer.constant, *layer.unread} for layer in removed.layers}
    ranges = analyze(before).ranges
    for node in after.nodes:
        channels = ranges[node.output].channels
        kept = [c for c in range(channels) if c not in gone.get(node.output, ())]
        expected = wanted[node.output].reshape(len(inputs[0]), -1, channels)[:, :, kept]
        np.testing.assert_array_equal(found[node.output].reshape(expected.shape), expected, err_msg=node.layer)
        assert after.tensors[node.output].bytes == expected[0].size
        assert (after.tensors[node.output].permutation is None) == (node.output in gone)
    for layer in removed.layers:
        values = wanted[layer.tensor].reshape(-1, layer.channels)
        assert layer.count <= layer.channels
        for channel, value in layer.constant.items():
            assert np.all(values[:, channel] == value)
    for port in before.outputs:
        np.testing.assert_array_equal(wanted[port.tensor], found[port.tensor])
    assert removed.macs_after == after.macs <= removed.macs_before == before.macs
    rows = sum(tensor.bytes for name, tensor in after.tensors.items() if tensor.data is not None and name not in before.tensors)
    assert removed.parameters_after <= removed.parameters_before + rows


def check_ranges(qgraph: QGraph) -> None:
    """No tensor holds a value outside its range."""
    values = reference.evaluate(qgraph, samples(qgraph), keep=lambda name: True)
    for name, known in analyze(qgraph).ranges.items():
        if name in values:
            rows = values[name].reshape(-1, known.channels).astype(int)
            assert np.all(rows >= known.low) and np.all(rows <= known.high), name


def test_every_operator_has_a_rule() -> None:
    joined = {
        name for name, kind in QOPS.items() if getattr(kind, "parts", None) is not getattr(QOp, "parts", None)
    }  # by the planner, after removal
    assert set(RULES) == set(QOPS) - joined - SKIPPING


@pytest.mark.parametrize("layer", sorted(LAYERS))
def test_single_layers(layer: str) -> None:
    """Between two convolutions, that have dead channels around it."""

    @settings(max_examples=12)
    @given(drawn())
    def holds(net: Drawn) -> None:
        qgraph = Drawn(("conv", layer, "conv"), net.size, net.seed, net.second_output).build()
        check(qgraph)
        check_ranges(qgraph)

    holds()


@settings(max_examples=120)
@given(drawn())
def test_networks(net: Drawn) -> None:
    qgraph = net.build()
    check(qgraph)
    check_ranges(qgraph)


@pytest.mark.slow
@settings(max_examples=1500)
@given(drawn(most_layers=10))
def test_many_networks(net: Drawn) -> None:
    qgraph = net.build()
    check(qgraph)
    check_ranges(qgraph)


def test_removal_has_something_to_do() -> None:
    """The networks that are drawn do lose work, about every other one."""
    shares = []
    for seed in range(40):
        names = sorted(LAYERS)
        layers = tuple(names[(seed * 7 + i * 11) % len(names)] for i in range(4))
        shares.append(remove_work(Drawn(layers, (4, 4, 6), seed, False).build())[1].share)
    assert np.mean(np.array(shares) > 0) > 0.4

"""Rules for sums that end early: exact ones change no bit, predictive ones stay within the budget."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgecomp import reference
from edgecomp.errors import DataError
from edgecomp.pipeline import QuantizedModel
from edgecomp.qops import Conv2D, Conv2DEarly
from edgecomp.skip import early
from edgecomp.skip.apply import apply
from edgecomp.skip.budget import Budget
from tests.skip.small_network import SAMPLES, small_network

Small = tuple[QuantizedModel, np.ndarray]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return small_network(tmp_path_factory.mktemp("early"))


def outputs(small: Small, rules: dict[str, early.Early]) -> np.ndarray:
    quantized, x = small
    return reference.outputs(apply(quantized.qgraph, rules), [quantized.buffers(quantized.samples(x))])[0]


def test_exact_rules_are_for_proved_inputs_and_keep_the_bits(small: Small) -> None:
    quantized, x = small
    qgraph = quantized.qgraph
    rules = early.exact_rules(qgraph)
    convolutions = [node for node in qgraph.nodes if isinstance(node.op, Conv2D)]
    assert convolutions[0].output not in rules, "the network's own input may be negative"
    assert set(rules) == {node.output for node in convolutions[1:]}
    np.testing.assert_array_equal(outputs(small, rules), outputs(small, {}))
    values = reference.evaluate(qgraph, [quantized.buffers(quantized.samples(x))], keep=lambda name: True)
    calibrated = early.exact_rules(qgraph, values)
    np.testing.assert_array_equal(outputs(small, calibrated), outputs(small, {}))
    executed = {}
    for name, chosen in (("plain", rules), ("calibrated", calibrated)):
        nodes = [node for node in apply(qgraph, chosen).nodes if isinstance(node.op, Conv2DEarly)]
        executed[name] = sum(node.op.executed_macs(values[node.inputs[0]]) for node in nodes)
        assert executed[name] < SAMPLES * sum(node.op.work.macs for node in nodes)
    assert executed["calibrated"] <= executed["plain"]


def test_an_input_that_may_be_negative_is_not_provable(small: Small) -> None:
    qgraph = small[0].qgraph
    first = next(node for node in qgraph.nodes if isinstance(node.op, Conv2D))
    assert isinstance(first.op, Conv2D)
    wider = replace(first, op=replace(first.op, clamp_min=-128, output_zero_point=0))
    changed = replace(qgraph, nodes=tuple(wider if node is first else node for node in qgraph.nodes))
    reader = next(node.output for node in qgraph.nodes if first.output in node.inputs)
    assert reader in {node.output for node in early.provable(qgraph)}
    reading = next(node for node in changed.nodes if node.output == reader)
    assert isinstance(reading.op, Conv2D)
    middle = replace(reading, op=replace(reading.op, input_zero_point=0))
    changed = replace(changed, nodes=tuple(middle if node is reading else node for node in changed.nodes))
    assert reader not in {node.output for node in early.provable(changed)}


def test_a_channel_that_saturates_ends_at_its_upper_clamp(small: Small) -> None:
    quantized, x = small
    qgraph = quantized.qgraph
    node = early.provable(qgraph)[0]
    assert isinstance(node.op, Conv2D)
    weights = np.abs(np.asarray(node.op.weights).astype(int)).reshape(node.op.output_c, -1)
    weights[:, 0] = -1  # one that lowers the sum, so that a sum is certain only after it
    saturated = replace(node.op, weights=weights.astype(np.int8), bias=np.asarray(node.op.bias) + 400_000)
    values = reference.evaluate(qgraph, [quantized.buffers(quantized.samples(x))], keep=lambda name: True)[node.inputs[0]]
    changed = replace(qgraph, nodes=tuple(replace(node, op=saturated) if each is node else each for each in qgraph.nodes))
    rule = early.exact_rules(changed, dict.fromkeys(changed.tensors, values) | _values(quantized, x))[node.output]
    op = early.operator(saturated, rule)
    op.verify()
    assert np.all(op.rises_from < op.taps)
    np.testing.assert_array_equal(op.evaluate(values), saturated.evaluate(values))
    assert op.executed_macs(values) < 0.2 * SAMPLES * op.work.macs


def _values(quantized: QuantizedModel, x: np.ndarray) -> dict[str, np.ndarray]:
    return dict(reference.evaluate(quantized.qgraph, [quantized.buffers(quantized.samples(x))], keep=lambda name: True))


def test_search_exact(small: Small) -> None:
    found = early.search(*small, None, Budget(samples=SAMPLES), predictive=False)
    assert found.mode == "early-exact"
    assert found.accuracy_skip == found.accuracy_dense == 1.0
    assert 0 < found.macs_executed < found.macs_dense
    np.testing.assert_array_equal(outputs(small, dict(found.rules)), outputs(small, {}))


def test_search_predictive_saves_more_within_the_budget(small: Small) -> None:
    exact = early.search(*small, None, Budget(samples=SAMPLES), predictive=False)
    found = early.search(*small, None, Budget(max_loss_points=20, samples=SAMPLES))
    assert found.macs_executed < exact.macs_executed
    assert found.loss_points <= 20
    assert any(np.any(rule.prefix) for rule in found.rules.values())
    assert found.front and all(0 < macs < found.macs_dense for macs, _ in found.front)
    again = early.search(*small, None, Budget(max_loss_points=20, samples=SAMPLES))
    for name, rule in found.rules.items():
        for item in ("order", "exact_from", "prefix", "thresholds"):
            np.testing.assert_array_equal(getattr(rule, item), getattr(again.rules[name], item))


def test_the_accuracy_reported_is_that_of_the_network_under_the_rules(small: Small) -> None:
    found = early.search(*small, None, Budget(max_loss_points=20, samples=SAMPLES))
    dense, skipping = (outputs(small, rules).argmax(axis=1)[1::2] for rules in ({}, dict(found.rules)))
    assert found.accuracy_skip == pytest.approx(float((dense == skipping).mean()))


def test_no_loss_is_no_prediction_that_costs_anything(small: Small) -> None:
    found = early.search(*small, None, Budget(max_loss_points=0, samples=SAMPLES))
    assert found.loss_points <= 0


def test_time_that_is_up_ends_in_rules_that_hold(small: Small) -> None:
    found = early.search(*small, None, Budget(max_loss_points=0, samples=SAMPLES, seconds=0))
    assert found.loss_points <= 0
    assert found.macs_executed < found.macs_dense


def test_only_named_layers_change(small: Small) -> None:
    name = early.provable(small[0].qgraph)[0].output
    found = early.search(*small, None, Budget(samples=SAMPLES, layers=(name,)), predictive=False)
    assert set(found.rules) == {name}
    with pytest.raises(DataError, match="no convolution computes nothing_of_the_kind: give some of"):
        early.search(*small, None, Budget(samples=SAMPLES, layers=("nothing_of_the_kind",)))


def test_one_row_is_refused(small: Small) -> None:
    with pytest.raises(DataError, match="two rows"):
        early.search(small[0], small[1][:1], None)

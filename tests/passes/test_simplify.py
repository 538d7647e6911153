"""Whatever network is drawn, simplifying changes its form and not its function."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings

from edgecomp.frontend.onnx_export import to_model
from edgecomp.frontend.onnx_import import from_model
from edgecomp.graph import Array, Graph
from edgecomp.interpret import evaluate
from edgecomp.ops.batch_normalization import BatchNormalization
from edgecomp.ops.gemm import Gemm
from edgecomp.ops.identity import Identity
from edgecomp.passes import PASSES, simplify
from tests.passes.drawn_models import feeds_for, models, run_onnx


def assert_close(got: Array, expected: Array) -> None:
    """Equal up to float rounding, measured against the largest value."""
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4 * max(1.0, float(np.abs(expected).max())))


def outputs_of(graph: Graph, feeds: dict[str, Array]) -> list[Array]:
    """The network's outputs in order."""
    values = evaluate(graph, feeds)
    return [values[name] for name in graph.outputs]


@settings(max_examples=60)
@given(model=models())
def test_simplified_network_computes_what_the_model_computes(model: onnx.ModelProto) -> None:
    feeds = feeds_for(model)
    expected = run_onnx(model, feeds)
    graph = from_model(model, "drawn")
    simple = simplify(graph)
    for network in (graph, simple):
        assert (network.inputs, network.outputs) == (("input",), tuple(value.name for value in model.graph.output))
        for got, wanted in zip(outputs_of(network, feeds), expected, strict=True):
            assert_close(got, wanted)
    for got, wanted in zip(run_onnx(to_model(simple), feeds), expected, strict=True):
        assert_close(got, wanted)


@settings(max_examples=30)
@given(model=models())
def test_simplified_network_has_canonical_nodes_only(model: onnx.ModelProto) -> None:
    simple = simplify(from_model(model, "drawn"))
    assert not any(isinstance(node.op, BatchNormalization) for node in simple.nodes)
    assert all(node.op == Gemm(transB=1) and len(node.inputs) == 3 for node in simple.nodes if isinstance(node.op, Gemm))
    assert all(node.outputs[0] in simple.outputs for node in simple.nodes if isinstance(node.op, Identity))
    assert len({node.name for node in simple.nodes}) == len(simple.nodes)


@settings(max_examples=30)
@given(model=models())
def test_simplifying_twice_changes_nothing(model: onnx.ModelProto) -> None:
    once = simplify(from_model(model, "drawn"))
    twice = simplify(once)
    assert [(node.name, node.op, node.outputs) for node in twice.nodes] == [(node.name, node.op, node.outputs) for node in once.nodes]


@pytest.mark.parametrize("run", PASSES, ids=lambda run: run.__name__)
@settings(max_examples=15)
@given(model=models())
def test_each_pass_alone_is_exact(run: object, model: onnx.ModelProto) -> None:
    assert callable(run)
    feeds = feeds_for(model)
    graph = from_model(model, "drawn")
    for got, wanted in zip(outputs_of(run(graph), feeds), outputs_of(graph, feeds), strict=True):
        assert_close(got, wanted)


@settings(max_examples=20)
@given(model=models())
def test_a_batch_is_each_sample_on_its_own(model: onnx.ModelProto) -> None:
    simple = simplify(from_model(model, "drawn"))
    shape = simple.tensors["input"].shape
    samples = np.random.default_rng(2).normal(size=(3, *shape[1:])).astype(np.float32)
    together = outputs_of(simple, {"input": samples})
    for index in range(3):
        for alone, batch in zip(outputs_of(simple, {"input": samples[index : index + 1]}), together, strict=True):
            assert_close(batch[index : index + 1], alone)

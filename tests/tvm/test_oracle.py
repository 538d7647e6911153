"""TVM's second opinion: the integer network rebuilt in Relax equals the numpy reference, bit for bit."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecomp import load, reference
from edgecomp.data.digits import load_digits
from edgecomp.data.samples import Preprocessing
from edgecomp.qgraph import IntArray, QGraph
from edgecomp.qops import QOPS
from tests.conftest import ROOT
from tests.runtime_c.drawn import CASES
from tests.tvm.networks import joined_network, side_by_side

pytest.importorskip("tvm", reason="Apache TVM is not installed: pip install 'edgecomp[tvm]'")

from edgecomp.tvm.oracle import UNCOVERED, evaluate, rebuilders

REAL_MODELS = Path(os.environ.get("EDGECOMP_REAL_MODELS", ROOT.parent / "shared" / "data"))
"""A folder with `models/*.onnx` (float) and `models_int8/*.qdq.onnx`."""
REAL = (
    *("ic_resnet8_int8.qdq", "kws_dscnn_int8.qdq", "ad_fc_autoencoder_int8.qdq"),
    *("ic_resnet8", "kws_dscnn", "cifar10_resnet20", "cifar10_cnn6"),
)


def assert_same(qgraph: QGraph, buffers: list[IntArray]) -> None:
    expected = reference.outputs(qgraph, buffers)
    for port, wanted, found in zip(qgraph.outputs, expected, evaluate(qgraph, buffers), strict=True):
        np.testing.assert_array_equal(found, wanted, err_msg=port.name)


def random_buffers(qgraph: QGraph, samples: int) -> list[IntArray]:
    generator = np.random.default_rng(1)
    return [generator.integers(-128, 128, (samples, qgraph.tensors[port.tensor].bytes)).astype(np.int8) for port in qgraph.inputs]


def test_every_operator_is_covered_or_named_as_not() -> None:
    assert rebuilders().keys() | UNCOVERED.keys() == QOPS.keys()
    assert not rebuilders().keys() & UNCOVERED.keys()


@pytest.mark.parametrize("kernel", sorted(QOPS.keys() - UNCOVERED.keys()))
@settings(max_examples=1)
@given(data=st.data())
def test_operator(kernel: str, data: st.DataObject) -> None:
    assert_same(*side_by_side(data.draw(st.lists(CASES[kernel], min_size=5, max_size=5))))


def test_operators_joined() -> None:
    qgraph = joined_network(0)
    outputs = reference.outputs(qgraph, random_buffers(qgraph, 8))
    assert all(len(np.unique(values)) > 20 for values in outputs[1:]), "the network must not be saturated, or it proves nothing"
    assert_same(qgraph, random_buffers(qgraph, 8))


def test_digits(digits_onnx: Path) -> None:
    x, _ = load_digits("test")
    quantized = load(digits_onnx).quantize(x[:100], preprocessing=Preprocessing(layout="nhwc", std=(16.0,)), method="min-max")
    assert_same(quantized.qgraph, [quantized.buffers(quantized.samples(x[100:140]))])


def test_a_wrong_parameter_shows() -> None:
    qgraph = joined_network(0)
    stem = qgraph.nodes[0]
    wrong = replace(stem, op=replace(stem.op, input_zero_point=-6))
    buffers = random_buffers(qgraph, 4)
    found = evaluate(replace(qgraph, nodes=(wrong, *qgraph.nodes[1:])), buffers)
    assert not np.array_equal(found[1], reference.outputs(qgraph, buffers)[1])


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_real_model(name: str) -> None:
    folder = REAL_MODELS / ("models_int8" if name.endswith(".qdq") else "models")
    if not (folder / f"{name}.onnx").is_file():
        pytest.skip(f"{name}.onnx is not in {folder}; EDGECOMP_REAL_MODELS names the folder")
    model = load(folder / f"{name}.onnx")
    if model.is_quantized:
        qgraph = model.absorbed().qgraph
    else:
        x = np.random.default_rng(0).normal(0, 1, (16, *model.input_shape)).astype(np.float32)
        qgraph = model.quantize(x, method="min-max").qgraph
    assert_same(qgraph, random_buffers(qgraph, 3))

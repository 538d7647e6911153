"""What exporters and quantizers write comes in, is simplified, and goes out again with the function unchanged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

import edgecomp
from edgecomp.frontend.onnx_export import to_model
from edgecomp.frontend.onnx_import import from_model, load_graph
from edgecomp.graph import Array, Graph
from edgecomp.interpret import evaluate
from edgecomp.passes import simplify
from edgecomp.qgraph import parameters
from tests.passes.drawn_models import ModelWriter, run_onnx, with_output_types

MODELS = Path(__file__).parent / "models"
TORCH_EXPORTS = sorted(path.name for path in MODELS.glob("*.onnx"))


def feeds_for(graph: Graph) -> dict[str, Array]:
    """Normal numbers for each input of a network."""
    random = np.random.default_rng(0)
    return {name: random.normal(size=graph.tensors[name].shape).astype(np.float32) for name in graph.inputs}


def assert_computes(graph: Graph, feeds: dict[str, Array], expected: list[Array], atol: float = 1e-5) -> None:
    """The network, simplified, and exported again, gives the expected outputs."""
    simple = simplify(graph)
    for network in (graph, simple):
        values = evaluate(network, feeds)
        for name, wanted in zip(network.outputs, expected, strict=True):
            np.testing.assert_allclose(values[name], wanted, rtol=1e-4, atol=atol)
    for got, wanted in zip(run_onnx(to_model(simple), feeds), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=atol)


def kinds(graph: Graph) -> list[str]:
    """The operators of a network, sorted."""
    return sorted(node.kind for node in graph.nodes)


def test_all_torch_exports_are_here() -> None:
    assert len(TORCH_EXPORTS) == 8


@pytest.mark.parametrize("name", TORCH_EXPORTS)
def test_torch_exports(name: str) -> None:
    graph = load_graph(MODELS / name)
    assert all(graph.tensors[name].shape[0] == 1 for name in graph.inputs)
    feeds = feeds_for(graph)
    assert_computes(graph, feeds, run_onnx(onnx.load(MODELS / name), feeds))


def test_torch_exporters_agree_after_simplifying() -> None:
    both = [[kinds(simplify(load_graph(MODELS / name))) for name in TORCH_EXPORTS if name.startswith(stem)] for stem in ("image", "signal")]
    image, signal = both
    assert all(found == image[0] for found in image)
    assert all(found.count("Gelu") == 1 for found in signal)
    assert {"Gelu", "HardSwish", "HardSigmoid", "PRelu"} <= set(image[0])
    assert "BatchNormalization" not in image[0]


def test_batch_norm_after_linear_is_folded() -> None:
    simple = simplify(load_graph(MODELS / "image_torchscript17.onnx"))
    assert kinds(simple).count("Gemm") == 2


def tensorflow_model() -> onnx.ModelProto:
    """A Keras network as tf2onnx writes it: channels-last input, Transpose, named by scopes, means over axes 1 and 2."""
    writer = ModelWriter((0, 12, 10, 3))
    writer.input = helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, ["unk__16", 12, 10, 3])
    writer.node("Transpose", perm=[0, 3, 1, 2])
    writer.node("Conv", writer.end, writer.weights(8, 3, 3, 3), strides=[2, 2], auto_pad="SAME_UPPER")
    writer.batch_norm(8)
    writer.node("Relu")
    writer.node("Conv", writer.end, writer.weights(8, 1, 3, 3), writer.weights(8), group=8, auto_pad="SAME_LOWER")
    writer.node("Mul", writer.end, writer.constant(np.float32([[[[0.5]]]])))
    writer.node("Min", writer.node("Max", writer.end, writer.constant(np.float32(0))), writer.constant(np.float32(6)))
    writer.node("MaxPool", kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_UPPER")
    writer.node("Transpose", perm=[0, 2, 3, 1])
    writer.node("ReduceMean", axes=[1, 2], keepdims=0)
    writer.node("MatMul", writer.end, writer.weights(8, 4))
    writer.node("Add", writer.end, writer.weights(4))
    writer.node("Softmax", axis=1)
    return writer.model()


def test_tensorflow_form() -> None:
    model = tensorflow_model()
    graph = from_model(model, "keras")
    feeds = feeds_for(graph)
    assert_computes(graph, feeds, run_onnx(model, feeds))
    layers = ["Clip", "Clip", "Conv", "Conv", "Gemm", "GlobalAveragePool", "MaxPool", "Relu", "Reshape", "Softmax", "Transpose"]
    assert kinds(simplify(graph)) == layers


def float_model() -> onnx.ModelProto:
    """A network with the layers that ONNX Runtime's quantizer quantizes."""
    writer = ModelWriter((1, 3, 8, 8))
    writer.node("Conv", writer.end, writer.weights(6, 3, 3, 3), writer.weights(6), pads=[1, 1, 1, 1])
    trunk = writer.node("Relu")
    writer.node("Conv", writer.end, writer.weights(6, 1, 3, 3), group=6, pads=[1, 1, 1, 1])
    writer.node("Add", writer.end, trunk)
    writer.node("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    writer.node("GlobalAveragePool")
    writer.node("Flatten")
    writer.node("Gemm", writer.end, writer.weights(6, 4), writer.weights(4))
    writer.node("Sigmoid")
    writer.node("MatMul", writer.end, writer.weights(4, 3))
    return writer.model()


class Samples:
    """Calibration data as ONNX Runtime's quantizer reads them."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self.rows = iter([{"input": random.normal(size=(1, 3, 8, 8)).astype(np.float32)} for _ in range(4)])

    def get_next(self) -> dict[str, Array] | None:
        return next(self.rows, None)


FORMS = {
    "int8": {"activation_type": "QInt8", "weight_type": "QInt8", "per_channel": False},
    "int8_per_channel": {"activation_type": "QInt8", "weight_type": "QInt8", "per_channel": True},
    "uint8": {"activation_type": "QUInt8", "weight_type": "QUInt8", "per_channel": False},
    "uint8_weights_int8_per_channel": {"activation_type": "QUInt8", "weight_type": "QInt8", "per_channel": True},
    "int16": {"activation_type": "QInt16", "weight_type": "QInt8", "per_channel": False},
}


@pytest.mark.parametrize("form", FORMS)
def test_quantizer_of_onnx_runtime(form: str, tmp_path: Path) -> None:
    from onnxruntime import quantization

    settings = {key: getattr(quantization.QuantType, value) if isinstance(value, str) else value for key, value in FORMS[form].items()}
    onnx.save(float_model(), tmp_path / "float.onnx")
    quantization.CalibrationDataReader.register(Samples)
    quantization.quantize_static(
        tmp_path / "float.onnx", tmp_path / "qdq.onnx", Samples(), quant_format=quantization.QuantFormat.QDQ, **settings
    )
    graph = load_graph(tmp_path / "qdq.onnx")
    names = kinds(graph)
    assert names.count("DequantizeLinear") > 8
    assert names.count("DequantizeLinear") == kinds(simplify(graph)).count("DequantizeLinear")
    feeds = feeds_for(graph)
    expected = run_onnx(onnx.load(tmp_path / "qdq.onnx"), feeds)
    step = max(float(tensor.data.max()) for name, tensor in graph.tensors.items() if tensor.data is not None and "scale" in name)
    assert_computes(graph, feeds, expected, atol=1.01 * step)


def test_a_file_of_integers_keeps_its_types() -> None:
    writer = ModelWriter((1, 4))
    writer.input = helper.make_tensor_value_info("input", onnx.TensorProto.UINT8, (1, 4))
    scale, zero = writer.constant(np.float32(0.5)), writer.constant(np.uint8(3))
    writer.node("DequantizeLinear", writer.end, scale, zero)
    writer.node("Relu")
    writer.node("QuantizeLinear", writer.end, scale, zero)
    model = with_output_types(writer.model())
    graph = from_model(model, "integers")
    assert [graph.tensors[name].dtype for name in (*graph.inputs, *graph.outputs)] == ["uint8", "uint8"]
    feeds = {"input": np.array([[0, 2, 5, 255]], np.uint8)}
    (expected,) = run_onnx(model, feeds)
    assert np.array_equal(evaluate(graph, feeds)[graph.outputs[0]], expected)
    assert np.array_equal(run_onnx(to_model(graph), feeds)[0], expected)


def test_all_outputs_gives_every_tensor_in_order() -> None:
    graph = simplify(from_model(float_model(), "all"))
    model = to_model(graph, all_outputs=True)
    names = [value.name for value in model.graph.output]
    assert names == [*graph.outputs, *(name for node in graph.nodes for name in node.outputs if name not in graph.outputs)]
    feeds = feeds_for(graph)
    everything = evaluate(graph, feeds, all_tensors=True)
    for name, value in zip(names, run_onnx(model, feeds), strict=True):
        np.testing.assert_allclose(value, everything[name], rtol=1e-4, atol=1e-5)


def test_gelu_goes_out_in_parts_and_comes_back_whole() -> None:
    graph = simplify(load_graph(MODELS / "image_dynamo20.onnx"))
    model = to_model(graph, all_outputs=True)
    assert "Gelu" not in {node.op_type for node in model.graph.node}
    assert len(model.graph.output) == len(graph.nodes)
    again = simplify(from_model(to_model(graph), "again"))
    assert [(node.name, node.op, node.outputs) for node in again.nodes] == [(node.name, node.op, node.outputs) for node in graph.nodes]


def test_a_quantized_network_comes_back_to_the_same_bits(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).normal(size=(16, 3, 16, 16)).astype(np.float32)
    quantized = edgecomp.load(MODELS / "image_dynamo20.onnx").quantize(samples, method="min-max")
    path = tmp_path / "quantized.onnx"
    path.write_bytes(quantized.to_onnx())
    again = edgecomp.load(path).quantize().qgraph
    assert [node.kind for node in again.nodes] == [node.kind for node in quantized.qgraph.nodes]
    assert "Gelu" in {node.kind for node in again.nodes}
    for node, other in zip(quantized.qgraph.nodes, again.nodes, strict=True):
        for name in parameters(type(node.op)):
            assert np.array_equal(getattr(node.op, name), getattr(other.op, name)), (node.layer, name)

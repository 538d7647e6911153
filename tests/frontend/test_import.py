"""What import makes of a valid model: static shapes, constants computed, names kept, older operator sets understood."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgecomp.errors import UnsupportedError
from edgecomp.frontend.onnx_export import to_model
from edgecomp.frontend.onnx_import import from_model, load_graph
from edgecomp.frontend.static_shapes import BATCH_NOTE
from edgecomp.graph import Array, Graph
from edgecomp.interpret import evaluate
from edgecomp.passes import simplify
from tests.frontend.test_bad_models import loose_model
from tests.passes.drawn_models import ModelWriter, run_onnx

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
REAL_MODELS = sorted(DATA.glob("models*/*.onnx"))


def ramp(*shape: int) -> Array:
    """Numbers from -2 up, different everywhere."""
    return (np.arange(np.prod(shape)).reshape(shape) / 3 - 2).astype(np.float32)


def assert_equal_to_onnx_runtime(model: onnx.ModelProto, x: Array) -> Graph:
    """The imported graph and its export compute what ONNX Runtime computes from the model; returns the graph."""
    graph = from_model(model, "net")
    (expected,) = run_onnx(model, {graph.inputs[0]: x})
    np.testing.assert_allclose(evaluate(graph, {graph.inputs[0]: x})[graph.outputs[0]], expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(run_onnx(to_model(graph), {graph.inputs[0]: x})[0], expected, rtol=1e-5, atol=1e-5)
    return graph


@pytest.mark.parametrize("batch", ["N", None, 0])
def test_dynamic_batch_becomes_one(batch: object) -> None:
    graph = from_model(loose_model([helper.make_node("Relu", ["x"], ["y"])], (batch, 3)), "net")
    assert graph.tensors["x"].shape == graph.tensors["y"].shape == (1, 3)


def test_fixed_batch_becomes_one() -> None:
    writer = ModelWriter((4, 2, 3, 3))
    writer.node("Reshape", writer.end, writer.constant(np.array([4, 18])))
    writer.node("Gemm", writer.end, writer.weights(18, 5))
    graph = from_model(writer.model(), "net")
    assert [graph.tensors[name].shape for name in ("input", "t0", "t1")] == [(1, 2, 3, 3), (1, 18), (1, 5)]
    assert "4" in graph.metadata[BATCH_NOTE]
    assert from_model(writer.model(), "net", keep_batch=True).tensors["t1"].shape == (4, 5)
    assert from_model(writer.model(), "net", {"input": (4, 2, 3, 3)}).tensors["t1"].shape == (4, 5)


def test_first_dimension_that_is_no_batch_stays() -> None:
    writer = ModelWriter((4, 3))
    writer.node("Transpose")
    graph = from_model(writer.model(), "net")
    assert graph.tensors["input"].shape == (4, 3)
    assert BATCH_NOTE not in graph.metadata


def test_weights_listed_as_inputs_are_no_inputs() -> None:
    model = loose_model([helper.make_node("Add", ["x", "w"], ["y"])], w=ramp(4))
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, (4,)))
    graph = from_model(model, "net")
    assert graph.inputs == ("x",)
    assert graph.parameters == 4


def test_names_are_kept_and_missing_ones_are_given() -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"], name="twice"),
        helper.make_node("Relu", ["b"], ["y"], name="twice"),
    ]
    graph = from_model(loose_model(nodes), "net")
    assert [node.name for node in graph.nodes] == ["Relu_0", "twice", "twice_1"]
    assert [node.outputs for node in graph.nodes] == [("a",), ("b",), ("y",)]


def test_metadata_are_kept() -> None:
    model = loose_model([helper.make_node("Relu", ["x"], ["y"])])
    helper.set_model_props(model, {"author": "someone", "edgecomp.x": "1"})
    graph = from_model(model, "net")
    assert dict(graph.metadata) == {"author": "someone", "edgecomp.x": "1"}
    assert dict(from_model(to_model(graph), "net").metadata) == dict(graph.metadata)


def test_constant_expressions_are_computed() -> None:
    nodes = [
        helper.make_node("Constant", [], ["two"], value_float=2.0),
        helper.make_node("Mul", ["w", "two"], ["doubled"]),
        helper.make_node("Transpose", ["doubled"], ["turned"]),
        helper.make_node("MatMul", ["x", "turned"], ["y"]),
    ]
    graph = from_model(loose_model(nodes, w=ramp(3, 4)), "net")
    assert [node.kind for node in graph.nodes] == ["MatMul"]
    assert np.array_equal(graph.constant("turned"), 2 * ramp(3, 4).T)


def test_shape_arithmetic_is_computed() -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["batch"]),
        helper.make_node("Concat", ["batch", "minus"], ["shape"], axis=0),
        helper.make_node("Reshape", ["x", "shape"], ["y"], name="flat"),
    ]
    model = loose_model(nodes, ("N", 2, 3), zero=np.array([0]), minus=np.array([-1]))
    graph = from_model(model, "net")
    assert [(node.name, node.kind) for node in graph.nodes] == [("flat", "Reshape")]
    assert graph.tensors["y"].shape == (1, 6)


def test_dequantized_constants_are_not_computed() -> None:
    nodes = [helper.make_node("DequantizeLinear", ["q", "s"], ["w"]), helper.make_node("MatMul", ["x", "w"], ["y"])]
    graph = from_model(loose_model(nodes, q=np.ones((4, 2), np.int8), s=np.float32(0.5)), "net")
    assert [node.kind for node in graph.nodes] == ["DequantizeLinear", "MatMul"]


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floating_types_become_float32(dtype: type) -> None:
    model = loose_model([helper.make_node("Add", ["x", "w"], ["y"])], w=np.ones(4, dtype))
    model.graph.input[0].type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = from_model(model, "net")
    assert {tensor.dtype for tensor in graph.tensors.values()} == {"float32"}


OLD_FORMS = {
    "Clip-6": (6 + 1, (1, 4), [helper.make_node("Clip", ["x"], ["y"], min=-0.5, max=0.25)], {}),
    "Squeeze-11": (11, (1, 4, 1), [helper.make_node("Squeeze", ["x"], ["y"], axes=[2])], {}),
    "Unsqueeze-11": (11, (1, 4), [helper.make_node("Unsqueeze", ["x"], ["y"], axes=[-1])], {}),
    "Dropout-7": (7, (1, 4), [helper.make_node("Dropout", ["x"], ["y"], ratio=0.5)], {}),
    "Pad-2": (10, (1, 2, 3), [helper.make_node("Pad", ["x"], ["y"], pads=[0, 0, 1, 0, 0, 2], value=1.5)], {}),
    "Slice-1": (9, (1, 5, 4), [helper.make_node("Slice", ["x"], ["y"], starts=[1, -3], ends=[9, -1], axes=[1, 2])], {}),
    "Softmax-11": (11, (1, 3, 1), [helper.make_node("Softmax", ["x"], ["y"])], {}),
    "LogSoftmax-11": (11, (1, 1, 4), [helper.make_node("LogSoftmax", ["x"], ["y"], axis=0)], {}),
    "ReduceMean-13": (13, (1, 2, 3, 3), [helper.make_node("ReduceMean", ["x"], ["y"], axes=[-1, 2], keepdims=0)], {}),
    "ReduceMean-18": (18, (1, 2, 3, 3), [helper.make_node("ReduceMean", ["x", "a"], ["y"])], {"a": np.array([-1, 2])}),
    "ReduceSum-11": (11, (1, 2, 3), [helper.make_node("ReduceSum", ["x"], ["y"], axes=[1])], {}),
    "Split-11": (
        11,
        (1, 4, 2),
        [helper.make_node("Split", ["x"], ["a", "b"], axis=1, split=[1, 3]), helper.make_node("Concat", ["b", "a"], ["y"], axis=1)],
        {},
    ),
    "Upsample-7": (8, (1, 2, 3, 3), [helper.make_node("Upsample", ["x"], ["y"], scales=[1.0, 1.0, 2.0, 3.0], mode="nearest")], {}),
    "Upsample-9": (9, (1, 2, 3, 3), [helper.make_node("Upsample", ["x", "s"], ["y"], mode="linear")], {"s": np.float32([1, 1, 2, 2])}),
    "Resize-10": (10, (1, 2, 3, 3), [helper.make_node("Resize", ["x", "s"], ["y"], mode="nearest")], {"s": np.float32([1, 1, 2, 2])}),
    "Resize-11": (
        11,
        (1, 2, 4, 4),
        [helper.make_node("Resize", ["x", "roi", "none", "s"], ["y"], mode="linear", coordinate_transformation_mode="align_corners")],
        {"s": np.array([1, 2, 7, 3]), "roi": np.zeros(0, np.float32), "none": np.zeros(0, np.float32)},
    ),
    "BatchNormalization-7": (
        8,
        (1, 2, 3, 3),
        [helper.make_node("BatchNormalization", ["x", "p", "p", "p", "p"], ["y"], momentum=0.8)],
        {"p": np.float32([0.5, 2])},
    ),
    "AveragePool-7": (
        7,
        (1, 2, 5, 5),
        [helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], auto_pad="SAME_LOWER", count_include_pad=1)],
        {},
    ),
    "Flatten-9": (9, (1, 2, 3, 4), [helper.make_node("Flatten", ["x"], ["y"], axis=2)], {}),
    "PRelu-9": (9, (1, 2, 3, 3), [helper.make_node("PRelu", ["x", "w"], ["y"])], {"w": ramp(2, 1, 1)}),
}


@pytest.mark.parametrize("form", OLD_FORMS)
def test_older_forms(form: str) -> None:
    opset, shape, nodes, arrays = OLD_FORMS[form]
    model = loose_model(nodes, shape, opset, **arrays)
    assert_equal_to_onnx_runtime(onnx.shape_inference.infer_shapes(model), ramp(*shape))


def test_softmax_over_joined_axes_is_refused() -> None:
    model = loose_model([helper.make_node("Softmax", ["x"], ["y"], name="s", axis=1)], (1, 3, 4), 11)
    with pytest.raises(UnsupportedError, match=r"node 's' \(Softmax\): .*opset 11 joins to one axis of 12.*Flatten"):
        from_model(model, "net")


@pytest.mark.parametrize("kernel", [1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [4, 5, 7])
@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool", "AveragePoolCounted"])
def test_ceil_mode_of_pools(kind: str, size: int, stride: int, kernel: int) -> None:
    writer = ModelWriter((1, 2, size, size + 1))
    counted = {"count_include_pad": 1} if kind == "AveragePoolCounted" else {}
    pads = [kernel // 2, 0, 0, kernel // 2]
    writer.node(kind.removesuffix("Counted"), kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=pads, ceil_mode=1, **counted)
    assert_equal_to_onnx_runtime(writer.model(), ramp(1, 2, size, size + 1))


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize(("stride", "kernel"), [(1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3), (3, 4)])
@pytest.mark.parametrize("kind", ["Conv", "ConvTranspose", "MaxPool", "AveragePool"])
def test_auto_pad(kind: str, stride: int, kernel: int, auto_pad: str) -> None:
    writer = ModelWriter((1, 2, 6, 7))
    if kind.startswith("Conv"):
        writer.node(kind, writer.end, writer.weights(2, 2, kernel, kernel), strides=[stride] * 2, auto_pad=auto_pad)
    else:
        writer.node(kind, kernel_shape=[kernel] * 2, strides=[stride] * 2, auto_pad=auto_pad)
    assert_equal_to_onnx_runtime(writer.model(), ramp(1, 2, 6, 7))


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool", "Conv"])
def test_same_padding_of_strides_longer_than_the_kernel(kind: str, auto_pad: str) -> None:
    writer = ModelWriter((1, 1, 6, 8))
    attributes = {"kernel_shape": [1, 2], "strides": [2, 3], "auto_pad": auto_pad}
    if kind == "Conv":
        writer.node(kind, writer.end, writer.constant(np.float32([[[[0.5, 0.5]]]])), **attributes)
    else:
        writer.node(kind, **attributes)
    graph = from_model(writer.model(), "net")
    x = ramp(1, 1, 6, 8)
    reduce = {"MaxPool": np.max, "AveragePool": np.mean, "Conv": np.mean}[kind]
    expected = reduce(x[:, :, ::2][..., [[0, 1], [3, 4], [6, 7]]], axis=-1)
    got = evaluate(graph, {"input": x})[graph.outputs[0]]
    np.testing.assert_allclose(got, expected, rtol=1e-6)


@pytest.mark.parametrize("shape", [(9, 9), (10, 8)])
def test_output_shape_of_conv_transpose(shape: tuple[int, int]) -> None:
    writer = ModelWriter((1, 2, 4, 4))
    writer.node("ConvTranspose", writer.end, writer.weights(2, 3, 3, 3), strides=[2, 2], output_shape=list(shape), output_padding=[1, 1])
    assert_equal_to_onnx_runtime(writer.model(), ramp(1, 2, 4, 4))


@pytest.mark.skipif(not REAL_MODELS, reason="the real models beside the project are not here")
@pytest.mark.parametrize("path", REAL_MODELS, ids=lambda path: path.name)
def test_real_models(path: Path) -> None:
    graph = load_graph(path)
    random = np.random.default_rng(0)
    feeds = {name: random.normal(size=graph.tensors[name].shape) * 20 for name in graph.inputs}
    feeds = {name: value.astype(graph.tensors[name].dtype) for name, value in feeds.items()}
    expected = run_onnx(onnx.load(path), feeds)
    for network in (graph, simplify(graph)):
        for name, wanted in zip(network.outputs, expected, strict=True):
            np.testing.assert_allclose(evaluate(network, feeds)[name], wanted, rtol=1e-4, atol=1e-5 * float(np.abs(wanted).max()))
    for got, wanted in zip(run_onnx(to_model(graph), feeds), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_local_functions_are_written_out() -> None:
    body = [helper.make_node("Mul", ["a", "a"], ["b"]), helper.make_node("Relu", ["b"], ["c"])]
    function = helper.make_function("acme", "Square", ["a"], ["c"], body, [helper.make_opsetid("", 17)])
    model = loose_model([helper.make_node("Square", ["x"], ["y"], domain="acme")])
    model.functions.append(function)
    graph = from_model(model, "net")
    assert [node.kind for node in graph.nodes] == ["Mul", "Relu"]
    assert np.array_equal(evaluate(graph, {"x": ramp(1, 4)})["y"], ramp(1, 4) ** 2)

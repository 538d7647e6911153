"""Which nodes are left of the forms that exporters write; that the function stays is shown on every one of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgecomp.frontend.onnx_import import from_model
from edgecomp.graph import Graph
from edgecomp.interpret import evaluate
from edgecomp.ops.conv import Conv
from edgecomp.ops.gemm import Gemm
from edgecomp.passes import simplify
from tests.passes.drawn_models import ModelWriter, feeds_for, run_onnx

Form = Callable[[ModelWriter], object]
IMAGE = (1, 4, 6, 6)
VECTOR = (1, 8)
SEQUENCE = (1, 5, 8)


def conv(w: ModelWriter, inputs: int = 4, outputs: int = 3, **attributes: object) -> str:
    """A convolution with kernel 3."""
    return w.node("Conv", w.end, w.weights(outputs, inputs, 3, 3), **attributes)


def channel(w: ModelWriter, operator: str, count: int, *ones: int) -> str:
    """An operator with one constant a channel."""
    return w.node(operator, w.end, w.weights(count, *ones))


def gelu_tanh(w: ModelWriter) -> None:
    """Gelu's tanh form with the cube as two products."""
    x = w.end
    cube = w.node("Mul", w.node("Mul", x, x), x)
    inner = w.node("Add", x, w.node("Mul", cube, w.constant(np.float32(0.044715))))
    w.node("Add", w.constant(np.float32(1)), w.node("Tanh", w.node("Mul", inner, w.constant(np.float32(np.sqrt(2 / np.pi))))))
    w.node("Mul", w.end, w.node("Mul", x, w.constant(np.float32(0.5))))


def hard_swish(w: ModelWriter) -> None:
    """x * relu6(x + 3) / 6."""
    x = w.end
    w.node("Clip", w.node("Add", x, w.constant(np.float32(3))), w.constant(np.float32(0)), w.constant(np.float32(6)))
    w.node("Div", w.node("Mul", x, w.end), w.constant(np.float32(6)))


def mish(w: ModelWriter) -> None:
    x = w.end
    w.node("Mul", x, w.node("Tanh", w.node("Softplus", x)))


def silu(w: ModelWriter) -> None:
    x = w.end
    w.node("Mul", x, w.node("Sigmoid", x))


def used_twice(w: ModelWriter) -> None:
    """A convolution whose output is read before and after the normalization."""
    x = conv(w)
    w.node("Add", w.batch_norm(3), x)


FORMS: dict[str, tuple[tuple[int, ...], Form, list[str]]] = {
    "norm after conv": (IMAGE, lambda w: (conv(w), w.batch_norm(3)), ["Conv"]),
    "norm after transposed conv": (
        IMAGE,
        lambda w: (w.node("ConvTranspose", w.end, w.weights(4, 3, 2, 2), group=2, strides=[2, 2]), w.batch_norm(6)),
        ["ConvTranspose"],
    ),
    "norm after gemm": (VECTOR, lambda w: (w.node("Gemm", w.end, w.weights(8, 3)), w.batch_norm(3)), ["Gemm"]),
    "mul and add after gemm": (
        VECTOR,
        lambda w: (w.node("Gemm", w.end, w.weights(8, 3), w.weights(3)), channel(w, "Mul", 3), channel(w, "Add", 3)),
        ["Gemm"],
    ),
    "norm before conv without padding": (IMAGE, lambda w: (w.batch_norm(4), conv(w)), ["Conv"]),
    "norm before padded conv": (IMAGE, lambda w: (w.batch_norm(4), conv(w, pads=[1, 1, 1, 1])), ["Conv", "Conv"]),
    "scale before padded conv": (IMAGE, lambda w: (channel(w, "Mul", 4, 1, 1), conv(w, pads=[1, 1, 1, 1])), ["Conv"]),
    "norm before grouped conv": (IMAGE, lambda w: (w.batch_norm(4), conv(w, inputs=2, outputs=6, group=2)), ["Conv"]),
    "norm before gemm": (VECTOR, lambda w: (w.batch_norm(8), w.node("Gemm", w.end, w.weights(8, 3))), ["Gemm"]),
    "scale before transposed conv": (
        IMAGE,
        lambda w: (channel(w, "Mul", 4, 1, 1), w.node("ConvTranspose", w.end, w.weights(4, 3, 2, 2))),
        ["ConvTranspose"],
    ),
    "norm alone on an image": (IMAGE, lambda w: (w.batch_norm(4), w.node("Relu")), ["Conv", "Relu"]),
    "norm alone on a signal": (SEQUENCE, lambda w: w.batch_norm(5), ["Conv"]),
    "norm alone on a vector": (VECTOR, lambda w: w.batch_norm(8), ["Conv", "Reshape", "Reshape"]),
    "mul and add alone": (IMAGE, lambda w: (channel(w, "Mul", 4, 1, 1), channel(w, "Add", 4, 1, 1)), ["Conv"]),
    "mul alone": (IMAGE, lambda w: (channel(w, "Mul", 4, 1, 1), w.node("Relu")), ["Mul", "Relu"]),
    "numbers into conv": (
        IMAGE,
        lambda w: (conv(w), w.node("Mul", w.weights(), w.end), w.node("Sub", w.end, w.weights()), w.node("Neg")),
        ["Conv"],
    ),
    "number minus conv": (IMAGE, lambda w: (conv(w), w.node("Sub", w.weights(), w.end)), ["Conv"]),
    "two norms alone": (IMAGE, lambda w: (w.batch_norm(4), w.batch_norm(4)), ["Conv"]),
    "conv used twice": (IMAGE, used_twice, ["Add", "Conv", "Conv"]),
    "matmul and add": (VECTOR, lambda w: (w.node("MatMul", w.end, w.weights(8, 3)), channel(w, "Add", 3)), ["Gemm"]),
    "matmul alone": (VECTOR, lambda w: w.node("MatMul", w.end, w.weights(8, 3)), ["Gemm"]),
    "matmul and add on a sequence": (
        SEQUENCE,
        lambda w: (w.node("MatMul", w.end, w.weights(8, 3)), channel(w, "Add", 3), w.node("Relu")),
        ["Gemm", "Relu", "Reshape", "Reshape"],
    ),
    "matmul on a sequence": (SEQUENCE, lambda w: w.node("MatMul", w.end, w.weights(8, 3)), ["MatMul"]),
    "scale after matmul on a sequence": (SEQUENCE, lambda w: (w.node("MatMul", w.end, w.weights(8, 3)), channel(w, "Mul", 3)), ["MatMul"]),
    "gemm with factors": (
        VECTOR,
        lambda w: w.node("Gemm", w.end, w.weights(3, 8), w.weights(), alpha=2.0, beta=0.5, transB=1),
        ["Gemm"],
    ),
    "pad before conv": (IMAGE, lambda w: (w.node("Pad", w.end, w.constant(np.array([0, 0, 1, 0, 0, 0, 2, 3]))), conv(w)), ["Conv"]),
    "pad of channels before conv": (
        IMAGE,
        lambda w: (w.node("Pad", w.end, w.constant(np.array([0, 1, 0, 0, 0, 0, 0, 0]))), conv(w, inputs=5)),
        ["Conv", "Pad"],
    ),
    "pad of ones before conv": (
        IMAGE,
        lambda w: (w.node("Pad", w.end, w.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1])), w.constant(np.float32(1))), conv(w)),
        ["Conv", "Pad"],
    ),
    "pad before average pool": (
        IMAGE,
        lambda w: (w.node("Pad", w.end, w.constant(np.array([0, 0, 1, 1, 0, 0, 0, 0]))), w.node("AveragePool", kernel_shape=[2, 2])),
        ["AveragePool"],
    ),
    "pad before max pool after relu": (
        IMAGE,
        lambda w: (
            w.node("Relu"),
            w.node("Pad", w.end, w.constant(np.array([0, 0, 1, 1, 0, 0, 0, 0]))),
            w.node("MaxPool", kernel_shape=[2, 2]),
        ),
        ["MaxPool", "Relu"],
    ),
    "pad before max pool": (
        IMAGE,
        lambda w: (w.node("Pad", w.end, w.constant(np.array([0, 0, 1, 1, 0, 0, 0, 0]))), w.node("MaxPool", kernel_shape=[2, 2])),
        ["MaxPool", "Pad"],
    ),
    "mean over the image": (IMAGE, lambda w: w.node("ReduceMean", axes=[2, 3], keepdims=1), ["GlobalAveragePool"]),
    "mean over the channels-last image": (
        IMAGE,
        lambda w: (w.node("Transpose", perm=[0, 2, 3, 1]), w.node("ReduceMean", axes=[1, 2], keepdims=0)),
        ["GlobalAveragePool", "Reshape"],
    ),
    "maximum over the image": (IMAGE, lambda w: w.node("ReduceMax", axes=[2, 3], keepdims=0), ["GlobalMaxPool", "Reshape"]),
    "mean over the width": (IMAGE, lambda w: w.node("ReduceMean", axes=[3]), ["ReduceMean"]),
    "two transposes": (IMAGE, lambda w: (w.node("Transpose", perm=[0, 2, 3, 1]), w.node("Transpose", perm=[0, 2, 1, 3])), ["Transpose"]),
    "there and back": (
        IMAGE,
        lambda w: (conv(w), w.node("Transpose", perm=[0, 2, 3, 1]), w.node("Relu"), w.node("Transpose", perm=[0, 3, 1, 2])),
        ["Conv", "Relu"],
    ),
    "chain of reshapes": (
        IMAGE,
        lambda w: (
            w.node("Reshape", w.end, w.constant(np.array([1, -1, 6]))),
            w.node("Unsqueeze", w.end, w.constant(np.array([1]))),
            w.node("Flatten"),
        ),
        ["Reshape"],
    ),
    "nothing done": (
        IMAGE,
        lambda w: (
            conv(w),
            w.node("Identity"),
            w.node("Dropout"),
            w.node("Concat", axis=1),
            w.node("Cast", to=1),
            w.node("Transpose", perm=[0, 1, 2, 3]),
            w.node("Pad", w.end, w.constant(np.zeros(8, np.int64))),
            w.node("MaxPool", kernel_shape=[1, 1]),
        ),
        ["Conv"],
    ),
    "gelu by tanh": (VECTOR, gelu_tanh, ["Gelu"]),
    "hard swish": (VECTOR, hard_swish, ["HardSwish"]),
    "mish": (VECTOR, mish, ["Mish"]),
    "silu": (VECTOR, silu, ["Mul", "Sigmoid"]),
}


def simplified(shape: tuple[int, ...], form: Form) -> Graph:
    """The simplified network of a form, proved to compute what ONNX Runtime computes."""
    writer = ModelWriter(shape)
    form(writer)
    model = writer.model()
    feeds = feeds_for(model)
    simple = simplify(from_model(model, "form"))
    (expected,) = run_onnx(model, feeds)
    np.testing.assert_allclose(evaluate(simple, feeds)[simple.outputs[0]], expected, rtol=1e-4, atol=1e-4)
    return simple


@pytest.mark.parametrize("name", FORMS)
def test_what_is_left(name: str) -> None:
    shape, form, kinds = FORMS[name]
    assert sorted(node.kind for node in simplified(shape, form).nodes) == kinds


def test_gemm_is_canonical() -> None:
    simple = simplified(VECTOR, FORMS["gemm with factors"][1])
    (node,) = simple.nodes
    assert node.op == Gemm(transB=1)
    assert [simple.tensors[str(name)].shape for name in node.inputs] == [(1, 8), (3, 8), (3,)]


def test_norm_alone_is_depthwise() -> None:
    simple = simplified(IMAGE, FORMS["norm alone on an image"][1])
    node = simple.nodes[0]
    assert isinstance(node.op, Conv)
    assert (node.op.group, node.op.kernel_shape) == (4, (1, 1))
    assert [simple.tensors[str(name)].shape for name in node.inputs[1:]] == [(4, 1, 1, 1), (4,)]


def test_folded_layer_keeps_its_name_and_the_last_output() -> None:
    writer = ModelWriter(IMAGE)
    conv(writer)
    writer.batch_norm(3)
    simple = simplify(from_model(writer.model(), "form"))
    assert [(node.name, node.outputs) for node in simple.nodes] == [("conv_t0", ("t1",))]


def test_output_of_the_model_is_not_folded_away() -> None:
    writer = ModelWriter(IMAGE)
    first = conv(writer)
    second = writer.batch_norm(3)
    simple = simplify(from_model(writer.model(first, second), "form"))
    assert simple.outputs == (first, second)
    assert [node.kind for node in simple.nodes] == ["Conv", "Conv"]


def quantized_weights_model(transposed: bool) -> ModelWriter:
    """A fully connected layer on dequantized weights, one scale an output."""
    writer = ModelWriter(VECTOR)
    shape, axis = ((3, 8), 0) if transposed else ((8, 3), 1)
    integers = writer.constant(np.random.default_rng(0).integers(-127, 128, shape).astype(np.int8))
    scales = writer.constant(np.float32([0.1, 0.2, 0.3]))
    weights = writer.node("DequantizeLinear", integers, scales, axis=axis)
    if transposed:
        weights = writer.node("Transpose", weights, perm=[1, 0])
    bias = writer.node("DequantizeLinear", writer.constant(np.int32([5, -6, 7])), writer.constant(np.float32(0.01)))
    writer.node("Add", writer.node("MatMul", "input", weights), bias)
    return writer


@pytest.mark.parametrize("transposed", [False, True])
def test_dequantized_weights_keep_their_integers(transposed: bool) -> None:
    model = quantized_weights_model(transposed).model()
    feeds = feeds_for(model)
    simple = simplify(from_model(model, "form"))
    assert [node.kind for node in simple.nodes] == ["DequantizeLinear", "DequantizeLinear", "Gemm"]
    integers = sorted((t.dtype, t.shape) for t in simple.tensors.values() if t.data is not None and "int" in t.dtype)
    assert integers == [("int32", (3,)), ("int8", (3, 8))]
    (expected,) = run_onnx(model, feeds)
    np.testing.assert_allclose(evaluate(simple, feeds)[simple.outputs[0]], expected, rtol=1e-5)

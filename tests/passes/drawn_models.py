"""Small ONNX models, written node by node or drawn at random, with ONNX Runtime as the judge of what they compute."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from edgecomp.graph import Array, Shape

OPSET = 17


class ModelWriter:
    """A chain of nodes over one input; each method appends to the end of the chain and returns the new tensor's name."""

    def __init__(self, shape: Shape, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.input = helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, shape)
        self.end = "input"

    def constant(self, values: Any) -> str:
        """A new initializer."""
        name = f"c{len(self.initializers)}"
        array = np.asarray(values)
        array = array.astype(np.float32) if array.dtype.kind == "f" else array
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def weights(self, *shape: int) -> str:
        """A new initializer of normal numbers."""
        return self.constant(self.random.normal(size=shape).astype(np.float32))

    def node(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        """Append one node that reads the given tensors, or the end of the chain where none is given."""
        result = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, list(inputs) or [self.end], [result], name=f"{op_type.lower()}_{result}", **attributes))
        self.end = result
        return result

    def batch_norm(self, channels: int) -> str:
        """BatchNormalization with drawn statistics."""
        variance = self.constant(np.abs(self.random.normal(size=channels)) + 0.5)
        return self.node(
            "BatchNormalization", self.end, self.weights(channels), self.weights(channels), self.weights(channels), variance, epsilon=1e-3
        )

    def model(self, *outputs: str) -> onnx.ModelProto:
        """The model, checked; its outputs are the given tensors, or the end of the chain."""
        values = [helper.make_empty_tensor_value_info(name) for name in outputs or (self.end,)]
        graph = helper.make_graph(self.nodes, "drawn", [self.input], values, self.initializers)
        return with_output_types(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8))


def with_output_types(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its outputs declared as ONNX infers them."""
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    onnx.checker.check_model(inferred)
    return inferred


def run_onnx(model: onnx.ModelProto, feeds: dict[str, Array]) -> list[Array]:
    """The model's outputs by ONNX Runtime, without its optimizer."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    outputs: list[Array] = session.run(None, feeds)
    return outputs


def feeds_for(model: onnx.ModelProto, seed: int = 1) -> dict[str, Array]:
    """Normal numbers for each input."""
    random = np.random.default_rng(seed)
    shapes = {value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in model.graph.input}
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


class ImageLayers:
    """Layers that may follow one another on an image [1, channels, height, width]; each takes what it needs to know by `draw`."""

    def __init__(self, writer: ModelWriter, shape: Shape, draw: st.DrawFn) -> None:
        self.writer = writer
        self.shape = shape
        self.draw = draw

    def pick(self, *choices: Any) -> Any:
        """One of the choices."""
        return self.draw(st.sampled_from(choices))

    def add(self) -> None:
        """Append one drawn layer."""
        layer = self.pick("conv", "depthwise", "transpose_conv", "norm", "scale", "shift", "relu", "gelu", "pool", "pad", "turn", "branch")
        getattr(self, layer)()

    def conv(self) -> None:
        outputs, kernel, stride = self.pick(3, 4, 6), self.pick(1, 2, 3), self.pick(1, 2)
        begin, end = self.pick(0, 1), self.pick(0, 1)
        if min(self.shape[2:]) + begin + end < kernel:
            return
        inputs = [self.writer.end, self.writer.weights(outputs, self.shape[1], kernel, kernel)]
        if self.pick(True, False):
            inputs.append(self.writer.weights(outputs))
        self.writer.node("Conv", *inputs, strides=[stride, stride], pads=[begin, begin, end, end])
        self.shape = (1, outputs, *((size + begin + end - kernel) // stride + 1 for size in self.shape[2:]))

    def depthwise(self) -> None:
        weights = self.writer.weights(self.shape[1] * 2, 1, 1, 1)
        self.writer.node("Conv", self.writer.end, weights, group=self.shape[1])
        self.shape = (1, self.shape[1] * 2, *self.shape[2:])

    def transpose_conv(self) -> None:
        group = self.pick(1, self.shape[1])
        outputs = 3 * group
        self.writer.node("ConvTranspose", self.writer.end, self.writer.weights(self.shape[1], 3, 2, 2), strides=[2, 2], group=group)
        self.shape = (1, outputs, *(size * 2 for size in self.shape[2:]))

    def norm(self) -> None:
        self.writer.batch_norm(self.shape[1])

    def scale(self) -> None:
        factor = self.pick(self.writer.weights(), self.writer.weights(self.shape[1], 1, 1))
        operands = self.pick((self.writer.end, factor), (factor, self.writer.end))
        self.writer.node("Mul", *operands)

    def shift(self) -> None:
        addend = self.pick(self.writer.weights(), self.writer.weights(1, self.shape[1], 1, 1), self.writer.weights(*self.shape))
        self.writer.node(self.pick("Add", "Sub"), *self.pick((self.writer.end, addend), (addend, self.writer.end)))

    def relu(self) -> None:
        self.writer.node(self.pick("Relu", "Sigmoid", "Identity", "Dropout"))

    def gelu(self) -> None:
        writer, x = self.writer, self.writer.end
        writer.node("Erf", writer.node("Div", x, writer.constant(np.float32(np.sqrt(2)))))
        share = writer.node("Add", writer.end, writer.constant(np.float32(1)))
        writer.node("Mul", writer.node("Mul", x, writer.constant(np.float32(0.5))), share)

    def pool(self) -> None:
        if min(self.shape[2:]) < 2:
            return
        kind = self.pick("MaxPool", "AveragePool")
        more = {"count_include_pad": self.pick(0, 1)} if kind == "AveragePool" else {}
        begin, end = self.pick(0, 1), self.pick(0, 1)
        self.writer.node(kind, kernel_shape=[2, 2], pads=[begin, begin, end, end], **more)
        self.shape = (*self.shape[:2], *(size + begin + end - 1 for size in self.shape[2:]))

    def pad(self) -> None:
        pads = [0, 0, self.pick(0, 1), self.pick(0, 1), 0, 0, self.pick(0, 1), self.pick(0, 1)]
        self.writer.node("Pad", self.writer.end, self.writer.constant(np.array(pads)))
        self.shape = (*self.shape[:2], self.shape[2] + pads[2] + pads[6], self.shape[3] + pads[3] + pads[7])

    def turn(self) -> None:
        self.writer.node("Transpose", perm=[0, 2, 3, 1])
        if self.pick(True, False):
            self.writer.node("Relu")
        self.writer.node("Transpose", perm=[0, 3, 1, 2])

    def branch(self) -> None:
        trunk = self.writer.end
        self.norm()
        self.writer.node("Add", self.writer.end, trunk)

    def head(self) -> None:
        """Append what comes after the images: a mean or a flattening, and a fully connected layer in one of its forms."""
        writer = self.writer
        if self.pick(True, False):
            writer.node("ReduceMean", axes=[2, 3], keepdims=self.pick(0, 1))
            features = self.shape[1]
        else:
            features = int(np.prod(self.shape))
        writer.node("Reshape", writer.end, writer.constant(np.array([1, -1])))
        if self.pick(True, False):
            writer.batch_norm(features)
        form = self.pick("gemm", "gemm_t", "matmul", "rows")
        if form == "matmul":
            writer.node("MatMul", writer.end, writer.weights(features, 5))
            writer.node("Add", writer.end, writer.weights(5))
        elif form == "rows":
            writer.node("Reshape", writer.end, writer.constant(np.array([1, 1, -1])))
            writer.node("MatMul", writer.end, writer.weights(features, 5))
            writer.node("Add", writer.weights(5), writer.end)
            writer.node("Flatten", axis=1)
        else:
            shape = (5, features) if form == "gemm_t" else (features, 5)
            bias = self.pick((), (writer.weights(5),), (writer.weights(1, 5),), (writer.weights(1),))
            writer.node("Gemm", writer.end, writer.weights(*shape), *bias, transB=int(form == "gemm_t"), alpha=0.5, beta=2.0)
        if self.pick(True, False):
            writer.batch_norm(5)
        writer.node(self.pick("Relu", "Softmax", "Tanh"))


@st.composite
def models(draw: st.DrawFn) -> onnx.ModelProto:
    """A network of up to eight drawn layers and a head."""
    shape = (1, draw(st.integers(1, 4)), draw(st.integers(3, 7)), draw(st.integers(3, 7)))
    writer = ModelWriter(shape, draw(st.integers(0, 1000)))
    layers = ImageLayers(writer, shape, draw)
    for _ in range(draw(st.integers(1, 8))):
        layers.add()
    if draw(st.booleans()):
        layers.head()
    return writer.model()

"""Small random networks with every way in which layers share channels."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper, numpy_helper, shape_inference

from edgecomp.frontend.onnx_import import from_model
from edgecomp.graph import Graph
from edgecomp.passes import simplify

SIZE = 6
"""Of the input image."""


class Drawing:
    """An ONNX graph that grows node by node; a tensor is its name, `channels` says how many it has."""

    def __init__(self, seed: int, channels: int) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}
        self.channels = {"x": channels}
        self.input_shape = [1, channels, SIZE, SIZE]

    def constant(self, *shape: int) -> str:
        """Random values."""
        name = f"k{len(self.constants)}"
        self.constants[name] = self.random.normal(0, 0.5, shape).astype(np.float32)
        return name

    def integers(self, *values: int) -> str:
        """Given values."""
        name = f"k{len(self.constants)}"
        self.constants[name] = np.array(values, np.int64)
        return name

    def add(self, kind: str, inputs: list[str], channels: int, outputs: int = 1, **attributes: Any) -> str:
        """A node; the name of its first output."""
        names = [f"t{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, name=f"{kind.lower()}{len(self.nodes)}", **attributes))
        self.channels |= dict.fromkeys(names, channels)
        return names[0]

    def convolution(self, x: str, outputs: int, group: int = 1) -> str:
        """3x3, padded, with bias."""
        weights = self.constant(outputs, self.channels[x] // group, 3, 3)
        return self.add("Conv", [x, weights, self.constant(outputs)], outputs, pads=[1] * 4, group=group)

    def transposed(self, x: str, outputs: int, group: int = 1) -> str:
        """3x3, padded so that the size stays, with bias."""
        weights = self.constant(self.channels[x], outputs // group, 3, 3)
        return self.add("ConvTranspose", [x, weights, self.constant(outputs)], outputs, pads=[1] * 4, group=group)

    def relu(self, x: str) -> str:
        """max(x, 0)."""
        return self.add("Relu", [x], self.channels[x])

    def shuffled(self, x: str) -> str:
        """Two halves of the channels, one after another."""
        half = self.channels[x] // 2
        apart = self.add("Reshape", [x, self.integers(1, 2, half, SIZE, SIZE)], half)
        mixed = self.add("Transpose", [apart], half, perm=[0, 2, 1, 3, 4])
        return self.add("Reshape", [mixed, self.integers(1, 2 * half, SIZE, SIZE)], 2 * half)

    def gated(self, x: str) -> str:
        """Times a factor a channel that is computed from the means (squeeze and excitation)."""
        count = self.channels[x]
        means = self.add("GlobalAveragePool", [x], count)
        inner = self.relu(self.add("Conv", [means, self.constant(3, count, 1, 1), self.constant(3)], 3))
        factors = self.add("Sigmoid", [self.add("Conv", [inner, self.constant(count, 3, 1, 1), self.constant(count)], count)], count)
        return self.add("Mul", [x, factors], count)

    def halves(self, x: str) -> str:
        """The channels in two parts, one through a ReLU, and back together the other way round."""
        count = self.channels[x]
        first = count // 2
        name = self.add("Split", [x, self.integers(first, count - first)], first, outputs=2, axis=1)
        other = name[:-1] + "1"
        return self.add("Concat", [other, self.relu(name)], count, axis=1)

    def model(self, x: str) -> ModelProto:
        """The network that ends in three outputs."""
        shape = numpy_helper.from_array
        classes = [helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, 3])]
        graph = helper.make_graph(
            self.nodes,
            "drawn",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.input_shape)],
            classes,
            [shape(value, name) for name, value in self.constants.items()],
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return shape_inference.infer_shapes(made, strict_mode=True)


@st.composite
def networks(draw: st.DrawFn) -> Graph:
    """A simplified graph [1, 2 or 4, 6, 6] -> [1, 3]."""
    made = Drawing(draw(st.integers(0, 2**16)), draw(st.sampled_from([2, 4])))
    x = made.relu(made.convolution("x", draw(st.sampled_from([4, 8]))))
    kinds = (
        "plain",
        "residual",
        "concat",
        "depthwise",
        "grouped",
        "transposed",
        "shuffled",
        "gated",
        "halves",
        "affine",
        "shallow",
        "padded",
    )
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4)):
        x = _grown(made, draw, kind, x)
    return simplify(from_model(made.model(_ended(made, draw(st.sampled_from(["mean", "flat", "blocks"])), x)), "drawn"))


def _grown(made: Drawing, draw: st.DrawFn, kind: str, x: str) -> str:
    count = made.channels[x]
    if kind == "plain" or (count % 2 and kind in ("grouped", "transposed", "shuffled", "shallow")):
        return made.relu(made.convolution(x, draw(st.sampled_from([4, 8]))))
    if kind == "residual":
        return made.relu(made.add("Add", [x, made.convolution(made.relu(made.convolution(x, 4)), count)], count))
    if kind == "concat":
        return made.add("Concat", [x, made.convolution(x, 4)], count + 4, axis=1)
    if kind == "depthwise":
        return made.relu(made.convolution(x, count * draw(st.sampled_from([1, 2])), group=count))
    if kind == "grouped":
        return made.relu(made.convolution(x, 8, group=2))
    if kind == "transposed":
        return made.relu(made.transposed(x, 8, group=draw(st.sampled_from([1, 2]))))
    if kind == "shuffled":
        return made.shuffled(x)
    if kind == "gated":
        return made.gated(x)
    if kind == "halves":
        return made.halves(x)
    if kind == "affine":
        return made.relu(
            made.add("Add", [made.add("MaxPool", [x], count, kernel_shape=[3, 3], pads=[1] * 4), made.constant(1, count, 1, 1)], count)
        )
    if kind == "shallow":  # a shortcut that widens with zeros
        wide = made.add("Pad", [x, made.integers(0, 1, 0, 0, 0, 1, 0, 0)], count + 2)
        return made.add("Add", [wide, made.convolution(x, count + 2)], count + 2)
    cut = made.add("Slice", [x, made.integers(1), made.integers(count), made.integers(1)], count - 1)
    return made.relu(made.convolution(cut, 4))


def _ended(made: Drawing, kind: str, x: str) -> str:
    count = made.channels[x]
    if kind == "mean":
        flat = made.add("Flatten", [made.add("GlobalAveragePool", [x], count)], count)
        return made.add("Gemm", [flat, made.constant(3, count), made.constant(3)], 3, transB=1)
    if kind == "blocks":
        x = made.add("DepthToSpace", [made.convolution(x, 8)], 2, blocksize=2, mode="DCR")
    values = made.channels[x] * SIZE * SIZE * (4 if kind == "blocks" else 1)
    hidden = made.relu(made.add("Gemm", [made.add("Flatten", [x], values), made.constant(5, values), made.constant(5)], 5, transB=1))
    return made.add("MatMul", [hidden, made.constant(5, 3)], 3)

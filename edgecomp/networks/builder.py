"""Writes ONNX graphs layer by layer, with random weights of a size that keeps activations in range (He initialisation).

K. He et al., "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet Classification", 2015.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper, shape_inference

from edgecomp.graph import Array

OPSET = 17
IR_VERSION = 8
CHANNELS = 3
"""Of the input."""


class NetworkBuilder:
    """A network of one image input [1, 3, size, size] and one output; every layer takes and gives the name of a tensor."""

    def __init__(self, name: str, input_size: int, seed: int) -> None:
        self.name = name
        self.random = np.random.default_rng(seed)
        self.input = "input"
        self._shapes: dict[str, tuple[int, ...]] = {self.input: (CHANNELS, input_size, input_size)}
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, Array] = {}

    def shape(self, tensor: str) -> tuple[int, ...]:
        """[channels, height, width], or [values]."""
        return self._shapes[tensor]

    def convolution(self, x: str, outputs: int, kernel: int, stride: int = 1, pad: int | None = None, relu: bool = True) -> str:
        """Square convolution with bias, padded so that stride 1 keeps the size unless `pad` is given, and its ReLU."""
        channels, height, width = self.shape(x)
        pad = (kernel - 1) // 2 if pad is None else pad
        sizes = [(size + 2 * pad - kernel) // stride + 1 for size in (height, width)]
        if min(sizes) < 1:
            raise ValueError(
                f"{self.name}: an image of {height}x{width} is smaller than a {kernel}x{kernel} kernel; give a larger input_size"
            )
        constants = self._filters(outputs, channels, kernel, kernel)
        attributes = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
        return self._rectified(self._add("Conv", (x, *constants), (outputs, *sizes), **attributes), relu)

    def dense(self, x: str, outputs: int, relu: bool = True) -> str:
        """Fully connected layer with bias on a flat tensor, and its ReLU."""
        constants = self._filters(outputs, self.shape(x)[0])
        return self._rectified(self._add("Gemm", (x, *constants), (outputs,), transB=1), relu)

    def max_pool(self, x: str, kernel: int, stride: int, pad: int = 0) -> str:
        """Square max pooling; a map smaller than the window stays as it is."""
        channels, height, width = self.shape(x)
        if min(height, width) + 2 * pad < kernel:
            return x
        sizes = [(size + 2 * pad - kernel) // stride + 1 for size in (height, width)]
        return self._add("MaxPool", (x,), (channels, *sizes), kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)

    def add(self, a: str, b: str) -> str:
        """The sum of two equal shapes, and its ReLU."""
        return self._rectified(self._add("Add", (a, b), self.shape(a)), True)

    def global_mean(self, x: str) -> str:
        """The mean of each channel, flat."""
        channels = self.shape(x)[0]
        return self.flat(self._add("GlobalAveragePool", (x,), (channels, 1, 1)))

    def flat(self, x: str) -> str:
        """All values in a row."""
        return self._add("Flatten", (x,), (int(np.prod(self.shape(x))),), axis=1)

    def model(self, output: str) -> ModelProto:
        """The checked network that ends in `output`."""
        inputs, outputs = (
            [helper.make_tensor_value_info(tensor, TensorProto.FLOAT, [1, *self.shape(tensor)])] for tensor in (self.input, output)
        )
        constants = [numpy_helper.from_array(array, name) for name, array in self._constants.items()]
        graph = helper.make_graph(self._nodes, self.name, inputs, outputs, constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="edgecomp")
        checker.check_model(model)
        return shape_inference.infer_shapes(model, strict_mode=True)

    def _rectified(self, x: str, relu: bool) -> str:
        return self._add("Relu", (x,), self.shape(x)) if relu else x

    def _filters(self, outputs: int, *inputs: int) -> tuple[str, str]:
        """Random weights [outputs, *inputs] and small biases."""
        scale = np.sqrt(2.0 / np.prod(inputs))
        number = len(self._nodes)
        arrays = {"weights": self.random.normal(0, scale, (outputs, *inputs)), "bias": self.random.normal(0, 0.05, outputs)}
        names = {kind: f"{kind}_{number}" for kind in arrays}
        self._constants.update({names[kind]: array.astype(np.float32) for kind, array in arrays.items()})
        return names["weights"], names["bias"]

    def _add(self, kind: str, inputs: tuple[str, ...], shape: tuple[int, ...], **attributes: Any) -> str:
        name = f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        self._shapes[name] = shape
        return name


def checked(network: str, width: int, input_size: int, classes: int) -> None:
    """Refuse sizes below one.

    Raises:
        ValueError: one is below one.
    """
    for name, value in (("width", width), ("input_size", input_size), ("classes", classes)):
        if value < 1:
            raise ValueError(f"{network}: {name} must be at least 1, found {value}")

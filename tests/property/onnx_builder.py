"""An ONNX network under construction, made with `onnx.helper` alone and shaped by ONNX's own inference."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper, shape_inference

OPSET = 17
IR_VERSION = 8

Shape = tuple[int, ...]


class NetworkBuilder:
    """Nodes are added one by one; `shape` tells what each tensor looks like."""

    def __init__(self, input_shape: Shape, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.input_shape = input_shape
        self._shapes: dict[str, Shape] = {"x": input_shape}
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, np.ndarray] = {}

    @property
    def tensors(self) -> list[str]:
        """Every activation so far, the input first."""
        return list(self._shapes)

    def shape(self, name: str) -> Shape:
        """Static shape of an activation."""
        return self._shapes[name]

    def constant(self, values: Any, dtype: str = "float32") -> str:
        """A new initializer."""
        name = f"c{len(self._constants)}"
        self._constants[name] = np.asarray(values, dtype)
        return name

    def weights(self, *shape: int, fan_in: int) -> str:
        """Normal weights that keep the magnitude of what they are applied to, with a gain of its own for each first index."""
        gains = np.exp(self.random.normal(0, 0.4, (shape[0], *(1,) * (len(shape) - 1))))
        return self.constant(self.random.normal(0, 1, shape) * gains / np.sqrt(fan_in))

    def normal(self, *shape: int) -> str:
        """Normal numbers."""
        return self.constant(self.random.normal(0, 0.5, shape))

    def node(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        """A node with one output."""
        return self.nodes(op_type, *inputs, outputs=1, **attributes)[0]

    def nodes(self, op_type: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """A node with several outputs."""
        number = len(self._nodes)
        names = [f"t{number}" if outputs == 1 else f"t{number}_{i}" for i in range(outputs)]
        self._nodes.append(helper.make_node(op_type, list(inputs), names, name=f"{op_type}_{number}", **attributes))
        inferred = shape_inference.infer_shapes(self.model(names, typed=False), strict_mode=True, data_prop=True)
        for value in inferred.graph.output:
            self._shapes[value.name] = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        return names

    def model(self, outputs: list[str], typed: bool = True) -> ModelProto:
        """The network so far; `typed` states the shapes of its outputs."""
        graph = helper.make_graph(
            self._nodes,
            "drawn",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.input_shape)],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, self._shapes[name] if typed else None) for name in outputs],
            [numpy_helper.from_array(values, name) for name, values in self._constants.items()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)

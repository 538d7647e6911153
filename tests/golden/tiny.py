"""A tiny network whose numbers no calibration, library or machine can change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from onnx import ModelProto

from edgecomp.frontend.onnx_import import from_model
from edgecomp.passes import simplify
from edgecomp.qgraph import QGraph
from edgecomp.quant.lowering import lower
from edgecomp.quant.quantize import needs_range, quantize
from tests.property.onnx_builder import NetworkBuilder

SIZE = 6


def ramp(*shape: int) -> np.ndarray:
    """Numbers from -1 to 1 in quarters, in an order that repeats nothing soon."""
    return ((np.arange(np.prod(shape)) * 7 % 9 - 4) / 4).reshape(shape)


def tiny_model() -> ModelProto:
    """Image [1, 1, 6, 6]: convolution, ReLU, a branch through a table, sum, pool, dense layer to 3, softmax."""
    net = NetworkBuilder((1, 1, SIZE, SIZE), 0)
    weights, bias = net.constant(ramp(2, 1, 3, 3)), net.constant(ramp(2))
    y = net.node("Relu", net.node("Conv", "x", weights, bias, kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
    y = net.node("MaxPool", net.node("Add", y, net.node("Sigmoid", y)), kernel_shape=[3, 3], strides=[3, 3])
    logits = net.node("Gemm", net.node("Flatten", y), net.constant(ramp(3, 8)), net.constant(ramp(3)), transB=1)
    return net.model([net.node("Softmax", logits, axis=1)])


def tiny_network(name: str = "tiny") -> QGraph:
    """The same in integers; every range is -4 to 4."""
    graph = simplify(from_model(tiny_model(), name))
    return replace(lower(quantize(graph, dict.fromkeys(needs_range(graph), (-4.0, 4.0)))), name=name)

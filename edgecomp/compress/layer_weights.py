"""Weights of a layer seen by its output channels and by its input channels, whatever the operator."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgecomp.graph import Array, Graph, Node, Tensor
from edgecomp.ops.conv import Conv
from edgecomp.ops.conv_transpose import ConvTranspose
from edgecomp.ops.gemm import Gemm


def layer(graph: Graph, name: str) -> Node:
    """A node by name."""
    return next(node for node in graph.nodes if node.name == name)


def weights(graph: Graph, node: Node) -> Array:
    """Its constant weights."""
    data = graph.constant(node.inputs[1])
    assert data is not None
    return data


def filters(graph: Graph, name: str) -> Array:
    """The weights that make each output channel: [outputs, ...], float64."""
    node = layer(graph, name)
    data = weights(graph, node).astype(np.float64)
    if isinstance(node.op, ConvTranspose):  # [inputs, outputs / group, ...]
        by_group = data.reshape(node.op.group, -1, *data.shape[1:]).swapaxes(1, 2)
        return by_group.reshape(-1, *by_group.shape[2:])
    if isinstance(node.op, Conv) or (isinstance(node.op, Gemm) and node.op.transB):
        return data
    return data.T


def scaled_inputs(graph: Graph, node: Node, factors: Array) -> Tensor:
    """Its weights, each input channel multiplied by a factor [inputs], under the name they have."""
    tensor = graph.tensors[str(node.inputs[1])]
    data = weights(graph, node).astype(np.float64)
    if isinstance(node.op, Conv):
        by_group = data.reshape(node.op.group, -1, *data.shape[1:])
        spread = factors.reshape(node.op.group, 1, -1, *(1,) * (data.ndim - 2))
        scaled = (by_group * spread).reshape(data.shape)
    elif isinstance(node.op, Gemm) and node.op.transB:
        scaled = data * factors
    else:
        scaled = data * factors.reshape(-1, *(1,) * (data.ndim - 1))
    return replace(tensor, data=scaled.astype(tensor.dtype))

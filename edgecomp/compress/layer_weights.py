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


def with_filters(graph: Graph, name: str, changed: Array) -> Tensor:
    """The weights of a layer as a constant, from those that make each output channel (the inverse of `filters`)."""
    node = layer(graph, name)
    tensor = graph.tensors[str(node.inputs[1])]
    data = changed
    if isinstance(node.op, ConvTranspose):
        by_group = changed.reshape(node.op.group, -1, *changed.shape[1:]).swapaxes(1, 2)
        data = by_group.reshape(tensor.shape)
    elif not (isinstance(node.op, Conv) or (isinstance(node.op, Gemm) and node.op.transB)):
        data = changed.T
    return replace(tensor, data=np.ascontiguousarray(data).astype(tensor.dtype))

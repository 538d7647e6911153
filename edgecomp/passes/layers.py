"""Layers with weights: how a scale and a shift of their outputs or inputs go into the weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgecomp.graph import Array, Graph, Node, Tensor
from edgecomp.ops.conv import Conv
from edgecomp.ops.conv_transpose import ConvTranspose
from edgecomp.ops.gemm import MatMul
from edgecomp.passes.affine import Affine
from edgecomp.passes.canonical_gemm import CANONICAL
from edgecomp.passes.rewrite import constant


def weights_and_bias(graph: Graph, node: Node) -> tuple[Array, Array | None] | None:
    """Constant weights, float64, and the constant bias or None of a layer; None where they are not constant."""
    if not isinstance(node.op, (Conv, ConvTranspose, MatMul)) and node.op != CANONICAL:
        return None
    weights = graph.constant(node.inputs[1])
    bias_name = node.inputs[2] if len(node.inputs) > 2 else None
    bias = graph.constant(bias_name)
    if weights is None or (bias_name is not None and bias is None) or graph.constant(node.inputs[0]) is not None:
        return None
    return weights.astype(np.float64), None if bias is None else bias.astype(np.float64)


def channel_axis(graph: Graph, node: Node) -> int:
    """The axis of a layer's output (and input) that its weights mix: the last of MatMul, axis 1 of all others."""
    return len(graph.tensors[node.outputs[0]].shape) - 1 if isinstance(node.op, MatMul) else 1


def scaled_outputs(graph: Graph, node: Node, affine: Affine, result: str) -> tuple[Node, tuple[Tensor, ...]] | None:
    """A layer that computes scale * layer(x) + shift into tensor `result`."""
    found = weights_and_bias(graph, node)
    axis = channel_axis(graph, node)
    if found is None or affine.axis not in (None, axis):
        return None
    weights, bias = found
    count = graph.tensors[node.outputs[0]].shape[axis]
    scale, shift = affine.full(count)
    if isinstance(node.op, MatMul):
        if weights.ndim != 2 or np.any(shift):
            return None
        return _with(graph, node, weights * scale, None, result)
    if isinstance(node.op, ConvTranspose):
        groups = weights.reshape(node.op.group, -1, *weights.shape[1:])
        scaled = (groups * scale.reshape(node.op.group, 1, -1, *(1,) * (weights.ndim - 2))).reshape(weights.shape)
    else:
        scaled = weights * scale.reshape(-1, *(1,) * (weights.ndim - 1))
    return _with(graph, node, scaled, (0 if bias is None else bias) * scale + shift, result)


def scaled_inputs(graph: Graph, node: Node, affine: Affine) -> tuple[Node, tuple[Tensor, ...]] | None:
    """A layer on x that computes layer(scale * x + shift); None where that is not exact, as with a shift in padded places."""
    found = weights_and_bias(graph, node)
    axis = len(graph.tensors[affine.source].shape) - 1 if isinstance(node.op, MatMul) else 1
    if found is None or affine.axis not in (None, axis) or node.inputs[0] == node.inputs[1]:
        return None
    weights, bias = found
    scale, shift = affine.full(graph.tensors[affine.source].shape[axis])
    if np.any(shift) and not _takes_input_shift(node):
        return None
    if isinstance(node.op, MatMul):
        return _with(graph, node, weights * scale.reshape(-1, 1), None, node.outputs[0], affine.source) if weights.ndim == 2 else None
    if isinstance(node.op, ConvTranspose):
        scaled = weights * scale.reshape(-1, *(1,) * (weights.ndim - 1))
        return _with(graph, node, scaled, bias, node.outputs[0], affine.source)
    groups = node.op.group if isinstance(node.op, Conv) else 1
    by_group = weights.reshape(groups, -1, *weights.shape[1:])
    spread = (groups, 1, -1, *(1,) * (weights.ndim - 2))
    added = (by_group * shift.reshape(spread)).reshape(len(weights), -1).sum(axis=1)
    bias = added + (0 if bias is None else bias)
    return _with(graph, node, (by_group * scale.reshape(spread)).reshape(weights.shape), bias, node.outputs[0], affine.source)


def _takes_input_shift(node: Node) -> bool:
    return node.op == CANONICAL or (isinstance(node.op, Conv) and not any(node.op.pads))


def _with(
    graph: Graph, node: Node, weights: Array, bias: Array | None, result: str, source: str | None = None
) -> tuple[Node, tuple[Tensor, ...]]:
    """The layer with other weights, bias, output and input."""
    tensors = [constant(graph, f"{node.inputs[1]}__scaled", weights)]
    inputs = [source or node.inputs[0], tensors[0].name]
    if bias is not None:
        tensors.append(constant(graph, f"{result}__bias", bias))
        inputs.append(tensors[1].name)
    return replace(node, inputs=tuple(inputs), outputs=(result,)), tuple(tensors)

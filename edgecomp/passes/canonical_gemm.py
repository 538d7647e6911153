"""Fully connected layers have one form: Gemm with alpha = beta = 1, transA = 0, transB = 1 and a bias of one value an output.

MatMul of matrices with constant weights becomes Gemm. On more than two axes it stays, but with an Add of one constant an output
it becomes Gemm on its rows, so that the constant is a bias and not a layer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgecomp.graph import Graph, Node, Tensor
from edgecomp.ops.arithmetic import Add
from edgecomp.ops.gemm import Gemm, MatMul
from edgecomp.ops.reshape import Reshape
from edgecomp.ops.transpose import Transpose
from edgecomp.passes.rewrite import Replacement, Rule, constant, free_name, free_node_name, rewrite
from edgecomp.passes.weights import is_weights, reshaped_weights, transposed_weights

CANONICAL = Gemm(transB=1)


def canonical_gemm(graph: Graph) -> Graph:
    """Bring every fully connected layer with constant weights into the canonical form."""
    rules: tuple[Rule, ...] = (
        _matmul_to_gemm,
        _rows_to_gemm,
        _transpose_input,
        _split_wide_bias,
        _transpose_weights,
        _fold_factors,
        _add_bias,
        _fill_bias,
    )
    for rule in rules:
        graph = rewrite(graph, rule)
    return graph


def _matmul_to_gemm(graph: Graph, node: Node) -> Replacement | None:
    """MatMul(matrix, weights) is Gemm without bias."""
    if not isinstance(node.op, MatMul) or not is_weights(graph, node.inputs[1]):
        return None
    left, right = (graph.tensors[name or ""].shape for name in node.inputs)
    return Replacement((node,), (replace(node, op=Gemm()),)) if len(left) == len(right) == 2 else None


def _rows_to_gemm(graph: Graph, node: Node) -> Replacement | None:
    """MatMul of more than two axes with constant weights, then Add of one constant an output: Reshape, Gemm, Reshape."""
    weights = graph.constant(node.inputs[1]) if isinstance(node.op, MatMul) else None
    add = graph.sole_consumer(node.outputs[0])
    if weights is None or weights.ndim != 2 or add is None or not isinstance(add.op, Add):
        return None
    source, product, result = node.inputs[0], node.outputs[0], add.outputs[0]
    other = add.inputs[1] if add.inputs[0] == product else add.inputs[0]
    bias = graph.constant(other)
    shape = graph.tensors[result].shape
    inputs, outputs = weights.shape
    if source is None or bias is None or len(shape) < 3 or bias.size != outputs or bias.shape[-1:] != (outputs,) or bias.ndim > len(shape):
        return None
    rows = int(np.prod(shape[:-1]))
    flat = Tensor(free_name(graph, f"{result}__rows_in"), (rows, inputs))
    computed = Tensor(free_name(graph, f"{result}__rows_out"), (rows, outputs))
    vector = constant(graph, f"{other}__bias", bias.reshape(-1))
    chain = (
        Node(free_node_name(graph, f"{node.name}_rows"), Reshape(flat.shape), (source,), (flat.name,)),
        Node(node.name, Gemm(), (flat.name, node.inputs[1], vector.name), (computed.name,)),
        Node(free_node_name(graph, f"{node.name}_shape"), Reshape(shape), (computed.name,), (result,)),
    )
    return Replacement((node, add), chain, (flat, computed, vector))


def _transpose_input(graph: Graph, node: Node) -> Replacement | None:
    """transA becomes a Transpose."""
    if not isinstance(node.op, Gemm) or not node.op.transA:
        return None
    source = node.inputs[0]
    assert source is not None
    old = graph.tensors[source]
    turned = Tensor(free_name(graph, f"{source}__transposed"), old.shape[::-1], old.dtype)
    transpose = Node(free_node_name(graph, f"{node.name}_transA"), Transpose((1, 0)), (source,), (turned.name,))
    gemm = replace(node, op=replace(node.op, transA=0), inputs=(turned.name, *node.inputs[1:]))
    return Replacement((node,), (transpose, gemm), (turned,))


def _split_wide_bias(graph: Graph, node: Node) -> Replacement | None:
    """A third operand that is no bias (computed, or different a row) becomes an Add."""
    if not isinstance(node.op, Gemm) or len(node.inputs) < 3 or node.inputs[2] is None:
        return None
    name, result = node.inputs[2], node.outputs[0]
    shape, outputs = graph.tensors[name].shape, graph.tensors[result].shape[1]
    is_bias = is_weights(graph, name) and (graph.tensors[name].data is None or node.op.beta == 1 or graph.constant(name) is not None)
    if (is_bias and int(np.prod(shape)) in (1, outputs) and shape[-1:] in ((), (1,), (outputs,))) or node.op.beta != 1:
        return None
    partial = Tensor(free_name(graph, f"{result}__product"), graph.tensors[result].shape)
    gemm = replace(node, inputs=node.inputs[:2], outputs=(partial.name,))
    add = Node(free_node_name(graph, f"{node.name}_addend"), Add(), (partial.name, name), (result,))
    return Replacement((node,), (gemm, add), (partial,))


def _transpose_weights(graph: Graph, node: Node) -> Replacement | None:
    """Weights as [outputs, inputs]."""
    if not isinstance(node.op, Gemm) or node.op.transB or not is_weights(graph, node.inputs[1]):
        return None
    moved = transposed_weights(graph, node.inputs[1] or "", (1, 0))
    gemm = replace(node, op=replace(node.op, transB=1), inputs=(node.inputs[0], moved.name, *node.inputs[2:]))
    return Replacement((node,), (*moved.nodes, gemm), moved.tensors)


def _fold_factors(graph: Graph, node: Node) -> Replacement | None:
    """alpha goes into constant weights, beta into a constant bias."""
    if not isinstance(node.op, Gemm):
        return None
    alpha, beta = node.op.alpha, node.op.beta
    weights = graph.constant(node.inputs[1])
    bias_name = node.inputs[2] if len(node.inputs) > 2 else None
    bias = graph.constant(bias_name)
    tensors: list[Tensor] = []
    inputs = list(node.inputs)
    if alpha != 1 and weights is not None:
        tensors.append(constant(graph, f"{inputs[1]}__alpha", weights * alpha))
        inputs[1], alpha = tensors[-1].name, 1.0
    if beta != 1 and (bias is not None or bias_name is None):
        if bias is not None:
            tensors.append(constant(graph, f"{bias_name}__beta", bias * beta))
            inputs[2] = tensors[-1].name
        beta = 1.0
    if (alpha, beta) == (node.op.alpha, node.op.beta):
        return None
    return Replacement((node,), (replace(node, op=replace(node.op, alpha=alpha, beta=beta), inputs=tuple(inputs)),), tuple(tensors))


def _add_bias(graph: Graph, node: Node) -> Replacement | None:
    """Gemm without bias, then Add of one constant an output, is Gemm with bias."""
    if node.op != CANONICAL or (len(node.inputs) > 2 and node.inputs[2] is not None):
        return None
    result = node.outputs[0]
    add = graph.sole_consumer(result)
    if add is None or not isinstance(add.op, Add):
        return None
    other = add.inputs[1] if add.inputs[0] == result else add.inputs[0]
    outputs = graph.tensors[result].shape[1]
    if other is None or not is_weights(graph, other) or graph.tensors[other].shape not in ((outputs,), (1, outputs)):
        return None
    return Replacement((node, add), (replace(node, inputs=(*node.inputs[:2], other), outputs=add.outputs),))


def _fill_bias(graph: Graph, node: Node) -> Replacement | None:
    """A bias of shape [outputs]: zeros where there is none, repeated where it is one number."""
    if node.op != CANONICAL or not is_weights(graph, node.inputs[1]):
        return None
    outputs = graph.tensors[node.outputs[0]].shape[1]
    name = node.inputs[2] if len(node.inputs) > 2 else None
    if name is None:
        tensor = constant(graph, f"{node.outputs[0]}__bias", np.zeros(outputs, np.float32))
        return Replacement((node,), (replace(node, inputs=(*node.inputs[:2], tensor.name)),), (tensor,))
    if graph.tensors[name].shape == (outputs,):
        return None
    values = graph.constant(name)
    if values is not None:
        tensor = constant(graph, f"{name}__bias", np.broadcast_to(values.reshape(-1), outputs))
        return Replacement((node,), (replace(node, inputs=(*node.inputs[:2], tensor.name)),), (tensor,))
    moved = reshaped_weights(graph, name, (outputs,)) if int(np.prod(graph.tensors[name].shape)) == outputs else None
    if moved is None:
        return None
    return Replacement((node,), (*moved.nodes, replace(node, inputs=(*node.inputs[:2], moved.name))), moved.tensors)

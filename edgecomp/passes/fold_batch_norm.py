"""Scales and shifts go into the weights of a neighbouring layer; what is left alone becomes a depthwise convolution.

BatchNormalization, Mul, Add and Neg with a number or one value a channel are all the same here: scale * x + shift.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgecomp.graph import Graph, Node, Tensor
from edgecomp.ops.arithmetic import Add, Mul
from edgecomp.ops.batch_normalization import BatchNormalization
from edgecomp.ops.conv import Conv
from edgecomp.ops.reshape import Reshape
from edgecomp.passes.affine import Affine, read_affine
from edgecomp.passes.layers import scaled_inputs, scaled_outputs
from edgecomp.passes.rewrite import Replacement, constant, free_name, free_node_name, rewrite


def fold_batch_norm(graph: Graph) -> Graph:
    """Fold scales and shifts into the layer before, then into the layer after, then make what is left one layer."""
    for rule in (_fold_into_previous, _fold_into_next, _merge, _as_depthwise):
        graph = rewrite(graph, rule)
    return graph


def _fold_into_previous(graph: Graph, node: Node) -> Replacement | None:
    affine = read_affine(graph, node)
    if affine is None:
        return None
    layer = graph.producers.get(affine.source)
    if layer is None or graph.sole_consumer(affine.source) is not node:
        return None
    folded = scaled_outputs(graph, layer, affine, node.outputs[0])
    return None if folded is None else Replacement((layer, node), (folded[0],), folded[1])


def _fold_into_next(graph: Graph, node: Node) -> Replacement | None:
    affine = read_affine(graph, node)
    if affine is None:
        return None
    layer = graph.sole_consumer(node.outputs[0])
    if layer is None or layer.inputs[0] != node.outputs[0] or node.outputs[0] in layer.inputs[1:]:
        return None
    folded = scaled_inputs(graph, layer, affine)
    return None if folded is None else Replacement((node, layer), (folded[0],), folded[1])


def _merge(graph: Graph, node: Node) -> Replacement | None:
    """Two neighbours as one scale and one shift: the first of them Mul, the second Add, or a BatchNormalization with both."""
    second = read_affine(graph, node)
    before = None if second is None else graph.producers.get(second.source)
    first = None if before is None else read_affine(graph, before)
    if second is None or first is None or before is None or graph.sole_consumer(second.source) is not node:
        return None
    merged = first.then(second)
    if merged is None or _is_mul_then_add(before, node):
        return None
    return _mul_and_add(graph, merged, (before, node))


def _is_mul_then_add(first: Node, second: Node) -> bool:
    return isinstance(first.op, Mul) and isinstance(second.op, Add)


def _mul_and_add(graph: Graph, affine: Affine, nodes: tuple[Node, ...]) -> Replacement:
    """The affine function as Mul and Add, only what is needed of them."""
    last = nodes[-1]
    result = last.outputs[0]
    old = graph.tensors[result]
    scale, shift = (affine.along(values, len(old.shape)) for values in (affine.scale, affine.shift))
    scaling, shifting = constant(graph, f"{result}__scale", scale), constant(graph, f"{result}__shift", shift)
    if not np.any(shift):
        return Replacement(nodes, (Node(last.name, Mul(), (affine.source, scaling.name), (result,)),), (scaling,))
    if np.all(scale == 1):
        return Replacement(nodes, (Node(last.name, Add(), (affine.source, shifting.name), (result,)),), (shifting,))
    middle = Tensor(free_name(graph, f"{result}__scaled"), old.shape)
    name = nodes[0].name if len(nodes) > 1 else free_node_name(graph, f"{last.name}_scale")
    mul = Node(name, Mul(), (affine.source, scaling.name), (middle.name,))
    add = Node(last.name, Add(), (middle.name, shifting.name), (result,))
    return Replacement(nodes, (mul, add), (scaling, shifting, middle))


def _as_depthwise(graph: Graph, node: Node) -> Replacement | None:
    """A scale and a shift a channel, standing alone, as a depthwise convolution with kernel 1."""
    affine = read_affine(graph, node)
    nodes: tuple[Node, ...] = (node,)
    if affine is None:
        return None
    if isinstance(node.op, Add):
        mul = graph.producers.get(affine.source)
        first = None if mul is None else read_affine(graph, mul)
        if mul is None or first is None or not isinstance(mul.op, Mul) or graph.sole_consumer(affine.source) is not node:
            return None
        merged = first.then(affine)
        if merged is None:
            return None
        affine, nodes = merged, (mul, node)
    elif not isinstance(node.op, BatchNormalization):
        return None
    shape = graph.tensors[affine.source].shape
    if affine.axis != 1 or not 2 <= len(shape) <= 4:
        return _mul_and_add(graph, affine, nodes) if len(nodes) == 1 else None
    return _depthwise(graph, affine, nodes)


def _depthwise(graph: Graph, affine: Affine, nodes: tuple[Node, ...]) -> Replacement:
    last = nodes[-1]
    result, shape = last.outputs[0], graph.tensors[affine.source].shape
    rank = max(len(shape) - 2, 1)
    weights = constant(graph, f"{result}__weights", affine.scale.reshape(-1, *(1,) * (rank + 1)))
    bias = constant(graph, f"{result}__bias", affine.shift)
    conv = Conv((1,) * rank, (1,) * rank, (0,) * (2 * rank), (1,) * rank, shape[1])
    node = Node(last.name, conv, (affine.source, weights.name, bias.name), (result,))
    if len(shape) > 2:
        return Replacement(nodes, (node,), (weights, bias))
    before = Tensor(free_name(graph, f"{result}__in"), (*shape, 1))
    after = Tensor(free_name(graph, f"{result}__out"), (*shape, 1))
    chain = (
        Node(free_node_name(graph, f"{last.name}_in"), Reshape(before.shape), (affine.source,), (before.name,)),
        replace(node, inputs=(before.name, weights.name, bias.name), outputs=(after.name,)),
        Node(free_node_name(graph, f"{last.name}_out"), Reshape(shape), (after.name,), (result,)),
    )
    return Replacement(nodes, chain, (weights, bias, before, after))

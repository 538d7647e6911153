"""A Transpose or Reshape of dequantized weights is done on the integers, so that weights stand right before their layer."""

from __future__ import annotations

from dataclasses import replace

from edgecomp.graph import Graph, Node
from edgecomp.ops.reshape import Flatten, Reshape, Squeeze, Unsqueeze
from edgecomp.ops.transpose import Transpose
from edgecomp.passes.rewrite import Replacement, rewrite
from edgecomp.passes.weights import is_weights, reshaped_weights, transposed_weights


def fold_weight_layout(graph: Graph) -> Graph:
    """Transpose(DequantizeLinear(w)) becomes DequantizeLinear(w'), and so do Reshape, Flatten, Squeeze and Unsqueeze."""
    return rewrite(graph, _rule)


def _rule(graph: Graph, node: Node) -> Replacement | None:
    if not isinstance(node.op, (Transpose, Reshape, Flatten, Squeeze, Unsqueeze)):
        return None
    source, result = node.inputs[0], node.outputs[0]
    if source is None or not is_weights(graph, source) or graph.constant(source) is not None or result in graph.outputs:
        return None
    if isinstance(node.op, Transpose):
        moved = transposed_weights(graph, source, node.op.perm)
    else:
        reshaped = reshaped_weights(graph, source, graph.tensors[result].shape)
        if reshaped is None:
            return None
        moved = reshaped
    add = tuple(replace(fresh, outputs=(result,)) for fresh in moved.nodes)
    return Replacement((node,), add, moved.tensors)

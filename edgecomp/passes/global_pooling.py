"""A mean or maximum over all of the image is a global pooling."""

from __future__ import annotations

from dataclasses import replace

from edgecomp.graph import Graph, Node, Tensor
from edgecomp.ops.global_pool import GlobalAveragePool, GlobalMaxPool
from edgecomp.ops.reduce import ReduceMax, ReduceMean
from edgecomp.ops.reshape import Reshape
from edgecomp.ops.transpose import Transpose
from edgecomp.passes.rewrite import Replacement, free_name, free_node_name, rewrite


def global_pooling(graph: Graph) -> Graph:
    """ReduceMean and ReduceMax over the spatial axes become GlobalAveragePool and GlobalMaxPool, and a Reshape without keepdims."""
    return rewrite(rewrite(graph, _before_transpose), _rule)


def _before_transpose(graph: Graph, node: Node) -> Replacement | None:
    """Reduce before a Transpose where the axes that stay are in order either way (means of channels-last images)."""
    before = graph.producers.get(node.inputs[0] or "")
    if not isinstance(node.op, (ReduceMean, ReduceMax)) or node.op.keepdims or before is None or not isinstance(before.op, Transpose):
        return None
    perm = before.op.perm
    axes = tuple(sorted(perm[axis] for axis in node.op.axes))
    kept = [perm[axis] for axis in range(len(perm)) if axis not in node.op.axes]
    if kept != sorted(kept):
        return None
    return Replacement((node,), (replace(node, op=replace(node.op, axes=axes), inputs=before.inputs),))


def _rule(graph: Graph, node: Node) -> Replacement | None:
    if not isinstance(node.op, (ReduceMean, ReduceMax)) or node.inputs[0] is None:
        return None
    shape = graph.tensors[node.inputs[0]].shape
    if not 3 <= len(shape) <= 4 or node.op.axes != tuple(range(2, len(shape))):
        return None
    op = GlobalAveragePool() if isinstance(node.op, ReduceMean) else GlobalMaxPool()
    if node.op.keepdims:
        return Replacement((node,), (replace(node, op=op),))
    result = node.outputs[0]
    pooled = Tensor(free_name(graph, f"{result}__pooled"), (*shape[:2], *(1,) * (len(shape) - 2)))
    reshape = Node(free_node_name(graph, f"{node.name}_reshape"), Reshape(graph.tensors[result].shape), (pooled.name,), (result,))
    return Replacement((node,), (replace(node, op=op, outputs=(pooled.name,)), reshape), (pooled,))

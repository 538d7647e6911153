"""Neighbouring Transposes become one, and so do neighbouring Reshapes, Flattens, Squeezes and Unsqueezes.

A function of single values moves before them, next to the layer that can compute it as a clamp.
"""

from __future__ import annotations

from dataclasses import replace

from edgecomp.graph import Graph, Node, Tensor
from edgecomp.ops.pointwise import Pointwise
from edgecomp.ops.reshape import Flatten, Reshape, Squeeze, Unsqueeze
from edgecomp.ops.transpose import Transpose
from edgecomp.passes.rewrite import Replacement, free_name, rewrite

RESHAPES = (Reshape, Flatten, Squeeze, Unsqueeze)


def merge_layout(graph: Graph) -> Graph:
    """Let each layout operator read from before the layout operator of its kind that it follows; what nothing reads is dead."""
    return rewrite(rewrite(rewrite(graph, _function_first), _transposes), _reshapes)


def _function_first(graph: Graph, node: Node) -> Replacement | None:
    source, result = node.inputs[0], node.outputs[0]
    layout = graph.producers.get(source or "")
    if not isinstance(node.op, Pointwise) or layout is None or not isinstance(layout.op, (Transpose, *RESHAPES)):
        return None
    if source is None or graph.sole_consumer(source) is not node or layout.inputs[0] is None:
        return None
    inner = graph.tensors[layout.inputs[0]]
    computed = Tensor(free_name(graph, f"{result}__before_{layout.kind.lower()}"), inner.shape, inner.dtype)
    first = replace(node, inputs=(inner.name,), outputs=(computed.name,))
    second = replace(layout, inputs=(computed.name, *layout.inputs[1:]), outputs=(result,))
    return Replacement((layout, node), (first, second), (computed,))


def _transposes(graph: Graph, node: Node) -> Replacement | None:
    before = graph.producers.get(node.inputs[0] or "")
    if not isinstance(node.op, Transpose) or before is None or not isinstance(before.op, Transpose):
        return None
    perm = tuple(before.op.perm[axis] for axis in node.op.perm)
    return Replacement((node,), (replace(node, op=Transpose(perm), inputs=before.inputs),))


def _reshapes(graph: Graph, node: Node) -> Replacement | None:
    before = graph.producers.get(node.inputs[0] or "")
    if not isinstance(node.op, RESHAPES) or before is None or not isinstance(before.op, RESHAPES):
        return None
    shape = graph.tensors[node.outputs[0]].shape
    return Replacement((node,), (replace(node, op=Reshape(shape), inputs=before.inputs[:1]),))

"""Neighbouring Transposes become one, and so do neighbouring Reshapes, Flattens, Squeezes and Unsqueezes."""

from __future__ import annotations

from dataclasses import replace

from edgecomp.graph import Graph, Node
from edgecomp.ops.reshape import Flatten, Reshape, Squeeze, Unsqueeze
from edgecomp.ops.transpose import Transpose
from edgecomp.passes.rewrite import Replacement, rewrite

RESHAPES = (Reshape, Flatten, Squeeze, Unsqueeze)


def merge_layout(graph: Graph) -> Graph:
    """Let each layout operator read from before the layout operator of its kind that it follows; what nothing reads is dead."""
    return rewrite(rewrite(graph, _transposes), _reshapes)


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

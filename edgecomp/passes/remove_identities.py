"""Nodes that hand their input on are removed."""

from __future__ import annotations

from dataclasses import replace

from edgecomp.graph import Graph, Node
from edgecomp.ops.cast import Cast
from edgecomp.ops.concat import Concat
from edgecomp.ops.expand import Expand
from edgecomp.ops.identity import Identity
from edgecomp.ops.pad import Pad
from edgecomp.ops.pool import AveragePool, MaxPool
from edgecomp.ops.reshape import Flatten, Reshape, Squeeze, Unsqueeze
from edgecomp.ops.resize import Resize
from edgecomp.ops.slice import Slice
from edgecomp.ops.split import Split
from edgecomp.ops.transpose import Transpose
from edgecomp.passes.rewrite import Replacement, bypass, rewrite


def remove_identities(graph: Graph) -> Graph:
    """Remove nodes that change neither values nor shape; between an input and an output of the model they become Identity."""
    return rewrite(graph, _rule)


def _rule(graph: Graph, node: Node) -> Replacement | None:
    if not _is_identity(graph, node):
        return None
    removed = bypass(graph, node)
    if removed is None and not isinstance(node.op, Identity):
        return Replacement((node,), (replace(node, op=Identity(), inputs=node.inputs[:1]),))
    return removed


def _is_identity(graph: Graph, node: Node) -> bool:
    source = node.inputs[0]
    if source is None or len(node.outputs) != 1:
        return False
    before, after = graph.tensors[source], graph.tensors[node.outputs[0]]
    if (before.shape, before.dtype) != (after.shape, after.dtype):
        return False
    match node.op:
        case Identity() | Cast() | Expand() | Reshape() | Flatten() | Squeeze() | Unsqueeze() | Split():
            return True
        case Concat():
            return len(node.inputs) == 1
        case Pad(pads=pads):
            return not any(pads)
        case Slice(axes=axes):
            return not axes
        case Transpose(perm=perm):
            long = [axis for axis in perm if before.shape[axis] != 1]
            return long == sorted(long)
        case Resize(scales=scales):
            return all(scale == 1 for scale in scales)
        case MaxPool() | AveragePool():
            return all(k == 1 for k in node.op.kernel_shape) and not any(node.op.pads)
        case _:
            return False

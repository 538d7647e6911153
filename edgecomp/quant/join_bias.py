"""A bias that a quantized file adds in a node of its own goes into the kernel that computes the product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgecomp.graph import Graph, Node
from edgecomp.ops.arithmetic import Add
from edgecomp.ops.conv import Conv
from edgecomp.ops.conv_transpose import ConvTranspose
from edgecomp.ops.gemm import Gemm, MatMul
from edgecomp.quant.scheme import Quant, Scheme


def join_bias(scheme: Scheme) -> Scheme:
    """Where a Conv, ConvTranspose, Gemm or MatMul without bias and without quantized output feeds one Add of a constant a channel."""
    joined: dict[str, Node] = {}
    gone: set[str] = set()
    for node in scheme.graph.nodes:
        found = _addition(scheme.graph, scheme.quants, node)
        if found is not None:
            addition, bias = found
            op = Gemm() if isinstance(node.op, MatMul) else node.op
            inputs = (*node.inputs[:2], bias)
            joined[node.outputs[0]] = replace(node, op=op, inputs=inputs, outputs=addition.outputs)
            gone.add(addition.outputs[0])
    if not joined:
        return scheme
    nodes = [joined.get(node.outputs[0], node) for node in scheme.graph.nodes if node.outputs[0] not in gone]
    return replace(scheme, graph=scheme.graph.rebuilt(nodes))


def _addition(graph: Graph, quants: Mapping[str, Quant], node: Node) -> tuple[Node, str] | None:
    """The Add behind a node and the name of its bias, or None."""
    name = node.outputs[0]
    bare = len(node.inputs) < 3 or node.inputs[2] is None
    if not isinstance(node.op, (Conv, ConvTranspose, Gemm, MatMul)) or not bare or name in quants:
        return None
    shape = graph.tensors[name].shape
    if isinstance(node.op, MatMul) and (len(shape) != 2 or graph.constant(node.inputs[1]) is None):
        return None
    addition = graph.sole_consumer(name)
    if addition is None or not isinstance(addition.op, Add) or graph.tensors[addition.outputs[0]].shape != shape:
        return None
    bias = next((str(other) for other in addition.inputs if other != name), "")
    values = graph.constant(bias)
    channels = shape[1]
    if values is None or values.size != channels:
        return None
    aligned = (1,) * (len(shape) - values.ndim) + values.shape
    return (addition, bias) if aligned[1] == channels else None

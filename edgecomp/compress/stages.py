"""A layer as a chain of smaller layers: what stands in its place, how large it is, and the graph with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from edgecomp.compress.budget import Size
from edgecomp.graph import Array, Graph, Node, Shape, Tensor
from edgecomp.ops.conv import Conv
from edgecomp.ops.gemm import Gemm
from edgecomp.passes.canonical_gemm import CANONICAL
from edgecomp.passes.rewrite import free_name, free_node_name

FULLY_CONNECTED = CANONICAL
"""The form in which fully connected layers stand in a simplified network: weights [outputs, inputs]."""


@dataclass(frozen=True, eq=False)
class Stage:
    """A convolution with weights [O, C / group, *kernel], or a fully connected layer with [O, I], and a bias [O] or none."""

    op: Conv | Gemm
    weights: Array
    bias: Array | None = None

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return int(self.weights.size) + (0 if self.bias is None else int(self.bias.size))

    def output_shape(self, shape: Shape) -> Shape:
        """What it makes of an input [1, C, *sizes] or [rows, I]."""
        if isinstance(self.op, Gemm):
            return (shape[0], len(self.weights))
        rank = len(self.op.kernel_shape)
        reach = [dilation * (kernel - 1) + 1 for kernel, dilation in zip(self.op.kernel_shape, self.op.dilations, strict=True)]
        padded = [shape[2 + axis] + self.op.pads[axis] + self.op.pads[rank + axis] for axis in range(rank)]
        sizes = [(size - width) // stride + 1 for size, width, stride in zip(padded, reach, self.op.strides, strict=True)]
        return (shape[0], len(self.weights), *sizes)

    def macs(self, shape: Shape) -> int:
        """Multiplications for an input of this shape."""
        found = self.output_shape(shape)
        return int(self.weights.size) * prod(found) // found[1]


def chain_size(stages: Sequence[Stage], shape: Shape) -> Size:
    """Of a chain whose first stage reads a tensor of this shape."""
    macs = 0
    for stage in stages:
        macs += stage.macs(shape)
        shape = stage.output_shape(shape)
    return Size(macs, sum(stage.parameters for stage in stages))


def stage_of(graph: Graph, node: Node) -> Stage | None:
    """A convolution or canonical Gemm with constant weights, float64; None for any other node."""
    if not isinstance(node.op, Conv) and node.op != FULLY_CONNECTED:
        return None
    weights = graph.constant(node.inputs[1])
    bias_name = node.inputs[2] if len(node.inputs) > 2 else None
    bias = graph.constant(bias_name)
    if weights is None or (bias_name is not None and bias is None) or graph.constant(node.inputs[0]) is not None:
        return None
    assert isinstance(node.op, (Conv, Gemm))
    return Stage(node.op, weights.astype(np.float64), None if bias is None else bias.reshape(-1).astype(np.float64))


def with_chain(graph: Graph, node: Node, stages: Sequence[Stage], word: str) -> Graph:
    """The graph with a chain in the place of a node: its input and output keep their names.

    New nodes, constants and the tensors between are named after the node and `word`.
    """
    nodes: list[Node] = []
    made: dict[str, Tensor] = {}
    source = str(node.inputs[0])
    shape = graph.tensors[source].shape
    for place, stage in enumerate(stages):
        shape = stage.output_shape(shape)
        last = place == len(stages) - 1
        stem = f"{node.name}_{word}_{place + 1}"
        result = node.outputs[0] if last else free_name(graph, f"{stem}_output")
        values = {"weights": stage.weights, "bias": stage.bias}
        constants = [_constant(graph, f"{stem}_{kind}", array) for kind, array in values.items() if array is not None]
        made |= {tensor.name: tensor for tensor in constants}
        made |= {} if last else {result: Tensor(result, shape)}
        nodes.append(Node(free_node_name(graph, stem), stage.op, (source, *(tensor.name for tensor in constants)), (result,)))
        source = result
    if shape != graph.tensors[node.outputs[0]].shape:
        raise ValueError(f"{node.name}: the chain makes {shape}, the layer {graph.tensors[node.outputs[0]].shape}")
    replaced = [new for old in graph.nodes for new in (nodes if old is node else (old,))]
    return graph.rebuilt(replaced, made.values())


def _constant(graph: Graph, stem: str, values: Array) -> Tensor:
    data = np.ascontiguousarray(values, np.float32)
    return Tensor(free_name(graph, stem), data.shape, "float32", data)


def part_of_kernel(op: Conv, axis: int) -> Conv:
    """The convolution along one of two spatial axes: its kernel, stride, padding and dilation there, none along the other."""

    def kept(values: Shape, neutral: int) -> Shape:
        pair = [neutral, neutral]
        pair[axis] = values[axis]
        return tuple(pair)

    pads = [0, 0, 0, 0]
    pads[axis], pads[axis + 2] = op.pads[axis], op.pads[axis + 2]
    return replace(
        op, kernel_shape=kept(op.kernel_shape, 1), strides=kept(op.strides, 1), pads=tuple(pads), dilations=kept(op.dilations, 1), group=1
    )


def pointwise(rank: int) -> Conv:
    """A 1 x 1 convolution over `rank` spatial axes."""
    return Conv((1,) * rank, (1,) * rank, (0,) * (2 * rank), (1,) * rank, 1)

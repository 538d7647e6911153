"""A convolution as a residual block: a convolution with fewer outputs, ReLU and a convolution back, beside a 1 x 1 shortcut.

The block is that of He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016), section 3.2 and figure 2, with a projection as
shortcut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgecomp.compress.decomposition import Layer, few, same_node
from edgecomp.compress.projection import balanced, matrix
from edgecomp.compress.responses import Moments, Responses, moments, watched
from edgecomp.compress.stages import Stage, with_chain
from edgecomp.graph import Array, Graph, Node, Tensor
from edgecomp.ops.arithmetic import Add
from edgecomp.ops.conv import Conv
from edgecomp.ops.pointwise import Relu
from edgecomp.passes.rewrite import free_name, free_node_name


class Residual:
    """A `Structure`. The rank is the number of channels inside."""

    word = "residual"

    def __init__(self, samples: Array, seed: int) -> None:
        """Blocks begin from the layer's responses to `samples` [N, ...]."""
        self.samples, self.seed = samples, seed

    def takes(self, layer: Layer) -> bool:
        """Convolutions with odd kernels whose padding keeps the middle of the kernel on the image."""
        op = layer.stage.op
        if not isinstance(op, Conv) or op.group != 1 or max(op.kernel_shape) < 2:
            return False
        middles = [dilation * (kernel // 2) for kernel, dilation in zip(op.kernel_shape, op.dilations, strict=True)]
        sizes = [-(-size // stride) for size, stride in zip(layer.input_shape[2:], op.strides, strict=True)]
        fits = layer.graph.tensors[layer.node.outputs[0]].shape[2:] == tuple(sizes)
        return all(kernel % 2 for kernel in op.kernel_shape) and list(op.pads[: len(middles)]) == middles and fits

    def energies(self, layer: Layer) -> Mapping[int, float]:
        """See `Structure`; as if the block were linear inside."""
        seen = moments(self.watched(layer, layer.graph))
        shortcut = _shortcut(layer, seen)
        variances = _directions(layer, shortcut, seen)[1] / max(seen.output_energy, 1e-30)
        return {rank: 1.0 - float(variances[rank:].sum()) for rank in few(len(variances))}

    def outline(self, layer: Layer, rank: int) -> Sequence[Stage]:
        """See `Structure`: both convolutions, then the shortcut, which costs the same behind them as beside them."""
        outputs, channels, *kernel = layer.stage.weights.shape
        first, second, shortcut = _operators(layer)
        sizes = (rank, channels, *kernel), (outputs, rank, *kernel), (outputs, channels, *(1 for _ in kernel))
        bias = np.empty(outputs)
        behind = replace(shortcut, strides=(1,) * len(kernel))
        return Stage(first, np.empty(sizes[0]), np.empty(rank)), Stage(second, np.empty(sizes[1]), bias), Stage(behind, np.empty(sizes[2]))

    def placed(self, layer: Layer, rank: int, graph: Graph) -> Graph:
        """See `Structure`."""
        rows = self.watched(layer, graph)
        seen = moments(rows)
        shortcut = _shortcut(layer, seen)
        left, variances = _directions(layer, shortcut, seen)
        inner = left[:, :rank].T @ _rest(layer, shortcut) / balanced(np.sqrt(variances[:rank]))[:, None]
        inner_bias = -inner @ seen.input_mean
        wanted = rows.outputs - rows.inputs[:, _middle(layer)] @ shortcut.T
        back = moments(Responses(np.maximum(rows.inputs @ inner.T + inner_bias, 0), wanted))
        outer = np.linalg.solve(back.inputs, back.cross)
        return _with_block(graph, layer, shortcut, (inner, inner_bias), (outer.T, back.bias(outer)))

    def watched(self, layer: Layer, graph: Graph) -> Responses:
        """What the layer reads in `graph` and should answer."""
        return watched(graph, layer.graph, layer.node, self.samples, self.seed)


def _middle(layer: Layer) -> Array:
    """The places in a patch that are the kernel's middle, one a channel."""
    channels, taps = layer.stage.weights.shape[1], int(layer.stage.weights[0, 0].size)
    return np.arange(channels) * taps + taps // 2


def _shortcut(layer: Layer, seen: Moments) -> Array:
    """[N, C] with the least squared error alone."""
    middle = _middle(layer)
    found: Array = np.linalg.solve(seen.inputs[np.ix_(middle, middle)], seen.cross[middle]).T
    return found


def _rest(layer: Layer, shortcut: Array) -> Array:
    """[N, K]: the layer less its shortcut."""
    rest = matrix(layer.stage).copy()
    rest[:, _middle(layer)] -= shortcut
    return rest


def _directions(layer: Layer, shortcut: Array, seen: Moments) -> tuple[Array, Array]:
    """(directions as columns, variances) of what the shortcut leaves."""
    left, values, _ = np.linalg.svd(_rest(layer, shortcut) @ np.linalg.cholesky(seen.inputs), full_matrices=False)
    return left, values**2


def _operators(layer: Layer) -> tuple[Conv, Conv, Conv]:
    """Of the first convolution, the second, and the shortcut."""
    op = layer.stage.op
    assert isinstance(op, Conv)
    ones = (1,) * len(op.kernel_shape)
    around = tuple(kernel // 2 for kernel in op.kernel_shape) * 2
    second = Conv(op.kernel_shape, ones, around, ones, 1)
    return op, second, Conv(ones, op.strides, (0,) * len(around), ones, 1)


def _with_block(graph: Graph, layer: Layer, shortcut: Array, inner: tuple[Array, Array], outer: tuple[Array, Array]) -> Graph:
    """The graph with the block; the second convolution begins with its kernel's middle only."""
    first, second, beside = _operators(layer)
    node, kernel = same_node(graph, layer), layer.stage.weights.shape[2:]
    back = np.zeros((*outer[0].shape, int(np.prod(kernel))))
    back[:, :, back.shape[2] // 2] = outer[0]
    stages = (
        Stage(first, inner[0].reshape(len(inner[0]), -1, *kernel), inner[1]),
        Stage(second, back.reshape(*back.shape[:2], *kernel), outer[1]),
    )
    graph, around = _beside(graph, node, Stage(beside, shortcut.reshape(*shortcut.shape, *(1 for _ in kernel))))
    chained = with_chain(graph, around, stages, Residual.word)
    return _with_relu(chained, chained.producers[around.outputs[0]])


def _beside(graph: Graph, node: Node, shortcut: Stage) -> tuple[Graph, Node]:
    """The graph with a shortcut added to what a node makes; and the node, which makes a tensor of its own now."""
    result = graph.tensors[node.outputs[0]]
    inner, outer = (Tensor(free_name(graph, f"{node.name}_{word}"), result.shape) for word in ("inside", "shortcut"))
    moved = replace(node, outputs=(inner.name,))
    path = Node(free_node_name(graph, f"{node.name}_shortcut"), shortcut.op, (node.inputs[0], f"{outer.name}_weights"), (outer.name,))
    data = shortcut.weights.astype(np.float32)
    weights = Tensor(f"{outer.name}_weights", data.shape, "float32", data)
    total = Node(free_node_name(graph, f"{node.name}_sum"), Add(), (inner.name, outer.name), (result.name,))
    nodes = [new for other in graph.nodes for new in ((moved, path, total) if other is node else (other,))]
    return graph.rebuilt(nodes, [inner, outer, weights]), moved


def _with_relu(graph: Graph, last: Node) -> Graph:
    """The graph with a ReLU in front of a node."""
    source = graph.tensors[str(last.inputs[0])]
    result = Tensor(free_name(graph, f"{source.name}_relu"), source.shape)
    relu = Node(free_node_name(graph, f"{last.name}_relu"), Relu(), (source.name,), (result.name,))
    reading = replace(last, inputs=(result.name, *last.inputs[1:]))
    return graph.rebuilt([new for node in graph.nodes for new in ((relu, reading) if node is last else (node,))], [result])

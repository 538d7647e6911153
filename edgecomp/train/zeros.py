"""Where zeros of a float network save work: at the inputs of layers that multiply, and in patches before a ReLU."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from edgecomp.graph import Graph, Node
from edgecomp.ops.arithmetic import Add
from edgecomp.ops.base import Operator
from edgecomp.ops.conv import Conv
from edgecomp.ops.gemm import Gemm
from edgecomp.ops.pad import Pad
from edgecomp.skip.spatial_layer import SpatialLayer

IMAGE_RANK = 4


@dataclass(frozen=True)
class ZeroInput:
    """A tensor that is often zero, the `layers` (node names) that multiply it, and their products in one inference."""

    tensor: str
    layers: tuple[str, ...]
    macs: int


@dataclass(frozen=True)
class Predictable:
    """A tensor before a ReLU whose zeros can be predicted by patch, the convolution behind it, and its products in one inference."""

    spatial: SpatialLayer
    layer: str
    macs: int


def layer_macs(graph: Graph, node: Node) -> int:
    """Products of a Conv or Gemm in one inference, every tap of every window."""
    weights, output = graph.tensors[str(node.inputs[1])].shape, graph.tensors[node.outputs[0]].shape
    if isinstance(node.op, Gemm):
        return prod(weights) * output[0]
    return prod(output) * prod(weights[1:])


def zero_inputs(graph: Graph) -> tuple[ZeroInput, ...]:
    """Tensors that Conv and Gemm nodes read and that end in a ReLU, in order; movement and pools may stand between."""
    found: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if isinstance(node.op, (Conv, Gemm)) and graph.constant(node.inputs[1]) is not None and _ends_in_relu(graph, str(node.inputs[0])):
            found.setdefault(str(node.inputs[0]), []).append(node)
    return tuple(
        ZeroInput(tensor, tuple(node.name for node in nodes), sum(layer_macs(graph, node) for node in nodes))
        for tensor, nodes in found.items()
    )


def predictable(graph: Graph, patch: int) -> tuple[Predictable, ...]:
    """Tensors before a ReLU that a convolution, not depthwise, or a sum behind it ends in; to be cut into `patch` x `patch`."""
    found = []
    for node in graph.nodes:
        tensor = str(node.inputs[0]) if node.inputs else ""
        if not _is_relu(node) or graph.sole_consumer(tensor) is None or len(graph.tensors[tensor].shape) != IMAGE_RANK:
            continue
        layer = _convolution(graph, tensor)
        if layer is not None:
            _, channels, height, width = graph.tensors[tensor].shape
            spatial = SpatialLayer(tensor, patch, channels, height, width)
            found.append(Predictable(spatial, layer.name, layer_macs(graph, layer)))
    return tuple(found)


def _is_relu(node: Node) -> bool:
    clamp = node.op.clamp if isinstance(node.op, Operator) else None
    return clamp is not None and clamp[0] == 0


def _ends_in_relu(graph: Graph, name: str) -> bool:
    """Whether a tensor holds a ReLU's outputs and no others, zeros of padding aside."""
    node = graph.producers.get(name)
    if node is None or _is_relu(node):
        return node is not None
    moves = isinstance(node.op, Operator) and node.op.keeps_scale and not (isinstance(node.op, Pad) and node.op.value)
    return moves and _ends_in_relu(graph, str(node.inputs[0]))


def _convolution(graph: Graph, tensor: str) -> Node | None:
    """The convolution that ends in a tensor, itself or through a sum that nothing else reads it for."""
    node = graph.producers.get(tensor)
    if node is None:
        return None
    if isinstance(node.op, Conv):
        return node if node.op.group == 1 else None
    if isinstance(node.op, Add):
        terms = [graph.producers.get(str(name)) for name in node.inputs if graph.sole_consumer(str(name)) is node]
        layers = [term for term in terms if term is not None and isinstance(term.op, Conv) and term.op.group == 1]
        return layers[-1] if layers else None
    return None

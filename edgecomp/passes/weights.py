"""Weights are constants, or integers behind a DequantizeLinear; both can be moved about without touching a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from edgecomp.graph import Array, Graph, Node, Shape, Tensor
from edgecomp.ops.quantize_linear import DequantizeLinear
from edgecomp.passes.rewrite import constant, free_node_name


@dataclass(frozen=True, eq=False)
class MovedWeights:
    """Weights under a new name, with the nodes and tensors that make them."""

    name: str
    nodes: tuple[Node, ...]
    tensors: tuple[Tensor, ...]


def is_weights(graph: Graph, name: str | None) -> bool:
    """Whether a tensor is constant, or a dequantized constant."""
    return name is not None and (graph.constant(name) is not None or _dequantize(graph, name) is not None)


def transposed_weights(graph: Graph, name: str, perm: Shape) -> MovedWeights:
    """The weights with axis i taken from axis perm[i]."""
    return _moved(graph, name, "transposed", lambda values: values.transpose(perm), {old: new for new, old in enumerate(perm)})


def reshaped_weights(graph: Graph, name: str, shape: Shape) -> MovedWeights | None:
    """The weights under another shape; None where the axis of their scales would be lost."""
    old = graph.tensors[name].shape
    axes: dict[int, int] = {}
    for axis, size in enumerate(old):
        matches = [new for new, other in enumerate(shape) if other == size and _before(shape, new) == _before(old, axis)]
        if matches:
            axes[axis] = matches[-1]
    node = _dequantize(graph, name)
    if node is not None and isinstance(node.op, DequantizeLinear) and node.op.axis is not None and node.op.axis not in axes:
        return None
    return _moved(graph, name, "reshaped", lambda values: values.reshape(shape), axes)


def _before(shape: Shape, axis: int) -> int:
    product = 1
    for size in shape[:axis]:
        product *= size
    return product


def _dequantize(graph: Graph, name: str) -> Node | None:
    """The node that dequantizes a constant into this tensor."""
    node = graph.producers.get(name)
    if node is None or not isinstance(node.op, DequantizeLinear):
        return None
    return node if all(source is None or graph.constant(source) is not None for source in node.inputs) else None


def _moved(graph: Graph, name: str, word: str, move: Callable[[Array], Array], axes: dict[int, int]) -> MovedWeights:
    values = graph.constant(name)
    if values is not None:
        tensor = constant(graph, f"{name}__{word}", move(values))
        return MovedWeights(tensor.name, (), (tensor,))
    node = _dequantize(graph, name)
    assert node is not None and isinstance(node.op, DequantizeLinear)
    integers = graph.constant(node.inputs[0])
    assert integers is not None
    tensor = constant(graph, f"{node.inputs[0]}__{word}", move(integers))
    result = constant(graph, f"{name}__{word}", move(integers))
    axis = None if node.op.axis is None else axes[node.op.axis]
    fresh = replace(
        node,
        name=free_node_name(graph, f"{node.name}_{word}"),
        op=replace(node.op, axis=axis),
        inputs=(tensor.name, *node.inputs[1:]),
        outputs=(result.name,),
    )
    return MovedWeights(result.name, (fresh,), (tensor, Tensor(result.name, result.shape)))

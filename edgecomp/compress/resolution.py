"""`resolution`: the image is made smaller at the input, and with it every map; the network then learns from the original.

The resolution multiplier of Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications" (2017),
section 3.4. The network takes what it took before: its first node makes the image smaller. A fully connected layer that reads a map begins
with the weights that it would apply to the map made larger again.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from edgecomp.compress.allocation import beyond
from edgecomp.compress.budget import size_of
from edgecomp.compress.finetune import finetune
from edgecomp.compress.job import Job
from edgecomp.compress.stages import FULLY_CONNECTED
from edgecomp.errors import DataError, UnsupportedError
from edgecomp.graph import Array, Graph, Node, Shape, Tensor
from edgecomp.ops.global_pool import GlobalAveragePool, GlobalMaxPool
from edgecomp.ops.pool import AveragePool, MaxPool
from edgecomp.ops.reshape import Flatten, Reshape
from edgecomp.ops.resize import Resize
from edgecomp.passes.rewrite import free_name, free_node_name

LEAST_SIDE = 4
GLOBAL = {AveragePool: GlobalAveragePool(), MaxPool: GlobalMaxPool()}


def compress(graph: Graph, job: Job) -> Graph:
    """The network at a lower resolution, trained. Option: `scale` of the image's sides (0: the largest that meets the budget).

    Raises:
        DataError: the input is no image, the scale is wrong, or the budget is below what is possible.
        UnsupportedError: a layer does not take maps of another size.
    """
    sides = graph.tensors[graph.inputs[0]].shape[2:]
    if len(sides) != 2 or len(graph.inputs) != 1:
        raise DataError(f"resolution: {graph.name} reads {graph.tensors[graph.inputs[0]].shape}, which is no image [1, C, H, W]")
    given = float(job.options["scale"])
    if given:
        if not 0 < given <= 1:
            raise DataError(f"option scale = {given:g}: must be greater than 0 and at most 1")
        return finetune(at_resolution(graph, _scaled(sides, given)), job)
    smallest = None
    for side in range(sides[0], LEAST_SIDE - 1, -1):
        smallest = at_resolution(graph, _scaled(sides, side / sides[0]))
        if job.budget.names_a_size and job.budget.allows(size_of(smallest)):
            return finetune(smallest, job)
    if not job.budget.names_a_size or smallest is None:
        raise DataError("resolution: neither a size nor option scale is given: give --keep-macs, or scale = 0.5")
    raise DataError(beyond(job.budget, size_of(smallest)))


def _scaled(sides: Shape, scale: float) -> Shape:
    return tuple(max(1, round(side * scale)) for side in sides)


def at_resolution(graph: Graph, sides: Shape) -> Graph:
    """The graph with its image made smaller first, and all maps with it.

    Raises:
        UnsupportedError: a layer does not take maps of another size.
    """
    source = graph.inputs[0]
    whole = graph.tensors[source].shape
    if whole[2:] == sides:
        return graph
    name = free_name(graph, f"{source}__smaller")
    factors = tuple(new / old for new, old in zip(sides, whole[2:], strict=True))
    shrink = Node(free_node_name(graph, "smaller_image"), Resize((1.0, 1.0, *factors), (*whole[:2], *sides), "linear"), (source,), (name,))
    values: dict[str, Array] = {tensor: data.data for tensor, data in graph.tensors.items() if data.data is not None}
    values |= {source: np.zeros(whole, np.float32), name: np.zeros((*whole[:2], *sides), np.float32)}
    nodes, tensors = [shrink], {name: Tensor(name, (*whole[:2], *sides))}
    for old in graph.nodes:
        node = replace(old, inputs=tuple(name if tensor == source else tensor for tensor in old.inputs))
        node, constants = _fitting(graph, node, old, values)
        values |= {tensor.name: tensor.data for tensor in constants if tensor.data is not None}
        results = _evaluated(node, values)
        values |= results
        tensors |= {tensor.name: tensor for tensor in constants}
        tensors |= {result: replace(graph.tensors[result], shape=value.shape) for result, value in results.items()}
        nodes.append(node)
    for output in graph.outputs:
        if tensors[output].shape != graph.tensors[output].shape:
            raise UnsupportedError(
                f"resolution: output {output!r} would change from {graph.tensors[output].shape} to {tensors[output].shape}"
            )
    return graph.rebuilt(nodes, tensors.values())


def _evaluated(node: Node, values: dict[str, Array]) -> dict[str, Array]:
    try:
        results = node.op.evaluate(*(None if tensor is None else values[tensor] for tensor in node.inputs))
    except ValueError as error:
        raise UnsupportedError(f"resolution: layer {node.name!r} ({node.kind}) does not take a map of another size: {error}") from error
    return dict(zip(node.outputs, results, strict=True))


def _fitting(graph: Graph, node: Node, old: Node, values: dict[str, Array]) -> tuple[Node, tuple[Tensor, ...]]:
    """The node for maps of another size: pools over the whole map, reshapes to rows and fully connected layers are changed."""
    source = str(old.inputs[0])
    before, now = graph.tensors[source].shape, values[str(node.inputs[0])].shape
    if before == now:
        return node, ()
    op = node.op
    if isinstance(op, (AveragePool, MaxPool)) and op.kernel_shape == before[2:] and not any(op.pads):
        return replace(node, op=GLOBAL[type(op)]), ()
    if isinstance(op, Reshape):
        if len(op.shape) != 2 or op.shape[0] != before[0]:
            raise UnsupportedError(f"resolution: layer {node.name!r} reshapes a map to {op.shape}; only rows [1, values] can change")
        return replace(node, op=Reshape((op.shape[0], prod(now[1:])))), ()
    if op == FULLY_CONNECTED:
        return _smaller_rows(graph, node, values)
    return node, ()


def _smaller_rows(graph: Graph, node: Node, values: dict[str, Array]) -> tuple[Node, tuple[Tensor, ...]]:
    """A fully connected layer that reads a smaller map: its weights times the enlargement of that map."""
    flat = graph.producers.get(str(node.inputs[0]))
    maps = None if flat is None or not isinstance(flat.op, (Flatten, Reshape)) else flat.inputs[0]
    weights = graph.constant(node.inputs[1])
    if maps is None or weights is None or len(graph.tensors[maps].shape) != 4:
        raise UnsupportedError(f"resolution: layer {node.name!r} reads a map of another size, not straight through a Flatten")
    before, now = graph.tensors[maps].shape[1:], values[maps].shape[1:]
    rows, columns = (enlargement(new, old) for new, old in zip(now[1:], before[1:], strict=True))
    smaller = np.einsum("ochw,hy,wx->ocyx", weights.reshape(-1, *before), rows, columns, optimize=True)
    name = free_name(graph, f"{node.inputs[1]}__smaller")
    data = smaller.reshape(len(weights), -1).astype(weights.dtype)
    return replace(node, inputs=(node.inputs[0], name, *node.inputs[2:])), (Tensor(name, data.shape, data.dtype.name, data),)


def enlargement(small: int, large: int) -> Array:
    """[large, small]: linear interpolation between pixels' middles."""
    places = np.clip((np.arange(large) + 0.5) * small / large - 0.5, 0, small - 1)
    return np.maximum(0.0, 1.0 - np.abs(places[:, None] - np.arange(small)))

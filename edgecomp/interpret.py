"""Reference execution in numpy."""

from __future__ import annotations

from collections.abc import Mapping

from edgecomp.errors import DataError
from edgecomp.graph import Array, Graph


def evaluate(graph: Graph, feeds: Mapping[str, Array], all_tensors: bool = False) -> dict[str, Array]:
    """Run a float network.

    Args:
        feeds: one array an input. A first axis longer than declared is a batch, where the network keeps the first axis apart.
        all_tensors: return every tensor that a node writes, not only the outputs.

    Returns:
        Arrays by tensor name.

    Raises:
        DataError: an input is missing.
    """
    values: dict[str, Array] = {name: tensor.data for name, tensor in graph.tensors.items() if tensor.data is not None}
    for name in graph.inputs:
        if name not in feeds:
            raise DataError(f"{graph.name}: no data for input {name!r}; given: {', '.join(feeds) or 'none'}")
        values[name] = feeds[name]
    last_use = {name: index for index, node in enumerate(graph.nodes) for name in node.inputs if name is not None}
    for index, node in enumerate(graph.nodes):
        results = node.op.evaluate(*(None if name is None else values[name] for name in node.inputs))
        values.update(zip(node.outputs, results, strict=True))
        if not all_tensors:
            for name in {n for n in node.inputs if n is not None and last_use[n] == index and n not in graph.outputs}:
                del values[name]
    wanted = [name for node in graph.nodes for name in node.outputs] if all_tensors else []
    return {name: values[name] for name in (*graph.outputs, *wanted)}

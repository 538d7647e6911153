"""How passes change a graph: a rule looks at one node and proposes a replacement, `rewrite` applies all that do not overlap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from edgecomp.graph import Array, Graph, Node, Tensor

MAX_SWEEPS = 10_000


@dataclass(frozen=True, eq=False)
class Replacement:
    """Nodes that go, nodes that stand in the place of the last of them, tensors that are new.

    `aliases` maps outputs of removed nodes that nothing writes any more to the tensors that their readers read instead.
    """

    remove: tuple[Node, ...]
    add: tuple[Node, ...] = ()
    tensors: tuple[Tensor, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)


Rule = Callable[[Graph, Node], Replacement | None]


def rewrite(graph: Graph, rule: Rule) -> Graph:
    """Apply a rule to all nodes until it proposes nothing more.

    Raises:
        RuntimeError: the rule never comes to an end (a defect of the rule).
    """
    for _ in range(MAX_SWEEPS):
        changed = _sweep(graph, rule)
        if changed is None:
            return graph
        graph = changed
    raise RuntimeError(f"{graph.name}: rule {rule.__module__}.{rule.__qualname__} does not come to an end")


def _sweep(graph: Graph, rule: Rule) -> Graph | None:
    """All replacements that do not touch one another, in one rebuilt graph; None where there are none."""
    removed: set[str] = set()
    inserted: dict[str, tuple[Node, ...]] = {}
    tensors: list[Tensor] = []
    aliases: dict[str, str] = {}
    touched: set[str] = set()
    for node in graph.nodes:
        proposal = rule(graph, node) if node.name not in removed else None
        if proposal is None or touched & _names(proposal):
            continue
        names = {gone.name for gone in proposal.remove}
        touched |= {name for gone in proposal.remove for name in gone.outputs}
        last = [candidate for candidate in graph.nodes if candidate.name in names][-1]
        removed |= names
        inserted[last.name] = proposal.add
        tensors += proposal.tensors
        aliases |= proposal.aliases
    if not removed:
        return None
    nodes = [new for node in graph.nodes for new in (inserted.get(node.name, ()) if node.name in removed else (node,))]
    return graph.rebuilt((_with_aliases(node, aliases) for node in nodes), tensors)


def _names(proposal: Replacement) -> set[str]:
    nodes = (*proposal.remove, *proposal.add)
    return {name for node in nodes for name in (*node.inputs, *node.outputs) if name is not None} | set(proposal.aliases.values())


def _with_aliases(node: Node, aliases: Mapping[str, str]) -> Node:
    if not any(name in aliases for name in node.inputs):
        return node
    return replace(node, inputs=tuple(None if name is None else _resolve(name, aliases) for name in node.inputs))


def _resolve(name: str, aliases: Mapping[str, str]) -> str:
    while name in aliases:
        name = aliases[name]
    return name


def constant(graph: Graph, stem: str, values: Array) -> Tensor:
    """A new constant, float32 where it is floating, under a name that is free."""
    floating = np.issubdtype(values.dtype, np.floating)
    data = np.array(values, np.float32 if floating else values.dtype, order="C")
    return Tensor(free_name(graph, stem), data.shape, data.dtype.name, data)


def free_name(graph: Graph, stem: str) -> str:
    """A tensor name that the graph does not have, beginning with the stem."""
    name, suffix = stem, 0
    while name in graph.tensors:
        suffix += 1
        name = f"{stem}_{suffix}"
    return name


def free_node_name(graph: Graph, stem: str) -> str:
    """A node name that the graph does not have, beginning with the stem."""
    taken = {node.name for node in graph.nodes}
    name, suffix = stem, 0
    while name in taken:
        suffix += 1
        name = f"{stem}_{suffix}"
    return name


def bypass(graph: Graph, node: Node) -> Replacement | None:
    """Remove a node whose only output equals its first input; None where that would lose a name of the model's interface."""
    source, result = node.inputs[0], node.outputs[0]
    assert source is not None
    if result not in graph.outputs:
        return Replacement((node,), aliases={result: source})
    producer = graph.producers.get(source)
    if producer is None or source in graph.outputs or graph.sole_consumer(source) is not node:
        return None
    outputs = tuple(result if name == source else name for name in producer.outputs)
    return Replacement((producer, node), (replace(producer, outputs=outputs),))

"""Nodes that no output depends on are removed."""

from __future__ import annotations

from edgecomp.graph import Graph


def remove_dead(graph: Graph) -> Graph:
    """Keep the nodes that lead to an output of the graph."""
    needed = set(graph.outputs)
    kept = []
    for node in reversed(graph.nodes):
        if needed.intersection(node.outputs):
            kept.append(node)
            needed.update(name for name in node.inputs if name is not None)
    return graph if len(kept) == len(graph.nodes) else graph.rebuilt(reversed(kept))

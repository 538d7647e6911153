"""Activation functions that were exported as several nodes become one.

They are recognised by what they compute, not by how it is written: a group of nodes that is a function of one tensor alone is
sampled, and compared with the functions that have an operator of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgecomp.graph import Array, Graph, Node
from edgecomp.ops.arithmetic import Arithmetic
from edgecomp.ops.pointwise import Gelu, HardSigmoid, HardSwish, Mish, Pointwise, Sigmoid
from edgecomp.passes.rewrite import Replacement, rewrite

FUNCTIONS: tuple[Pointwise, ...] = (Gelu(), Gelu("tanh"), HardSwish(), HardSigmoid(1 / 6, 0.5), Mish(), Sigmoid())
LARGEST_GROUP = 12
SAMPLES = np.concatenate([np.linspace(-12, 12, 481), [-1e3, -60.5, 60.5, 1e3]])
RELATIVE_TOLERANCE = 2e-6
"""Of 1 + |x|: wider than constants rounded to float32, narrower than any two of the functions lie apart."""


@dataclass(frozen=True, eq=False)
class Group:
    """Nodes, last first, and the computed tensors they read from outside."""

    nodes: tuple[Node, ...]
    sources: tuple[str, ...]


def recognise_functions(graph: Graph) -> Graph:
    """Gelu by erf and tanh, HardSwish, HardSigmoid, Mish and Sigmoid from their parts."""
    places = {node.name: index for index, node in enumerate(graph.nodes)}
    return rewrite(graph, lambda current, node: _rule(current, node, places))


def _rule(graph: Graph, node: Node, places: Mapping[str, int]) -> Replacement | None:
    group = _grown(graph, Group((), (node.outputs[0],)), places)
    while group is not None and len(group.nodes) <= LARGEST_GROUP:
        if len(group.sources) == 1 and len(group.nodes) > 1:
            function = _function(graph, group)
            if function is not None:
                return Replacement(group.nodes, (Node(node.name, function, group.sources, node.outputs),))
        group = _grown(graph, group, places)
    return None


def _grown(graph: Graph, group: Group, places: Mapping[str, int]) -> Group | None:
    """The group with the node that writes the latest of its sources; None where that node cannot belong to it."""
    producers = {name: graph.producers[name] for name in group.sources if name in graph.producers}
    if not producers:
        return None
    name, node = max(producers.items(), key=lambda item: places[item[1].name])
    inside = {member.name for member in group.nodes}
    if group.nodes and (name in graph.outputs or any(reader.name not in inside for reader in graph.consumers[name])):
        return None
    if not isinstance(node.op, (Pointwise, Arithmetic)):
        return None
    shape = graph.tensors[name].shape
    computed = [source for source in node.inputs if source is not None and graph.constant(source) is None]
    constants = [value for source in node.inputs if (value := graph.constant(source)) is not None]
    if any(graph.tensors[source].shape != shape for source in computed) or any(value.size != 1 for value in constants):
        return None
    sources = dict.fromkeys((*(source for source in group.sources if source != name), *computed))
    return Group((*group.nodes, node), tuple(sources))


def _function(graph: Graph, group: Group) -> Pointwise | None:
    """The one operator that computes what the group computes, or None."""
    values: dict[str, Array] = {group.sources[0]: SAMPLES}
    with np.errstate(all="ignore"):
        for node in reversed(group.nodes):
            operands = (_operand(graph, values, name) for name in node.inputs)
            values[node.outputs[0]] = node.op.evaluate(*operands)[0]
        result = values[group.nodes[0].outputs[0]]
        allowed = RELATIVE_TOLERANCE * (1 + np.abs(SAMPLES))
        return next((function for function in FUNCTIONS if np.all(np.abs(function.function(SAMPLES) - result) <= allowed)), None)


def _operand(graph: Graph, values: Mapping[str, Array], name: str | None) -> Array:
    value = graph.constant(name)
    return values[name or ""] if value is None else value.astype(np.float64).reshape(())

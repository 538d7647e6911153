"""Layers replaced by chains of smaller ones: what the methods `svd`, `separable`, `lowrank`, `lowrank-nonlinear` and `depthwise-separable`
share. A method says what a layer may become and how good each form is; the budget decides; the layers are replaced in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edgecomp.compress.budget import Size, size_of
from edgecomp.compress.job import Job
from edgecomp.compress.ranks import Choice, chosen
from edgecomp.compress.stages import Stage, chain_size, stage_of, with_chain
from edgecomp.graph import Array, Graph, Node, Shape

RANKS = 64
"""That are looked at in a layer, at most."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer that a method looks at: a node of the graph it was given, its weights, and what it reads."""

    graph: Graph
    node: Node
    stage: Stage

    @property
    def input_shape(self) -> Shape:
        """[1, C, *sizes] or [rows, I]."""
        return self.graph.tensors[str(self.node.inputs[0])].shape

    @property
    def size(self) -> Size:
        """Of the layer as it is."""
        return chain_size([self.stage], self.input_shape)

    @property
    def bias(self) -> Array | float:
        """[N], or 0."""
        return 0.0 if self.stage.bias is None else self.stage.bias


def few(most: int) -> tuple[int, ...]:
    """Ranks from 1 to the largest, all of them or `RANKS` spread evenly."""
    return tuple(sorted({round(rank) for rank in np.linspace(1, most, min(most, RANKS))}))


class Decomposition(Protocol):
    """A method. `word` names it in new nodes."""

    word: str

    def takes(self, layer: Layer) -> bool:
        """Whether the layer has the form that the method replaces."""
        ...

    def energies(self, layer: Layer) -> Mapping[int, float]:
        """Share of the responses' variance kept, by rank."""
        ...

    def outline(self, layer: Layer, rank: int) -> Sequence[Stage]:
        """A chain of this rank as far as its size goes; values may be anything."""
        ...

    def chain(self, layer: Layer, rank: int, graph: Graph) -> Sequence[Stage]:
        """The chain of this rank for `graph`, in which the layers before this one are replaced already."""
        ...


def decomposed(method: str, decomposition: Decomposition, graph: Graph, job: Job) -> Graph:
    """The graph with layers replaced as the budget asks; where it names no size, with the share of energy of option `energy` in each.

    Raises:
        DataError: no layer can be replaced, or the budget cannot be met.
    """
    layers = [layer for layer in _layers(graph, job) if decomposition.takes(layer)]
    choices = {}
    for done, layer in enumerate(layers):
        job.watch("looking at layers", done, len(layers))
        choices[layer.node.name] = _choices(decomposition, layer)
    assignment = chosen(method, size_of(graph), choices, job.budget, float(job.options["energy"]))
    replaced = [layer for layer in layers if assignment[layer.node.name].rank]
    result = graph
    for done, layer in enumerate(replaced):
        job.watch("replacing layers", done, len(replaced))
        rank = assignment[layer.node.name].rank
        result = with_chain(result, _same(result, layer.node), decomposition.chain(layer, rank, result), decomposition.word)
    job.watch("replacing layers", len(replaced), len(replaced))
    return result


def _layers(graph: Graph, job: Job) -> list[Layer]:
    found = [(node, stage_of(graph, node)) for node in graph.nodes if job.may_change(node.name)]
    return [Layer(graph, node, stage) for node, stage in found if stage is not None]


def _choices(decomposition: Decomposition, layer: Layer) -> list[Choice]:
    """The layer as it is, and each rank that makes it smaller in MACs or in parameters and larger in neither."""
    whole = layer.size
    found = [Choice(0, whole, 1.0)]
    for rank, energy in decomposition.energies(layer).items():
        size = chain_size(decomposition.outline(layer, rank), layer.input_shape)
        if size.macs <= whole.macs and size.parameters <= whole.parameters and size != whole:
            found.append(Choice(rank, size, min(energy, 1.0)))
    return found


def _same(graph: Graph, node: Node) -> Node:
    """The node in a graph whose other nodes were replaced."""
    return graph.producers[node.outputs[0]]

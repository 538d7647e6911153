"""Layers replaced by chains of smaller ones: what the methods `svd`, `separable`, `lowrank`, `lowrank-nonlinear` and `depthwise-separable`
share. A method says what a layer may become and how good each form is; the budget decides; the layers are replaced in order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edgecomp.compress.budget import Size, size_of
from edgecomp.compress.job import Job
from edgecomp.compress.ranks import Choice, chosen
from edgecomp.compress.stages import Stage, chain_size, stage_of, with_chain
from edgecomp.errors import DataError
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


class Structure(Protocol):
    """What a layer may become, in several sizes by rank. `word` names it in new nodes."""

    word: str

    def takes(self, layer: Layer) -> bool:
        """Whether the layer has the form that is replaced."""
        ...

    def energies(self, layer: Layer) -> Mapping[int, float]:
        """Share of the responses' variance kept, by rank."""
        ...

    def outline(self, layer: Layer, rank: int) -> Sequence[Stage]:
        """The layers that stand in its place, as far as their sizes go; values may be anything."""
        ...

    def placed(self, layer: Layer, rank: int, graph: Graph) -> Graph:
        """`graph`, in which other layers are replaced already, with the structure in the layer's place."""
        ...


class Decomposition(ABC):
    """A `Structure` that is a chain of linear layers."""

    word: str

    @abstractmethod
    def chain(self, layer: Layer, rank: int, graph: Graph) -> Sequence[Stage]:
        """The chain of this rank for `graph`, in which layers before this one may be replaced already."""

    def placed(self, layer: Layer, rank: int, graph: Graph) -> Graph:
        """See `Structure`."""
        return with_chain(graph, same_node(graph, layer), self.chain(layer, rank, graph), self.word)


def decomposed(method: str, structure: Structure, graph: Graph, job: Job) -> Graph:
    """The graph with layers replaced, in order, as `planned`.

    Raises:
        DataError: no layer can be replaced, or the budget cannot be met.
    """
    plan = planned(method, structure, graph, job)
    result = graph
    for done, (layer, rank) in enumerate(plan):
        job.watch("replacing layers", done, len(plan))
        result = structure.placed(layer, rank, result)
    job.watch("replacing layers", len(plan), len(plan))
    return result


def planned(method: str, structure: Structure, graph: Graph, job: Job) -> list[tuple[Layer, int]]:
    """Layers to replace, in order, and their ranks: as the budget asks; where it names no size, with the energy of option `energy` in each.

    Raises:
        DataError: there is no layer of a name, no layer can be replaced, or the budget cannot be met.
    """
    layers = [layer for layer in _layers(graph, job) if structure.takes(layer)]
    choices = {}
    for done, layer in enumerate(layers):
        job.watch("looking at layers", done, len(layers))
        choices[layer.node.name] = _choices(structure, layer)
    assignment = chosen(method, size_of(graph), choices, job.budget, float(job.options["energy"]))
    return [(layer, assignment[layer.node.name].rank) for layer in layers if assignment[layer.node.name].rank]


def same_node(graph: Graph, layer: Layer) -> Node:
    """A layer's node in a graph whose other layers were replaced."""
    return graph.producers[layer.node.outputs[0]]


def _layers(graph: Graph, job: Job) -> list[Layer]:
    stages = {node.name: (node, stage) for node in graph.nodes if (stage := stage_of(graph, node)) is not None}
    unknown = [name for name in job.layers or () if name not in stages]
    if unknown:
        raise DataError(f"{graph.name}: has no layer {unknown[0]!r} with weights; those there are: {', '.join(map(repr, stages))}")
    return [Layer(graph, node, stage) for name, (node, stage) in stages.items() if job.may_change(name)]


def _choices(structure: Structure, layer: Layer) -> list[Choice]:
    """The layer as it is, and each rank that makes it smaller in MACs or in parameters and larger in neither."""
    whole = layer.size
    found = [Choice(0, whole, 1.0)]
    for rank, energy in structure.energies(layer).items():
        size = chain_size(structure.outline(layer, rank), layer.input_shape)
        if size.macs <= whole.macs and size.parameters <= whole.parameters and size != whole:
            found.append(Choice(rank, size, min(energy, 1.0)))
    return found

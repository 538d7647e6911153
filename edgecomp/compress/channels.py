"""Channels that can only be removed together, and a graph without some of them.

found = channels(graph)
smaller = keep_channels(found, {found.groups[0].name: np.arange(8)})

A *unit* is the least that can go: one channel of every tensor that a residual sum, a concatenation, a depthwise convolution or a reshape
ties together. A *group* is the set of units that the same layers make; what is kept of it is said by index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edgecomp.compress.labels import Labels, Place
from edgecomp.compress.resize import resized
from edgecomp.errors import DataError, UnsupportedError
from edgecomp.graph import Array, Graph, Node
from edgecomp.ops.conv import Conv
from edgecomp.ops.conv_transpose import ConvTranspose
from edgecomp.ops.gemm import Gemm, MatMul

Kept = Mapping[str, Array]
"""Group -> the units that stay, by index; a group that is not named keeps all."""


@dataclass(frozen=True, eq=False)
class Group:
    """Units made by the same layers.

    Attributes:
        name: the first layer that makes them.
        units: how many there are.
        must_stay: bool [units].
        producers: layer -> the unit of each of its output channels.
        followers: depthwise convolution -> the unit of each of its output channels.
        readers: layer -> the unit of each of its input channels, -1 for those of other groups.
    """

    name: str
    units: int
    must_stay: Array
    producers: Mapping[str, Array]
    followers: Mapping[str, Array]
    readers: Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class Channels:
    """The channels of a graph.

    Attributes:
        graph: it.
        groups: those of which something can go, in order.
        refused: layer -> why none of its channels can go.
        places: tensor -> its axis of channels and the number of the unit (over all groups and what stays) at each place.
        numbers: group -> the number of each of its units.
    """

    graph: Graph
    groups: tuple[Group, ...]
    refused: Mapping[str, str]
    places: Mapping[str, Place]
    numbers: Mapping[str, Array]

    @cached_property
    def by_name(self) -> Mapping[str, Group]:
        """Groups by name."""
        return {group.name: group for group in self.groups}

    def units_at(self, group: Group, tensor: str) -> Array:
        """The unit of a group at each place along a tensor's axis of channels, -1 for others."""
        return _positions(self.places[tensor].labels, self.numbers[group.name])

    def changeable(self, layers: Sequence[str] | None) -> tuple[Group, ...]:
        """The groups whose layers are all named; all of them for None.

        Raises:
            UnsupportedError: a layer that is named cannot be made thinner, for the reason said, or nothing can.
            DataError: there is no such layer.
        """
        names = {node.name for node in self.graph.nodes}
        makers = {name: group for group in self.groups for name in group.producers}
        for name in layers or ():
            if name not in names:
                known = ", ".join(repr(maker) for maker in makers)
                raise DataError(f"{self.graph.name}: has no layer {name!r}; those that can be made thinner: {known}")
            if name not in makers:
                raise UnsupportedError(
                    f"layer {name!r} cannot be made thinner: {self.refused.get(name, 'it makes no channels of its own')}"
                )
            missing = [other for other in makers[name].producers if layers is not None and other not in layers]
            if missing:
                raise UnsupportedError(f"layer {name!r} shares its channels with {missing}: name them too, or leave it out")
        found = tuple(group for group in self.groups if layers is None or group.name in layers)
        if not found:
            reasons = "; ".join(f"{name!r}: {why}" for name, why in self.refused.items()) or "it has no layers with weights"
            raise UnsupportedError(f"{self.graph.name}: no layer can be made thinner: {reasons}")
        return found


def channels(graph: Graph) -> Channels:
    """Find the units and groups of a simplified graph."""
    labels = Labels(graph)
    roots = np.array([labels.root(label) for label in range(len(labels.parents))], np.int64)
    why = {int(roots[label]): reason for label, reason in labels.fixed.items()}
    places = {name: Place(place.axis, roots[place.labels]) for name, place in labels.places.items()}
    made = {name: roots[own] for name, own in labels.made.items()}
    groups: list[Group] = []
    refused: dict[str, str] = {}
    numbers: dict[str, Array] = {}
    for layers in _connected(made):
        units = np.unique(np.concatenate([made[name] for name in layers]))
        must_stay = np.isin(units, list(why))
        if np.count_nonzero(~must_stay) < 1 or len(units) < 2:
            reason = next((why[int(unit)] for unit in units if int(unit) in why), "it has a single channel")
            refused |= dict.fromkeys(layers, reason)
            continue
        group = _group(graph, places, layers, made, units, must_stay)
        groups.append(group)
        numbers[group.name] = units
    return Channels(graph, tuple(groups), refused, places, numbers)


def keep_channels(found: Channels, kept: Kept) -> Graph:
    """The graph with the units that stay, all tensors and weights resized; the same function where what goes contributed nothing.

    Raises:
        DataError: a tensor would have no channel left.
    """
    everything = np.concatenate([place.labels for place in found.places.values()])
    stays = np.ones(int(everything.max()) + 1, bool)
    for name, indices in kept.items():
        group, numbers = found.by_name[name], found.numbers[name]
        chosen = np.zeros(group.units, bool)
        chosen[indices] = True
        stays[numbers[~(chosen | group.must_stay)]] = False
    masks = {name: stays[place.labels] for name, place in found.places.items()}
    for name, mask in masks.items():
        if not mask.any():
            producer = found.graph.producers.get(name)
            where = f"layer {producer.name!r}" if producer else f"tensor {name!r}"
            raise DataError(f"{where}: its width would be zero: keep at least one of its {len(mask)} channels")
    return resized(found.graph, {name: (found.places[name].axis, mask) for name, mask in masks.items()})


def _connected(made: Mapping[str, Array]) -> list[list[str]]:
    """Layers that share units, in order of the first of each set."""
    found: list[tuple[list[str], set[int]]] = []
    for name, own in made.items():
        units = set(own.tolist())
        joined = [part for part in found if not part[1].isdisjoint(units)]
        layers = [layer for part in joined for layer in part[0]] + [name]
        place = found.index(joined[0]) if joined else len(found)
        found = [part for part in found if part not in joined]
        found.insert(place, (layers, units.union(*(part[1] for part in joined))))
    return [layers for layers, _ in found]


def _group(
    graph: Graph, places: Mapping[str, Place], layers: list[str], made: Mapping[str, Array], units: Array, must_stay: Array
) -> Group:
    producers = {name: np.searchsorted(units, made[name]) for name in layers}
    followers, readers = {}, {}
    for node in graph.nodes:
        if isinstance(node.op, (Conv, ConvTranspose, Gemm, MatMul)) and str(node.inputs[0]) in places:
            own = _positions(places[str(node.inputs[0])].labels, units)
            if (own >= 0).any():
                if is_depthwise(graph, node):
                    followers[node.name] = _positions(places[node.outputs[0]].labels, units)
                else:
                    readers[node.name] = own
    return Group(layers[0], len(units), must_stay, producers, followers, readers)


def is_depthwise(graph: Graph, node: Node) -> bool:
    """Whether a convolution has a group for each of its several input channels."""
    return isinstance(node.op, (Conv, ConvTranspose)) and node.op.group == graph.tensors[str(node.inputs[0])].shape[1] > 1


def _positions(labels: Array, units: Array) -> Array:
    """The index of each label among sorted units, -1 where it is none of them."""
    index = np.searchsorted(units, labels).clip(max=len(units) - 1)
    return np.where(units[index] == labels, index, -1)

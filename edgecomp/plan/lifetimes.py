"""When each tensor needs its bytes, and which tensors share them in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edgecomp.qgraph import QGraph, QNode


@dataclass(frozen=True)
class Lifetime:
    """The steps, both ends included, during which a tensor's bytes must be kept."""

    first_step: int
    last_step: int

    def meets(self, other: Lifetime) -> bool:
        """Whether both are alive at some step."""
        return self.first_step <= other.last_step and other.first_step <= self.last_step


@dataclass(frozen=True)
class Storage:
    """Bytes that one tensor holds, or several one after the other by operators that work in place."""

    tensors: tuple[str, ...]
    bytes: int
    lifetime: Lifetime


@dataclass(frozen=True)
class Overlap:
    """An output that may lie over the input it is computed from, if it starts `distance_bytes` or more before it."""

    source: str
    output: str
    distance_bytes: int


ChooseVictim = Callable[[Sequence[str]], str]
"""Picks the input that an in-place operator overwrites, where several may be."""


def arena_inputs(qgraph: QGraph, node: QNode) -> tuple[str, ...]:
    """The tensors in RAM that a node reads, each once."""
    return tuple(name for name in dict.fromkeys(node.inputs) if qgraph.tensors[name].data is None)


def fitting_inputs(qgraph: QGraph, node: QNode) -> tuple[str, ...]:
    """The inputs in RAM whose place a node's output may take by its operator and their sizes."""
    if not node.op.in_place:
        return ()
    read_to_the_end = node.inputs[: node.op.in_place_from]
    wanted_bytes = qgraph.tensors[node.output].bytes
    names = arena_inputs(qgraph, node)
    return tuple(name for name in names if name not in read_to_the_end and qgraph.tensors[name].bytes == wanted_bytes)


def tensor_lifetimes(qgraph: QGraph) -> dict[str, Lifetime]:
    """Lifetime of every tensor in RAM, for the nodes in the order they stand.

    The caller writes the model's inputs before the first step and reads its outputs after the last.
    """
    first = {port.tensor: 0 for port in qgraph.inputs}
    last = dict(first)
    for step, node in enumerate(qgraph.nodes):
        for name in arena_inputs(qgraph, node):
            last[name] = step
        first[node.output] = last[node.output] = step
    for port in qgraph.outputs:
        if port.tensor in first:
            last[port.tensor] = max(len(qgraph.nodes) - 1, 0)
    return {name: Lifetime(step, last[name]) for name, step in first.items()}


def overwritable(qgraph: QGraph, lifetimes: Mapping[str, Lifetime], step: int) -> tuple[str, ...]:
    """The inputs whose place the output of a step may take.

    The operator must allow it, and the input must have as many bytes as the output, be read for the last time here and not be
    an output of the model.
    """
    kept = {port.tensor for port in qgraph.outputs}
    fitting = fitting_inputs(qgraph, qgraph.nodes[step])
    return tuple(name for name in fitting if name not in kept and lifetimes[name].last_step == step)


def in_place_pairs(qgraph: QGraph, lifetimes: Mapping[str, Lifetime], choose: ChooseVictim) -> dict[str, str]:
    """Output tensor -> the input it overwrites, for every operator that may work in place."""
    able = ((node.output, overwritable(qgraph, lifetimes, step)) for step, node in enumerate(qgraph.nodes))
    return {output: choose(victims) for output, victims in able if victims}


def storages(qgraph: QGraph, lifetimes: Mapping[str, Lifetime], pairs: Mapping[str, str]) -> tuple[Storage, ...]:
    """All bytes the arena must hold, in order of first use."""
    chains: dict[str, list[str]] = {}
    for name in lifetimes:
        if name in pairs:
            chains[name] = chains[pairs[name]]
            chains[name].append(name)
        else:
            chains[name] = [name]
    return tuple(
        Storage(tuple(chain), qgraph.tensors[name].bytes, Lifetime(lifetimes[name].first_step, lifetimes[chain[-1]].last_step))
        for name, chain in chains.items()
        if chain[0] == name
    )


def overlaps(
    qgraph: QGraph, lifetimes: Mapping[str, Lifetime], pairs: Mapping[str, str], distances: Mapping[str, int | None]
) -> tuple[Overlap, ...]:
    """The outputs that may lie over an input which is read for the last time; `distances` has what each output's kernel allows."""
    kept = {port.tensor for port in qgraph.outputs}
    found = []
    for step, node in enumerate(qgraph.nodes):
        sources = arena_inputs(qgraph, node)
        distance = distances.get(node.output)
        if distance is None or node.output in pairs or len(sources) != 1 or sources[0] in kept:
            continue
        if lifetimes[sources[0]].last_step == step:
            found.append(Overlap(sources[0], node.output, distance))
    return tuple(found)

"""Exact removal of work: channels that are constant or that nobody reads leave the integer network, and no output bit changes.

`remove_work` takes a lowered network. Its three steps are `analysis.analyze` (which integers every channel can hold, for any input),
`analysis.droppable` (which channels all operators can do without) and the operators rewritten without them, constants folded into
the biases of what reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from edgecomp.qgraph import QGraph, QNode, QTensor
from edgecomp.removal.analysis import Analysis, analyze, droppable, settle
from edgecomp.removal.ranges import Mask, Range

PARAMETERS = ("weights", "bias", "slope")


@dataclass(frozen=True)
class RemovedChannels:
    """What one layer no longer computes: of `channels` of its output those that are `constant`, with their value, and `unread` ones.

    A layer all of whose channels are gone is not called any more.
    """

    layer: str
    tensor: str
    channels: int
    constant: Mapping[int, int]
    unread: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many channels are gone."""
        return len(self.constant) + len(self.unread)


@dataclass(frozen=True)
class Removed:
    """What was removed. `parameters` count weights, biases, slopes and constant operands."""

    macs_before: int
    macs_after: int
    parameters_before: int
    parameters_after: int
    layers: tuple[RemovedChannels, ...] = ()

    @property
    def share(self) -> float:
        """The part of all multiply-accumulates that is gone, 0..1."""
        return 1 - self.macs_after / self.macs_before if self.macs_before else 0.0


def remove_work(qgraph: QGraph) -> tuple[QGraph, Removed]:
    """The network without the channels that cannot matter, and what they were; the network itself where there are none.

    For every input its outputs are the same integers. So is every channel that stays of every tensor, but a tensor that lost channels
    no longer lies as the float network's: its `permutation` is None. What is constant depends on the integers, so this is for networks
    whose ranges were measured or stated, not for one with made-up ranges.

    Raises:
        ValueError: the rewritten network breaks a rule of its operators (a defect of this package).
    """
    settled = settle(qgraph)
    found = analyze(settled)
    dropped = droppable(settled, found)
    if len(settled.nodes) == len(qgraph.nodes) and not any(mask.any() for mask in dropped.values()):
        return qgraph, unchanged(qgraph)
    result = _rewritten(settled, found, dropped).verify()
    layers = _layers(qgraph, analyze(qgraph).ranges, dropped)
    return result, Removed(qgraph.macs, result.macs, _parameters(qgraph), _parameters(result), layers)


def unchanged(qgraph: QGraph) -> Removed:
    """Nothing removed from a network."""
    return Removed(qgraph.macs, qgraph.macs, _parameters(qgraph), _parameters(qgraph))


def _rewritten(qgraph: QGraph, found: Analysis, dropped: Mapping[str, Mask]) -> QGraph:
    nodes = []
    for node in qgraph.nodes:
        inputs = [dropped[name] for name in node.inputs]
        touched = dropped[node.output].any() or any(mask.any() for mask in inputs)
        nodes.append(replace(node, op=found.rules[node.output].without(inputs, dropped[node.output])) if touched else node)
    tensors = {name: _narrowed(tensor, dropped[name]) for name, tensor in qgraph.tensors.items()}
    return replace(qgraph, tensors=tensors, nodes=tuple(nodes))


def _narrowed(tensor: QTensor, dropped: Mask) -> QTensor:
    """The buffer of the channels that stay."""
    if not dropped.any():
        return tensor
    channels, kept = len(dropped), int((~dropped).sum())
    if tensor.shape[-1] % channels == 0:
        shape = (*tensor.shape[:-1], tensor.shape[-1] // channels * kept)
    else:
        shape = (prod(tensor.shape) // channels, kept)
    data = None if tensor.data is None else np.ascontiguousarray(tensor.data.reshape(-1, channels)[:, ~dropped]).reshape(shape)
    return replace(tensor, shape=shape, data=data, permutation=None)


def _layers(before: QGraph, ranges: Mapping[str, Range], dropped: Mapping[str, Mask]) -> tuple[RemovedChannels, ...]:
    """Layer by layer of the original network."""
    layers = []
    for node in before.nodes:
        known = ranges[node.output]
        gone = dropped.get(node.output, np.ones(known.channels, np.bool_))
        if gone.any():
            layers.append(_layer(node, known, gone))
    return tuple(layers)


def _layer(node: QNode, known: Range, gone: Mask) -> RemovedChannels:
    constant = {int(c): int(known.low[c]) for c in np.flatnonzero(gone & known.constant)}
    unread = tuple(int(c) for c in np.flatnonzero(gone & ~known.constant))
    return RemovedChannels(node.layer, node.output, known.channels, constant, unread)


def _parameters(qgraph: QGraph) -> int:
    arrays = (int(np.size(getattr(node.op, name))) for node in qgraph.nodes for name in PARAMETERS if hasattr(node.op, name))
    return sum(arrays) + sum(int(tensor.data.size) for tensor in qgraph.tensors.values() if tensor.data is not None)

"""Which units of a group explain most of what the layers that read them answer: chosen one after another.

Forward selection by least squares, a unit with all its taps at once (block orthogonal matching pursuit: Eldar, Kuppinger and Boelcskei,
"Block-Sparse Signals: Uncertainty Relations and Efficient Recovery", 2010, section V, with the gain in place of the correlation). Unlike
the norm of filters it knows what the units do on data, and that two units which do the same are worth one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edgecomp.compress.channels import Channels, Group
from edgecomp.compress.filters_l1 import norms
from edgecomp.compress.job import Job
from edgecomp.compress.layer_weights import layer
from edgecomp.compress.responses import RIDGE, Moments, moments, watched
from edgecomp.compress.stages import stage_of
from edgecomp.graph import Array
from edgecomp.ops.conv import Conv

MOST_INPUTS = 5000
"""Of a layer whose units are chosen this way: its second moments are a matrix of this side."""


def best_first(found: Channels, group: Group, job: Job) -> Array:
    """All units of a group, the best first; by the norm of their filters where no layer that reads them can be watched."""
    readers = list(_readers(found, group, job))
    if not readers:
        return np.concatenate([np.flatnonzero(group.must_stay), _falling(norms(found, group), ~group.must_stay)])
    order: list[int] = []
    free = np.ones(group.units, bool)
    while free.any():
        gains = sum(reader.gains() for reader in readers)
        allowed = free & group.must_stay if (free & group.must_stay).any() else free
        unit = int(np.argmax(np.where(allowed, gains, -np.inf)))
        for reader in readers:
            reader.take(unit)
        free[unit] = False
        order.append(unit)
    return np.array(order)


def _falling(scores: Array, free: Array) -> Array:
    units = np.flatnonzero(free)
    return units[np.argsort(-scores[units], kind="stable")]


def _readers(found: Channels, group: Group, job: Job) -> Iterator[_Explained]:
    """The layers that read a group and can be watched."""
    for name, units in group.readers.items():
        node = layer(found.graph, name)
        stage = stage_of(found.graph, node)
        if stage is None or (isinstance(stage.op, Conv) and stage.op.group > 1):
            continue
        inputs = int(stage.weights[0].size)
        if inputs <= MOST_INPUTS:
            seen = moments(watched(found.graph, found.graph, node, job.train.x, job.seed))
            yield _Explained(seen, np.repeat(units, inputs // len(units)), group.units)


class _Explained:
    """A layer's answers, as far as the units taken so far do not explain them."""

    def __init__(self, seen: Moments, units: Array, count: int) -> None:
        """`units` says of each input column whose it is, -1 for other groups'; there are `count`."""
        self.inputs, self.cross, self.count = seen.inputs.copy(), seen.cross.copy(), count
        self.ridge = RIDGE * float(np.trace(seen.inputs)) / len(units)
        self.energy = max(seen.output_energy, 1e-30)
        self.columns = [np.flatnonzero(units == unit) for unit in range(count)]
        self._take(np.flatnonzero(units < 0))

    def gains(self) -> Array:
        """Of each unit: the share of the answers' energy that it would explain beyond what is explained; 0 of those taken."""
        found = np.zeros(self.count)
        for size in {len(columns) for columns in self.columns} - {0}:
            units = [unit for unit, columns in enumerate(self.columns) if len(columns) == size]
            places = np.stack([self.columns[unit] for unit in units])
            blocks = self.inputs[places[:, :, None], places[:, None, :]] + self.ridge * np.eye(size)
            cross = self.cross[places]
            found[units] = np.einsum("ukn,ukn->u", cross, np.linalg.solve(blocks, cross)) / self.energy
        return found

    def take(self, unit: int) -> None:
        """Explain with this unit too."""
        self._take(self.columns[unit])
        self.columns[unit] = self.columns[unit][:0]

    def _take(self, columns: Array) -> None:
        if not len(columns):
            return
        block = self.inputs[np.ix_(columns, columns)] + self.ridge * np.eye(len(columns))
        beside = self.inputs[columns]
        self.cross -= beside.T @ np.linalg.solve(block, self.cross[columns])
        self.inputs -= beside.T @ np.linalg.solve(block, beside)

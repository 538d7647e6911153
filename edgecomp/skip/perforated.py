"""Perforated convolutions under an accuracy budget: masks of several kinds, rates greedily raised layer by layer.

Figurnov et al., "PerforatedCNNs: Acceleration through Elimination of Redundant Convolutions", 2016, sections 3.2 and 3.3. Outputs that are
left out take the value of the nearest computed position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from edgecomp.errors import DataError
from edgecomp.graph import Array
from edgecomp.qgraph import IntArray, QNode, QOp
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv2d_perforated import MOST_PATCH_BYTES, MOST_POSITIONS
from edgecomp.skip import perforation_masks as masks
from edgecomp.skip.budget import Budget, Found, Search
from edgecomp.skip.climb import Ladder, climb
from edgecomp.skip.measured_gain import Board, curves
from edgecomp.skip.rules import Perforated
from edgecomp.target import Target

if TYPE_CHECKING:
    from edgecomp.pipeline import QuantizedModel

RATES = (0.0, 0.0625, 0.125, 0.1875, 0.25, 0.333, 0.4, 0.5, 0.6, 0.667, 0.75, 0.8)
"""Shares of positions that a layer may leave out, in the order in which they are tried."""
MEASURED_RATES = (1, 7)
"""Numbers of the rates at which layers are measured on a target; costs between and beyond them lie on a line."""
IMPACT_SAMPLES = 48
"""On which kinds of masks are compared, and impacts estimated."""
IMPACT_REGIONS = 6
"""Rows, and columns, of regions that one impact is estimated for."""


@dataclass(frozen=True, eq=False)
class _Layer:
    """One convolution, and its rules by rate."""

    running: Search
    node: QNode
    kinds: tuple[str, ...]
    chosen: dict[int, Perforated] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.node.output

    @property
    def conv(self) -> Conv2D:
        assert isinstance(self.node.op, Conv2D)
        return self.node.op

    @cached_property
    def impact(self) -> Array:
        """How far the network's outputs go astray when a region is left out, by position [height * width] of the region."""
        height, width = self.conv.output_h, self.conv.output_w
        rows, columns = (np.arange(size) * min(IMPACT_REGIONS, size) // size for size in (height, width))
        region = (rows[:, None] * (columns.max() + 1) + columns).reshape(-1)
        sizes = np.bincount(region)
        astray = [self._divergence(self._rule(np.flatnonzero(region != each))) for each in range(len(sizes))]
        by_position: Array = (np.array(astray) / sizes)[region]
        return by_position

    @property
    def macs(self) -> list[float]:
        """Products of an inference by rate."""
        return [(1 - rate) * self.conv.work.macs for rate in RATES]

    def rule(self, rate: int) -> Perforated | None:
        """With the mask of the kind under which the network's outputs go least astray at that rate; None for rate 0."""
        if rate == 0:
            return None
        if rate not in self.chosen:
            found = [self._of_kind(kind, rate) for kind in self.kinds]
            self.chosen[rate] = found[0] if len(found) == 1 else min(found, key=self._divergence)
        return self.chosen[rate]

    def evenly(self, rate: int) -> Perforated:
        """With positions at random."""
        return self._of_kind("uniform", rate)

    def _of_kind(self, kind: str, rate: int) -> Perforated:
        height, width, seed = self.conv.output_h, self.conv.output_w, self.running.budget.seed
        count = max(ceil((1 - RATES[rate]) * height * width), 1)
        match kind:
            case "uniform":
                return self._rule(masks.uniform(height, width, count, seed))
            case "grid":
                return self._rule(masks.grid(height, width, count))
            case "pooling":
                return self._rule(masks.best_of(masks.pooling_worth(self.running.dense, self.node), count, seed))
            case _:
                return self._rule(masks.best_of(self.impact, count, seed))

    def _rule(self, computed: IntArray) -> Perforated:
        return Perforated(masks.nearest_source(computed, self.conv.output_h, self.conv.output_w))

    def _divergence(self, rule: Perforated) -> float:
        return self.running.chooser.tried({self.name: rule}, IMPACT_SAMPLES).divergence


def search(
    quantized: QuantizedModel,
    x: Array,
    y: IntArray | None,
    budget: Budget | None = None,
    kinds: Sequence[str] = masks.KINDS,
    target: Target | None = None,
) -> Found:
    """Rules for raw data `x` [N, ...] and classes `y` [N] (None: the dense network's own) within the budget; masks of the given kinds.

    What counts is products, on a `target` instructions there: rates at which a layer takes more than the dense kernel are passed over.

    Raises:
        DataError: the network has several inputs, there are too few rows, the budget names what is no convolution, or a kind is unknown.
    """
    unknown = set(kinds) - set(masks.KINDS)
    if unknown or not kinds:
        raise DataError(f"kinds of masks {list(kinds)}: must be some of {', '.join(masks.KINDS)}")
    running = Search(quantized, x, y, budget or Budget())
    layers = [_Layer(running, node, tuple(kinds)) for node in running.convolutions() if _can_be_perforated(node.op)]
    costs = _costs(running, layers, target)
    ladders = [Ladder(layer.name, costs[layer.name], layer.macs, layer.rule) for layer in layers]
    state = climb(running, ladders)
    rules = {layer.name: rule for layer in layers if (rule := layer.rule(state[layer.name])) is not None}
    return running.found(
        "perforated", rules, {layer.name: _why_dense(costs[layer.name], target) for layer in layers if not state[layer.name]}
    )


def _can_be_perforated(op: QOp) -> bool:
    assert isinstance(op, Conv2D)
    return 1 < op.output_h * op.output_w <= MOST_POSITIONS and op.kernel_h * op.kernel_w * op.input_c <= MOST_PATCH_BYTES


def _costs(running: Search, layers: Sequence[_Layer], target: Target | None) -> dict[str, Sequence[float]]:
    """By layer what an inference costs at each rate: instructions on the target, products without one or where it counts none."""
    by_macs: dict[str, Sequence[float]] = {layer.name: layer.macs for layer in layers}
    if target is None:
        return by_macs
    board = Board(running.dense, target, running.counted)
    measured = [(RATES[rate], {layer.name: layer.evenly(rate) for layer in layers}) for rate in MEASURED_RATES]
    dense, lines = board.instructions({}), curves(board, measured)
    if dense is None or lines is None:
        return by_macs
    return {name: [dense[name], *(line.at(rate) for rate in RATES[1:])] for name, line in lines.items()}


def _why_dense(costs: Sequence[float], target: Target | None) -> str:
    if min(costs) >= costs[0]:
        return f"takes more instructions than the dense kernel at every rate on {target.name if target else 'the target'}"
    return "the least rate that pays costs more accuracy than is left"

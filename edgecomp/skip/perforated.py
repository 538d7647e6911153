"""Perforated convolutions under an accuracy budget: masks of several kinds, rates greedily raised layer by layer.

Figurnov et al., "PerforatedCNNs: Acceleration through Elimination of Redundant Convolutions", 2016, sections 3.2 and 3.3. Outputs that are
left out take the value of the nearest computed position.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from edgecomp.errors import DataError
from edgecomp.graph import Array
from edgecomp.qgraph import IntArray, QNode
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv2d_perforated import MOST_PATCH_BYTES, MOST_POSITIONS, Conv2DPerforated
from edgecomp.skip import perforation_masks as masks
from edgecomp.skip.rules import Perforated
from edgecomp.skip.trials import Budget, Found, Loss, Split, Trials, chosen_convolutions, split

if TYPE_CHECKING:
    from edgecomp.pipeline import QuantizedModel

RATES = (0.0, 0.0625, 0.125, 0.1875, 0.25, 0.333, 0.4, 0.5, 0.6, 0.667, 0.75, 0.8)
"""Shares of positions that a layer may leave out, in the order in which they are tried."""
COMPARED_SAMPLES = 100
"""On which kinds of masks are compared, and impacts estimated."""
IMPACT_REGIONS = 8
"""Rows, and columns, of regions that one impact is estimated for."""


@dataclass(frozen=True, eq=False)
class _Layer:
    """One convolution, and its masks by rate."""

    trials: Trials
    node: QNode
    kinds: tuple[str, ...]
    seed: int
    chosen: dict[int, Conv2DPerforated] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.node.output

    @property
    def conv(self) -> Conv2D:
        assert isinstance(self.node.op, Conv2D)
        return self.node.op

    @cached_property
    def impact(self) -> Array:
        """Mean change of the network's outputs when the outputs of a region are set to zero, by position [height * width]."""
        conv, plain = self.conv, self.trials.values[self.trials.qgraph.outputs[0].tensor][:COMPARED_SAMPLES].astype(int)
        rows, columns = (np.arange(size) * min(IMPACT_REGIONS, size) // size for size in (conv.output_h, conv.output_w))
        region = (rows[:, None] * (columns.max() + 1) + columns).reshape(-1)
        sizes = np.bincount(region)
        changes = [
            np.abs(self.trials.outputs_with_zeros(self.name, region == each, conv.output_zero_point, COMPARED_SAMPLES) - plain).mean()
            for each in range(len(sizes))
        ]
        by_position: Array = (np.array(changes) / sizes)[region]
        return by_position

    def operator(self, rate: int) -> Conv2DPerforated:
        """With the mask of the kind that changes the network's outputs least at that rate."""
        if rate not in self.chosen:
            found = [self._of_kind(kind, rate) for kind in self.kinds]
            self.chosen[rate] = found[0] if len(found) == 1 else min(found, key=self._change)
        return self.chosen[rate]

    def _of_kind(self, kind: str, rate: int) -> Conv2DPerforated:
        conv = self.conv
        height, width = conv.output_h, conv.output_w
        count = max(ceil((1 - RATES[rate]) * height * width), 1)
        match kind:
            case "uniform":
                computed = masks.uniform(height, width, count, self.seed)
            case "grid":
                computed = masks.grid(height, width, count)
            case "pooling":
                computed = masks.best_of(masks.pooling_worth(self.trials.qgraph, self.node), count, self.seed)
            case _:
                computed = masks.best_of(self.impact, count, self.seed)
        return Conv2DPerforated.following(conv, masks.nearest_source(computed, height, width))

    def _change(self, op: Conv2DPerforated) -> float:
        plain = self.trials.values[self.trials.qgraph.outputs[0].tensor][:COMPARED_SAMPLES].astype(int)
        return float(((self.trials.outputs({self.name: op}, COMPARED_SAMPLES) - plain) ** 2).mean())


def operator(conv: Conv2D, rule: Perforated) -> Conv2DPerforated:
    """The convolution that follows the rule."""
    return Conv2DPerforated.following(conv, rule.source)


def search(
    quantized: QuantizedModel, x: Array, y: IntArray | None, budget: Budget | None = None, kinds: Sequence[str] = masks.KINDS
) -> Found:
    """Rules for raw data `x` [N, ...] and classes `y` [N] (None: the dense network's own) within the budget; masks of the given kinds.

    Raises:
        DataError: the network has several inputs, there are too few rows, the budget names what is no convolution, or a kind is unknown.
    """
    unknown = set(kinds) - set(masks.KINDS)
    if unknown or not kinds:
        raise DataError(f"kinds of masks {list(kinds)}: must be some of {', '.join(masks.KINDS)}")
    budget = budget or Budget()
    began = monotonic()
    halves = split(quantized, x, y, budget)
    trials = halves.choosing
    layers = [
        _Layer(trials, node, tuple(kinds), budget.seed)
        for node in chosen_convolutions(trials, budget.layers)
        if _can_be_perforated(node.op)
    ]
    path = _climb(trials, layers, budget, began)
    while path[-1] and halves.judging.loss(_changed(layers, path[-1])).points > budget.max_loss_points:
        path.pop()
    return _found(halves, layers, path[-1], monotonic() - began)


def _can_be_perforated(op: object) -> bool:
    if not isinstance(op, Conv2D):
        return False
    return 1 < op.output_h * op.output_w <= MOST_POSITIONS and op.kernel_h * op.kernel_w * op.input_c <= MOST_PATCH_BYTES


def _climb(trials: Trials, layers: Sequence[_Layer], budget: Budget, began: float) -> list[dict[str, int]]:
    """States (rate by layer) from dense on, each with one layer's rate raised: the one that costs least for the products it saves."""
    path: list[dict[str, int]] = [{}]
    last = Loss(0.0, 0.0)
    hopeless: set[str] = set()
    while monotonic() - began < budget.seconds:
        options = []
        for layer in layers:
            rate = path[-1].get(layer.name, 0) + 1
            if layer.name in hopeless or rate >= len(RATES) or monotonic() - began > budget.seconds:
                continue
            state = {**path[-1], layer.name: rate}
            loss = trials.loss(_changed(layers, state))
            if loss.within(budget.max_loss_points):
                saved = (RATES[rate] - RATES[rate - 1]) * layer.conv.work.macs
                options.append(((max(loss.points - last.points, 0.0) + 0.05) / saved, loss, state))
            else:
                hopeless.add(layer.name)
        if not options:
            break
        _, last, best = min(options, key=lambda option: option[0])
        path.append(best)
    return path


def _changed(layers: Sequence[_Layer], state: Mapping[str, int]) -> dict[str, Conv2DPerforated]:
    return {layer.name: layer.operator(state[layer.name]) for layer in layers if state.get(layer.name)}


def _found(halves: Split, layers: Sequence[_Layer], state: Mapping[str, int], seconds: float) -> Found:
    changed = _changed(layers, state)
    rules = {name: Perforated(np.asarray(op.source).reshape(op.output_h, op.output_w)) for name, op in changed.items()}
    return halves.found("perforated", rules, changed, seconds)

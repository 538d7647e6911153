"""Which channels go, in what order, until a budget is met.

A *path* is a list of removals, each the units of one group that go at once. Walking it from its beginning makes a network smaller and
smaller; a budget stops the walk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from edgecomp.compress.budget import LAYERS, Budget, Size, macs_of, size_of
from edgecomp.compress.channels import Channels, Group, Kept, is_depthwise, keep_channels
from edgecomp.errors import DataError
from edgecomp.graph import Array

STEPS_A_GROUP = 16
"""Parts in which a group goes where its layers are weighed against others."""

Removal = tuple[str, Array]
"""A group, and the units of it that go."""

Loss = Callable[[float], float]
"""The loss that leaving out a share of a group's units causes, 0..1."""


def by_score(groups: Sequence[Group], scores: Mapping[str, Array], least_share: float = 0.0) -> list[Removal]:
    """A path by one threshold for all groups: the unit of least score first.

    Args:
        scores: group -> a number a unit, comparable over groups.
        least_share: of each group's units that stays until every group is down to it.
    """
    order: dict[str, Array] = {group.name: np.argsort(scores[group.name], kind="stable") for group in groups}
    early: list[tuple[float, str, int]] = []
    late: list[tuple[float, str, int]] = []
    for group in groups:
        free = [int(unit) for unit in order[group.name] if not group.must_stay[unit]]
        spare = 0 if group.must_stay.any() else 1
        reserve = max(spare, round(least_share * group.units) - int(group.must_stay.sum()))
        for place, unit in enumerate(free[: len(free) - spare] if spare else free):
            part = early if place < len(free) - reserve else late
            part.append((float(scores[group.name][unit]), group.name, unit))
    return [(name, np.array([unit])) for part in (early, late) for _, name, unit in sorted(part)]


def by_sensitivity(
    found: Channels, groups: Sequence[Group], orders: Mapping[str, Array], losses: Mapping[str, Loss], budget: Budget
) -> list[Removal]:
    """A path that each time takes the part whose loss is least for what it saves of the budget.

    Args:
        orders: group -> its units, the least important first.
        losses: group -> the loss that leaving out a share of its units causes.
    """
    sizer = Sizer(found)
    parts = {group.name: _parts(group, orders[group.name]) for group in groups}
    units = {group.name: group.units for group in groups}
    taken, gone = dict.fromkeys(parts, 0), dict.fromkeys(parts, 0)
    stays = sizer.everything()
    path: list[Removal] = []
    now = sizer.cost(stays, budget)
    while True:
        best: tuple[float, str, Array, float] | None = None
        for name, own in parts.items():
            if taken[name] < len(own):
                after = sizer.without(stays, name, own[taken[name]])
                cost = sizer.cost(after, budget)
                lost = losses[name]((gone[name] + len(own[taken[name]])) / units[name]) - losses[name](gone[name] / units[name])
                price = lost / max(now - cost, 1e-12)
                if best is None or price < best[0]:
                    best = (price, name, after, cost)
        if best is None:
            return path
        _, name, stays, now = best
        part = parts[name][taken[name]]
        path.append((name, part))
        taken[name] += 1
        gone[name] += len(part)


def _parts(group: Group, order: Array) -> list[Array]:
    """The units that may go, in at most `STEPS_A_GROUP` parts; one stays."""
    free = np.array([unit for unit in order if not group.must_stay[unit]], np.int64)
    free = free if group.must_stay.any() else free[:-1]
    return [part for part in np.array_split(free, min(STEPS_A_GROUP, max(len(free), 1))) if len(part)]


def kept_after(found: Channels, path: Sequence[Removal]) -> dict[str, Array]:
    """What stays of each group when all removals of a path are made."""
    gone: dict[str, list[int]] = {}
    for name, units in path:
        gone.setdefault(name, []).extend(units.tolist())
    return {name: np.setdiff1d(np.arange(found.by_name[name].units), units) for name, units in gone.items()}


def least_removals(found: Channels, path: Sequence[Removal], budget: Budget) -> Kept:
    """What stays after the fewest removals that meet a budget.

    Raises:
        DataError: the whole path does not; the least possible is said. Or the budget names no size.
    """

    def size(removals: int) -> Size:
        return size_of(keep_channels(found, kept_after(found, path[:removals])))

    if not budget.names_a_size:
        raise DataError("how small the network is to be is not said: give --keep-macs, --keep-parameters, --fit or --max-loss")
    if not budget.allows(size(len(path))):
        raise DataError(beyond(budget, size(len(path))))
    low, high = 0, len(path)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if budget.allows(size(middle)) else (middle + 1, high)
    return kept_after(found, path[:high])


def beyond(budget: Budget, least: Size) -> str:
    """The message for a budget that cannot be met."""
    reference = budget.reference
    wanted = [
        f"{option} {share:g} asks for {share:.1%} of {what}, and the least possible is {found / whole:.2%}"
        for option, share, what, found, whole in (
            ("--keep-macs", budget.keep_macs, "the MACs", least.macs, reference.macs),
            ("--keep-parameters", budget.keep_parameters, "the parameters", least.parameters, reference.parameters),
        )
        if share is not None and found > share * whole
    ]
    return f"{'; '.join(wanted)}: ask for more, let more layers change, or take another method"


@dataclass(frozen=True, eq=False)
class _Layer:
    """Counts of one layer: labels of its inputs (none for a depthwise convolution) and outputs."""

    read: Array
    made: Array
    macs: int
    weights: int


class Sizer:
    """MACs and parameters for any choice of channels, without making the graph: exact in MACs, and in parameters of layers."""

    def __init__(self, found: Channels) -> None:
        graph, self.found = found.graph, found
        self.layers = []
        weights = 0
        for node in graph.nodes:
            if isinstance(node.op, LAYERS) and graph.constant(node.inputs[1]) is not None:
                read, made = (found.places[str(name)].labels for name in (node.inputs[0], node.outputs[0]))
                size = prod(graph.tensors[str(node.inputs[1])].shape)
                self.layers.append(_Layer(read[:0] if is_depthwise(graph, node) else read, made, macs_of(graph, node), size))
                weights += size
        self.others = graph.parameters - weights
        self.total = size_of(graph)

    def everything(self) -> Array:
        """All channels stay, bool by number."""
        return np.ones(1 + max(int(place.labels.max()) for place in self.found.places.values()), bool)

    def without(self, stays: Array, group: str, units: Array) -> Array:
        """The same choice without some units of a group."""
        less = stays.copy()
        less[self.found.numbers[group][units]] = False
        return less

    def size(self, stays: Array) -> Size:
        """Of the network with the channels that stay."""
        macs, parameters = 0.0, float(self.others)
        for layer in self.layers:
            share = _share(stays, layer.made) * _share(stays, layer.read)
            macs += layer.macs * share
            parameters += layer.weights * share
        return Size(round(macs), round(parameters))

    def cost(self, stays: Array, budget: Budget) -> float:
        """What a budget limits, as shares of the whole; both where it limits both or neither."""
        size = self.size(stays)
        shares = (size.macs / max(self.total.macs, 1), size.parameters / max(self.total.parameters, 1))
        limits = (budget.keep_macs is not None, budget.keep_parameters is not None)
        return sum(share for share, limited in zip(shares, limits, strict=True) if limited or not any(limits))


def _share(stays: Array, labels: Array) -> float:
    return float(stays[labels].mean()) if len(labels) else 1.0

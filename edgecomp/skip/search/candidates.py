"""The first three passes of a search, layer by layer and without running the network: candidates for every energy budget.

1. First level: for every pattern and every target (a square of neighbouring patches of a channel), how much it leaves out and how much
   energy it loses, at the thresholds its channel would have.
2. Patch quantizer: at a price of energy every target takes the pattern that leaves out most less what it loses; targets that a mode does
   not tell apart choose together.
3. Channel quantizer: the thresholds of a layer with those masks are calibrated anew, so that the layer meets its budget exactly.

What a candidate costs in accuracy is then measured by the layer quantizer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgecomp.graph import Array
from edgecomp.qgraph import IntArray
from edgecomp.skip.search.settings import SearchSettings
from edgecomp.skip.spatial_layer import dense_mask
from edgecomp.skip.thresholds import Calibrated, Curves, Patches, calibrate, curves, reduced

MOST_PATTERNS = 16
"""Of more patterns than these the best are taken by what they do at threshold zero."""
PRICE_GRID = np.geomspace(0.1, 1000, 25)


@dataclass(frozen=True, eq=False)
class FirstLevel:
    """Curves of every pattern of a layer, used for the whole layer."""

    patches: Patches
    patterns: tuple[int, ...]
    curves: tuple[Curves, ...]


def uniform_mask(pattern: int) -> IntArray:
    """One pattern for a whole layer."""
    return np.full((1, 1, 1), pattern, np.uint16)


def first_level(patches: Patches, patterns: Sequence[int]) -> FirstLevel:
    """Curves of the patterns, or of the best of very many."""
    kept = tuple(patterns) if len(patterns) <= MOST_PATTERNS else promising(patches, patterns, MOST_PATTERNS)
    return FirstLevel(patches, kept, tuple(curves(patches, uniform_mask(pattern)) for pattern in kept))


def promising(patches: Patches, patterns: Sequence[int], count: int) -> tuple[int, ...]:
    """The patterns that are best, with outputs of zero predicting zeros, for a channel at some price of energy, the most often so first.

    A pattern predicts a patch if the positions above zero are none of its own, so sums over all subsets of positions give all patterns.
    """
    site, places = patches.site, patches.site.spatial.patch**2
    channels = site.spatial.channels
    weights = 1 << np.arange(places)
    codes = sum((above > 0) * int(weight) for above, weight in zip(patches.energy, weights, strict=True)).reshape(channels, -1)
    energy = patches.total_energy.reshape(channels, -1)
    chosen = np.asarray(patterns)
    outside = places - np.array([pattern.bit_count() for pattern in patterns])
    votes = np.zeros(len(patterns))
    for channel in np.flatnonzero(site.kept):
        counts = subset_sums(np.bincount(codes[channel], minlength=1 << places).astype(np.float64))
        lost = subset_sums(np.bincount(codes[channel], weights=energy[channel], minlength=1 << places))
        complement = dense_mask(site.spatial.patch) ^ chosen
        gain = counts[complement] * outside / max(codes.shape[1] * places, 1)
        cost = lost[complement] / max(patches.mean_energy, 1e-30)
        for price in PRICE_GRID:
            votes[np.argmax(gain - price * cost)] += 1
    order = np.argsort(-votes, kind="stable")
    return tuple(int(chosen[index]) for index in order[:count])


def subset_sums(values: Array) -> Array:
    """For every set of positions the sum over all of its subsets."""
    sums = values.copy()
    size = 1
    while size < len(sums):
        halves = sums.reshape(-1, 2, size)
        halves[:, 1] += halves[:, 0]
        size *= 2
    return sums


def candidates(level: FirstLevel, settings: SearchSettings) -> Iterator[list[Calibrated]]:
    """The best choices of a layer for each energy budget in turn, at most `top` of them."""
    for beta in settings.betas:
        found = _uniform(level, beta)
        if settings.mode == "uniform-patch":
            found = [_uniform_patch(level, beta, found[0].price)]
        elif settings.mode in ("uniform-filter", "max-granularity"):
            found = [_by_patch(level, beta, found[0].price, settings.granularity, settings.mode == "uniform-filter")]
        yield found[: settings.top]


def _uniform(level: FirstLevel, beta: float) -> list[Calibrated]:
    """One pattern a layer, what leaves out most first."""
    found = [
        calibrate(level.patches, uniform_mask(pattern), [beta], curve)[0]
        for pattern, curve in zip(level.patterns, level.curves, strict=True)
    ]
    return sorted(found, key=lambda item: -item.skipped)


def _uniform_patch(level: FirstLevel, beta: float, price: float) -> Calibrated:
    """One pattern a channel."""
    values = np.stack([(curve.skipped - price * curve.lost).max(1) for curve in level.curves])
    best = np.asarray(level.patterns, np.uint16)[values.argmax(0)]
    return calibrate(level.patches, best[None, None], [beta])[0]


def _by_patch(level: FirstLevel, beta: float, price: float, granularity: int, all_channels: bool) -> Calibrated:
    """A pattern a target: a square of patches, of one channel or of all of them together."""
    spatial = level.patches.site.spatial
    side = granularity or max(spatial.rows, spatial.columns)
    values = np.stack([_values(level, index, price, side, all_channels) for index in range(len(level.patterns))])
    dense = np.zeros((1, *values.shape[1:]))
    patterns = np.asarray([dense_mask(spatial.patch), *level.patterns], np.uint16)
    best = patterns[np.concatenate([dense, values]).argmax(0)]  # [channels or 1, squares down, squares across]
    spread = best.repeat(side, 1).repeat(side, 2)[:, : spatial.rows, : spatial.columns]
    return calibrate(level.patches, np.ascontiguousarray(spread.transpose(1, 2, 0)), [beta])[0]


def _values(level: FirstLevel, index: int, price: float, side: int, all_channels: bool) -> Array:
    """What each target leaves out less the price of what it loses, with the pattern of this index: [channels or 1, squares, squares]."""
    patches = level.patches
    spatial = patches.site.spatial
    most, lost, positions = reduced(patches, uniform_mask(level.patterns[index]))
    thresholds = level.curves[index].at(level.curves[index].levels(price))[0]
    shape = patches.values.shape[1:]
    taken = most <= thresholds[:, None]
    outputs = patches.values.shape[2] * spatial.height * spatial.width
    value = (taken * (positions / outputs - price * lost / max(patches.mean_energy, 1e-30))).reshape(shape).sum(1)
    by_rows = np.add.reduceat(value, np.arange(0, spatial.rows, side), 1)
    targets: Array = np.add.reduceat(by_rows, np.arange(0, spatial.columns, side), 2)
    return targets.sum(0, keepdims=True) if all_channels else targets

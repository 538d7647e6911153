"""Every pattern of every layer with every other: exact for a few layers. Outputs of zero predict zeros, as published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from edgecomp.skip.evaluator import Progress
from edgecomp.skip.search.candidates import uniform_mask
from edgecomp.skip.search.combine import Combiner, Found, describe
from edgecomp.skip.search.judge import Choices
from edgecomp.skip.sites import Choice, Site

TRIALS_A_LOOK = 28


def plain_choice(site: Site, pattern: int) -> Choice:
    """A pattern with the threshold up to which an output is zero."""
    return site.settled(Choice(uniform_mask(pattern), np.full(site.spatial.channels, site.output_step / 2, np.float32)))


def evaluations(patterns: Mapping[int, Sequence[int]]) -> int:
    """How many combinations there are, dense layers included."""
    return int(np.prod([len(found) + 1 for found in patterns.values()], dtype=np.int64))


def exhaustive(combiner: Combiner, progress: Progress | None) -> Found:
    """The combination of patterns that saves most and holds; the time budget may end it before all are tried."""
    judge = combiner.judge
    indices = sorted(combiner.patterns)
    per_layer: list[list[Choice | None]] = [
        [None, *(plain_choice(judge.sites[index], pattern) for pattern in combiner.patterns[index])] for index in indices
    ]
    combined = list(product(*per_layer))
    for start in range(0, len(combined), TRIALS_A_LOOK):
        if not judge.time_left():
            break
        group: list[Choices] = []
        for picked in combined[start : start + TRIALS_A_LOOK]:
            placed = dict(zip(indices, picked, strict=True))
            group.append(tuple(placed.get(index) for index in range(len(judge.sites))))
        about = [{"layers": {judge.sites[i].tensor: describe(judge.sites[i], choices[i]) for i in indices}} for choices in group]
        for choices, outcome in zip(group, judge.ask(group, "exhaustive", stops=True, about=about), strict=True):
            found = Found(choices, outcome, combiner.saving(choices, outcome), (0.0,) * len(judge.sites))
            combiner.front.append(found)
            if judge.holds(outcome) and found.saving > combiner.best.saving:
                combiner.best = found
        if progress:
            progress(min(start + TRIALS_A_LOOK, len(combined)), len(combined))
    return combiner.best

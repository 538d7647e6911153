"""Every pattern of every layer with every other: exact for a few layers. Outputs of zero predict zeros, as published."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product

import numpy as np

from edgecomp.skip.evaluator import Outcome, Progress
from edgecomp.skip.search.candidates import uniform_mask
from edgecomp.skip.search.combine import Combiner, Found, describe
from edgecomp.skip.search.judge import Choices
from edgecomp.skip.sites import Choice, Site

FIRST_SAMPLES = 256
GROUP = 4
SAVING_ERROR = 0.03
"""Relative: what the first samples say of a saving is within this of what all say."""

Ask = Callable[[Sequence[int], int | None], Sequence[Outcome]]


def plain_choice(site: Site, pattern: int) -> Choice:
    """A pattern with the threshold up to which an output is zero."""
    return site.settled(Choice(uniform_mask(pattern), np.full(site.spatial.channels, site.output_step / 2, np.float32)))


def evaluations(patterns: Mapping[int, Sequence[int]]) -> int:
    """How many combinations there are, dense layers included."""
    return int(np.prod([len(found) + 1 for found in patterns.values()], dtype=np.int64))


def seek_best(
    count: int, ask: Ask, saving: Callable[[int, Outcome], float], holds: Callable[[Outcome], bool], may_go_on: Callable[[], bool]
) -> tuple[int | None, dict[int, Outcome]]:
    """The number of the trial that saves most and holds, of `count`, and what was asked for all samples.

    All trials are asked for a few samples, which tell what each saves; then for all samples, what saves most first, until none that is left
    can save more than one that holds. `ask` gives outcomes of trials by number on the first so many samples; None means all.
    """
    first: dict[int, Outcome] = {}
    looks = 32
    for start in range(0, count, looks):
        if not may_go_on():
            break
        numbers = range(start, min(start + looks, count))
        first |= dict(zip(numbers, ask(numbers, FIRST_SAMPLES), strict=True))
    told = {number: saving(number, outcome) for number, outcome in first.items() if not outcome.stopped}
    order = sorted(told, key=lambda number: -told[number])
    best, most, asked = None, 0.0, {}
    while order and may_go_on() and told[order[0]] * (1 + SAVING_ERROR) > most:
        group, order = order[:GROUP], order[GROUP:]
        for number, outcome in zip(group, ask(group, None), strict=True):
            asked[number] = outcome
            if holds(outcome) and saving(number, outcome) > most:
                best, most = number, saving(number, outcome)
    return best, asked


def exhaustive(combiner: Combiner, progress: Progress | None) -> Found:
    """The combination of patterns that saves most and holds; the time budget may end it before all are tried."""
    judge = combiner.judge
    indices = sorted(combiner.patterns)
    per_layer: list[list[Choice | None]] = [
        [None, *(plain_choice(judge.sites[index], pattern) for pattern in combiner.patterns[index])] for index in indices
    ]
    combined: list[Choices] = []
    for picked in product(*per_layer):
        placed = dict(zip(indices, picked, strict=True))
        combined.append(tuple(placed.get(index) for index in range(len(judge.sites))))

    def ask(numbers: Sequence[int], samples: int | None) -> Sequence[Outcome]:
        group = [combined[number] for number in numbers]
        about = [{"layers": {judge.sites[i].tensor: describe(judge.sites[i], choices[i]) for i in indices}} for choices in group]
        if progress and samples is not None:
            progress(numbers[0], len(combined))
        return judge.ask(group, "exhaustive", samples, stops=True, about=about)

    best, asked = seek_best(
        len(combined), ask, lambda number, outcome: combiner.saving(combined[number], outcome), judge.holds, judge.time_left
    )
    found = {
        number: Found(combined[number], outcome, combiner.saving(combined[number], outcome), (0.0,) * len(judge.sites))
        for number, outcome in asked.items()
    }
    combiner.front.extend(found.values())
    if best is not None:
        combiner.best = found[best]
    return combiner.best

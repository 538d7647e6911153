"""The last two passes: the layer quantizer measures what each layer's candidates cost, and the final mask is stepped down until it holds.

A candidate is measured in place of its layer's choice in the best combination so far, the others unchanged, so a trial changes one layer
(or one group of coupled layers). Divergences of single changes add up well while they are small. At a price of divergence each layer
takes its best candidate; from a low price to a high one that gives combinations from the greediest to none. The greediest that holds
is sought among these on all search samples. Then a round begins anew around it: thresholds calibrated with the predictions in place.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from edgecomp.skip.evaluator import Outcome, Progress
from edgecomp.skip.search.candidates import candidates, first_level
from edgecomp.skip.search.judge import Choices, Judge
from edgecomp.skip.search.patterns import pattern_text
from edgecomp.skip.search.settings import Saving, SearchSettings
from edgecomp.skip.sites import Choice, Site
from edgecomp.skip.thresholds import Calibrated, Patches

SINGLE_SAMPLES = (1024, 2048, 4096)
MOST_ROUNDS = 8
MOST_STEPS = 10
LAST_STEPS = 3
MOST_SHARE = 0.8
"""Of the divergence allowed, the most that a single layer may take."""
AIM = 0.98
"""What is tried is foretold to have its bound at this share of the limit."""
FIRST_SHARE = 0.5
"""Of the time budget, at most this much goes to the single changes of the first round."""
MOST_FRONT = 400
STEPS_AROUND = 2
"""In later rounds so many budgets below and above the one in use are tried."""
STEP_DOWN = 0.75
LEAST_GAIN = 0.002
"""A round that saves less than this share more is the last."""


@dataclass(frozen=True, eq=False)
class Found:
    """A combination, what was measured, and what it saves."""

    choices: Choices
    outcome: Outcome
    saving: float
    betas: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Option:
    """One candidate of a group of layers: choices and betas by position, and how divergence and saving change with it."""

    choices: Mapping[int, Choice | None]
    betas: Mapping[int, float]
    divergence: float
    saving: float


class Combiner:
    """The state of the passes over one network."""

    def __init__(
        self,
        judge: Judge,
        settings: SearchSettings,
        saving: Saving | None,
        patterns: Mapping[int, Sequence[int]],
        groups: Sequence[tuple[int, ...]],
        progress: Progress | None,
    ) -> None:
        """`patterns` a position of a site searched; `groups` are positions that change together, all others stay dense."""
        self.judge, self.settings, self.custom_saving = judge, settings, saving
        self.patterns, self.groups, self.progress = patterns, tuple(groups), progress
        self.front: list[Found] = []
        self.workers = ThreadPoolExecutor(os.cpu_count() or 1)
        nothing = np.zeros(len(judge.sites))
        self._options_of_dense: list[list[Option]] = []
        without = Outcome(judge.evaluator.count, 0, 0, 0.0, nothing, nothing)
        self._dense = self.best = self._found(judge.dense, without, (0.0,) * len(judge.sites))

    def saving(self, choices: Choices, outcome: Outcome) -> float:
        """What a combination saves of one inference."""
        return sum(self.site_saving(index, choice, outcome) for index, choice in enumerate(choices) if choice is not None)

    def site_saving(self, index: int, choice: Choice, outcome: Outcome) -> float:
        """What one site of a combination saves: products, or what the caller says."""
        site = self.judge.sites[index]
        if self.custom_saving is None:
            return float(outcome.skipped[index] / outcome.samples * site.position_macs)
        return self.custom_saving(site.tensor, zero_rate(site, float(outcome.zeros[index]), outcome.samples), site.rule(choice))

    def macs_saved(self, found: Found) -> float:
        """Products of one inference that a combination leaves out."""
        skipped = found.outcome.skipped / max(found.outcome.samples, 1)
        return float(sum(count * site.position_macs for count, site in zip(skipped, self.judge.sites, strict=True)))

    def keep_patterns(self) -> None:
        """From now on search only thresholds: with the patterns of the best combination."""
        kept = {index: (int(choice.masks[0, 0, 0]),) for index, choice in enumerate(self.best.choices) if choice is not None}
        self.patterns = kept
        self.groups = tuple(group for group in (tuple(i for i in group if i in kept) for group in self.groups) if group)

    def without_costly(self, found: Found) -> Found:
        """The combination without layers that cost more than they save."""
        costly = [i for i, choice in enumerate(found.choices) if choice is not None and self.site_saving(i, choice, found.outcome) <= 0]
        if not costly:
            return found
        choices = tuple(None if index in costly else choice for index, choice in enumerate(found.choices))
        betas = tuple(0.0 if index in costly else beta for index, beta in enumerate(found.betas))
        return self._found(choices, self.judge.ask([choices], "final")[0], betas)

    def step_down(self) -> Found:
        """The best combination judged so far that saves less than the present one and whose loss is foretold to be clearly less."""
        allowed = STEP_DOWN * self.judge.loss(self.best.outcome)
        below = [found for found in self.front if not found.outcome.stopped and self.judge.loss(found.outcome) <= allowed]
        self._descend(self._dense, self._options_of_dense, 0, allowed, steps=LAST_STEPS, may_wait=True)
        below += [found for found in self.front if not found.outcome.stopped and self.judge.loss(found.outcome) <= allowed]
        self.best = max(below, key=lambda found: found.saving, default=self._dense)
        return self.best

    def run(self) -> Found:
        """Rounds until the time is spent or nothing is gained."""
        for number in range(MOST_ROUNDS):
            before = self.best
            options = self._options(number)
            if not any(options):
                break
            if number == 0:
                self._options_of_dense = options
            self._descend(before, options, number, self.judge.limit)
            if not self.judge.time_left() or self.best.saving <= before.saving * (1 + LEAST_GAIN):
                break
        return self.best

    def _options(self, number: int) -> list[list[Option]]:
        """Measured candidates of each group around the best combination, the one that changes nothing first."""
        base = self.best
        patches = self.judge.patches(base.choices, sorted(self.patterns))
        ladders = dict(zip(self.patterns, self.workers.map(lambda index: self._ladder(patches[index]), self.patterns), strict=True))
        self._note(number, ladders)
        samples = min(SINGLE_SAMPLES[min(number, len(SINGLE_SAMPLES) - 1)], self.judge.evaluator.count)
        reference = self.judge.ask([base.choices], "layer quantizer", samples)[0]
        still = Option({}, {}, 0.0, 0.0)
        options: list[list[Option]] = [[still] for _ in self.groups]
        for position, group in enumerate(self.groups):
            if any(base.choices[index] is not None for index in group):
                options[position] += self._measured([(position, dict.fromkeys(group), dict.fromkeys(group, 0.0))], reference, samples)[
                    position
                ]
        live = set(range(len(self.groups)))
        share = FIRST_SHARE if number == 0 else 1.0
        for step in range(len(self.settings.betas)):
            wanted = [
                (position, {index: ladders[index][step][rank].choice for index in group}, dict.fromkeys(group, self.settings.betas[step]))
                for position, group in enumerate(self.groups)
                if position in live and self._is_near(number, group, step)
                for rank in range(min(len(ladders[index][step]) for index in group))
            ]
            if not wanted:
                continue
            if not self.judge.time_left(share):
                break
            for position, found in self._measured(wanted, reference, samples).items():
                options[position] += found
                if not found or min(option.divergence for option in found) > self._most_divergence():
                    live.discard(position)
            if self.progress:
                self.progress(step + 1, len(self.settings.betas))
        return options

    def _is_near(self, number: int, group: Sequence[int], step: int) -> bool:
        """Whether a budget is tried for a group: all in the first round, later those around the one in use."""
        used = [self.best.betas[index] for index in group if self.best.betas[index]]
        if number == 0 or not used:
            return True
        place = int(np.searchsorted(self.settings.betas, max(used)))
        return abs(step - place) <= STEPS_AROUND

    def _ladder(self, patches: Patches) -> list[list[Calibrated]]:
        level = first_level(patches, self.patterns[patches.site.index])
        return list(candidates(level, self.settings))

    def _most_divergence(self) -> float:
        """More than this no single layer may cost."""
        return MOST_SHARE * self.judge.limit / self.judge.loss_ratio()

    def _measured(
        self, wanted: Sequence[tuple[int, Mapping[int, Choice | None], Mapping[int, float]]], reference: Outcome, samples: int
    ) -> dict[int, list[Option]]:
        """Options of each group asked for, without those that were stopped."""
        base = self.best
        changed = [tuple(choices.get(index, choice) for index, choice in enumerate(base.choices)) for _, choices, _ in wanted]
        about = [self._about(choices, betas) for _, choices, betas in wanted]
        outcomes = self.judge.ask(changed, "layer quantizer", samples, stops=True, about=about)
        base_saving = self.saving(base.choices, reference)
        found: dict[int, list[Option]] = {position: [] for position, _, _ in wanted}
        for (position, choices, betas), combination, outcome in zip(wanted, changed, outcomes, strict=True):
            if not outcome.stopped:
                saving = self.saving(combination, outcome) - base_saving
                found[position].append(Option(choices, betas, outcome.divergence - reference.divergence, saving))
        return found

    def _about(self, choices: Mapping[int, Choice | None], betas: Mapping[int, float]) -> dict[str, object]:
        sites = self.judge.sites
        return {
            "layers": {sites[i].tensor: {"beta": betas[i], "mask": describe(sites[i], choice)} for i, choice in choices.items()},
        }

    def _note(self, number: int, ladders: Mapping[int, Sequence[Sequence[Calibrated]]]) -> None:
        for index, ladder in ladders.items():
            site = self.judge.sites[index]
            steps = [
                {"beta": item.beta, "mask": describe(site, item.choice), "skipped": item.skipped, "lost_energy": item.lost}
                for step in ladder
                for item in step
            ]
            self.judge.records.note("channel quantizer", {"round": number, "layer": site.tensor, "candidates": steps})

    def _descend(
        self, base: Found, options: Sequence[Sequence[Option]], number: int, limit: float, steps: int = MOST_STEPS, may_wait: bool = False
    ) -> None:
        """Seek the greediest combination within a loss: tried is what is foretold to be just within it, anew after every trial.

        With `may_wait` the time budget, or what is kept of it for the held-out samples, does not end it before so many steps.
        """
        path = combinations(options)
        if not path:
            return
        low, high = -1, len(path)  # the greatest index that holds, the least that does not
        scale, bound_ratio = 1.0, self.judge.bound_ratio()
        for _ in range(steps):
            if high - low <= 1 or (low >= 0 and path[high - 1][1] < (1 + LEAST_GAIN) * path[low][1]):
                break
            if not may_wait and not self.judge.time_left():
                break
            allowed = (AIM * limit / bound_ratio - base.outcome.divergence) / scale
            foretold = int(np.searchsorted([divergence for divergence, _, _ in path], allowed)) - 1
            index = min(max(foretold, low + 1), high - 1)
            divergence, _, picks = path[index]
            found = self._ask(base, [options[position][pick] for position, pick in enumerate(picks)], number)
            if divergence > 0 and not found.outcome.stopped:
                scale = max((found.outcome.divergence - base.outcome.divergence) / divergence, 0.1)
            if not found.outcome.stopped:
                bound_ratio = self.judge.bound(found.outcome) / max(found.outcome.divergence, 1e-9)
            if self.judge.holds(found.outcome, limit):
                low = index
                if found.saving > self.best.saving:
                    self.best = found
            else:
                high = index

    def _ask(self, base: Found, picked: Sequence[Option], number: int) -> Found:
        merged: dict[int, Choice | None] = {}
        betas: dict[int, float] = {}
        for option in picked:
            merged |= option.choices
            betas |= option.betas
        choices = tuple(merged.get(index, choice) for index, choice in enumerate(base.choices))
        all_betas = tuple(betas.get(index, beta) for index, beta in enumerate(base.betas))
        about = {"round": number, **self._about(dict(enumerate(choices)), dict(enumerate(all_betas)))}
        outcome = self.judge.ask([choices], "final", stops=True, about=[about])[0]
        found = self._found(choices, outcome, all_betas)
        self.front.append(found)
        return found

    def _found(self, choices: Choices, outcome: Outcome, betas: tuple[float, ...]) -> Found:
        return Found(choices, outcome, self.saving(choices, outcome), betas)


def combinations(options: Sequence[Sequence[Option]]) -> list[tuple[float, float, tuple[int, ...]]]:
    """(divergence, saving, option a group) of all combinations that none beats in both, from the least divergence to the greatest.

    Groups are joined one by one; of many that are nearly the same the best is kept.
    """
    front: list[tuple[float, float, tuple[int, ...]]] = [(0.0, 0.0, ())]
    for group in options:
        joined = sorted(
            ((divergence + option.divergence, -saving - option.saving, (*picks, pick)))
            for divergence, saving, picks in front
            for pick, option in enumerate(group)
        )
        front, most = [], -np.inf
        for divergence, negated, picks in joined:
            if -negated > most:
                most = -negated
                front.append((divergence, most, picks))
        front = _thinned(front)
    return front


def _thinned(front: list[tuple[float, float, tuple[int, ...]]]) -> list[tuple[float, float, tuple[int, ...]]]:
    """At most MOST_FRONT of a front, evenly spread over its savings."""
    if len(front) <= MOST_FRONT:
        return front
    savings = np.array([saving for _, saving, _ in front])
    kept = np.searchsorted(savings, np.linspace(savings[0], savings[-1], MOST_FRONT))
    return [front[index] for index in np.unique(kept)]


def zero_rate(site: Site, zeros: float, samples: int) -> float:
    """Share of (patch, channel) pairs predicted to be zero."""
    return zeros / max(samples * int(site.kept.sum()) * site.spatial.rows * site.spatial.columns, 1)


def describe(site: Site, choice: Choice | None) -> str:
    """A mask for people: the pattern, or how many there are."""
    if choice is None:
        return "dense"
    patterns = np.unique(choice.masks)
    if len(patterns) == 1:
        return pattern_text(int(patterns[0]), site.spatial.patch)
    rows, columns, channels = choice.masks.shape
    where = [text for text, count in (("channel", channels), ("patch", rows * columns)) if count > 1]
    return f"{len(patterns)} patterns by {' and '.join(where)}"

"""Trials asked and remembered: corrections of biases, the file of records, the time that is left, and when a loss holds."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np

from edgecomp.graph import Array
from edgecomp.skip.correction import DenseMeans, correct, dense_means, site_values
from edgecomp.skip.evaluator import Evaluator, Outcome, Progress, Rows, StopRule, Trial
from edgecomp.skip.search.records import Records
from edgecomp.skip.search.settings import SearchSettings
from edgecomp.skip.segments import NetworkSource
from edgecomp.skip.sequential import deviation, quantile
from edgecomp.skip.sites import Choice, Site
from edgecomp.skip.thresholds import Patches, cut_patches

Choices = tuple[Choice | None, ...]
TRIALS_A_CALL = 24
RATIO_DEVIATION = 0.15
"""Relative standard deviation of the loss that a divergence foretells: the ratio of the two differs between networks, little in one."""
USUAL_RATIO = 0.33
USUAL_WEIGHT = 10.0
"""What a ratio of loss to divergence is before anything is measured, with the weight of a trial of 1000 samples at 0.02 nats."""
LEAST_RATIO = 0.02


class Judge:
    """Asks trials of the search samples.

    The loss of a trial is estimated twice: counted, and from its divergence by the ratio that all trials so far have in common, which is
    far less noisy where few samples change. The two are averaged by their variances.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        settings: SearchSettings,
        records: Records,
        calibration: Rows,
        correctable: Sequence[Array | None],
        deadline_s: float | None,
    ) -> None:
        self.evaluator, self.settings, self.records = evaluator, settings, records
        self.sites: tuple[Site, ...] = evaluator.sites
        self.source: NetworkSource = evaluator.source
        self.executor: Executor = evaluator.executor
        self.calibration, self.correctable, self.deadline_s = calibration, correctable, deadline_s
        self.evaluations = 0
        self._trials: dict[str, Trial] = {}
        self._seen: dict[str, Outcome] = {}
        self._dense_means: DenseMeans | None = None

    @property
    def dense(self) -> Choices:
        """Nothing predicted anywhere."""
        return (None,) * len(self.sites)

    @property
    def limit(self) -> float:
        """The loss allowed, 0..1."""
        return self.settings.max_loss / 100

    def time_left(self, share: float = 1.0) -> bool:
        """Whether a share of the time budget is not spent yet."""
        if self.deadline_s is None or self.settings.budget_seconds is None:
            return True
        return time.monotonic() < self.deadline_s - (1 - share) * self.settings.budget_seconds

    def trials(self, wanted: Sequence[Choices]) -> list[Trial]:
        """The choices with corrected biases."""
        if not self.settings.correct_biases:
            return [Trial.plain(choices) for choices in wanted]
        if self._dense_means is None:
            self._dense_means = self.executor.submit(dense_means, self.source, self.calibration).result()
        missing = {key: choices for choices in wanted if (key := choices_key(choices)) not in self._trials}
        futures = {
            key: self.executor.submit(correct, self.source, self.calibration, choices, self._dense_means, self.correctable)
            for key, choices in missing.items()
        }
        self._trials |= {key: future.result() for key, future in futures.items()}
        return [self._trials[choices_key(choices)] for choices in wanted]

    def ask(
        self,
        wanted: Sequence[Choices],
        stage: str,
        samples: int | None = None,
        stops: bool = False,
        about: Sequence[Mapping[str, Any]] | None = None,
        progress: Progress | None = None,
    ) -> list[Outcome]:
        """Outcomes of choices on the first `samples` search samples, from the records where they are there."""
        kind = f"{samples or 'all'}/{'stops' if stops else 'whole'}"
        keys = [f"{choices_key(choices)}/{kind}" for choices in wanted]
        missing = [index for index, key in enumerate(keys) if self.records.get(key) is None and keys.index(key) == index]
        stop = StopRule(self.limit, self.settings.stop_error) if stops else None
        for start in range(0, len(missing), TRIALS_A_CALL):
            group = missing[start : start + TRIALS_A_CALL]
            outcomes = self.evaluator.evaluate(self.trials([wanted[index] for index in group]), samples, stop)
            for index, outcome in zip(group, outcomes, strict=True):
                self.records.put(keys[index], outcome, stage, about[index] if about else {})
            if progress:
                progress(len(wanted) - len(missing) + start + len(group), len(wanted))
        self.evaluations += len(set(keys))
        found = [self.records.get(key) for key in keys]
        result = [outcome for outcome in found if outcome is not None]
        self._seen.update(zip(keys, result, strict=True))
        return result

    def patches(self, choices: Choices, indices: Sequence[int]) -> dict[int, Patches]:
        """Values of some sites by patch on the calibration samples, with the predictions of `choices` before them and their corrections."""
        trial = self.trials([choices])[0]
        return {
            index: cut_patches(self.sites[index], values) for index, values in site_values(self.source, self.calibration, trial, indices)
        }

    def loss_ratio(self) -> float:
        """Loss by nat of divergence, over all trials in the range that matters; at first what is usual."""
        near = [outcome for outcome in self._seen.values() if outcome.loss < 5 * self.limit + 0.02]
        weights = [outcome.samples / (outcome.lost + outcome.gained + 1 + 0.01 * outcome.samples) for outcome in near]
        pairs = list(zip(weights, near, strict=True))
        above = USUAL_RATIO * USUAL_WEIGHT + sum(w * o.samples * o.loss * o.divergence for w, o in pairs)
        below = USUAL_WEIGHT + sum(w * o.samples * o.divergence**2 for w, o in pairs)
        return max(above / below, LEAST_RATIO)

    def bound_ratio(self) -> float:
        """Bound of the loss by nat of divergence, as foretold."""
        return self.loss_ratio() * (1 + quantile(self.settings.confidence) * RATIO_DEVIATION)

    def loss(self, outcome: Outcome) -> float:
        """The loss estimated, 0..1."""
        return self._estimate(outcome)[0]

    def bound(self, outcome: Outcome) -> float:
        """What the loss is at most, with the confidence asked."""
        mean, spread = self._estimate(outcome)
        return mean + quantile(self.settings.confidence) * spread

    def holds(self, outcome: Outcome, limit: float | None = None) -> bool:
        """Whether the loss is within the limit, by default the one asked."""
        return not outcome.stopped and self.bound(outcome) <= (self.limit if limit is None else limit)

    def _estimate(self, outcome: Outcome) -> tuple[float, float]:
        counted, counted_deviation = outcome.loss, deviation(outcome.lost, outcome.gained, outcome.samples)
        foretold = self.loss_ratio() * outcome.divergence
        precision = np.array([counted_deviation, max(RATIO_DEVIATION * foretold, 1e-6)]) ** -2.0
        mean = float((precision * [counted, foretold]).sum() / precision.sum())
        return mean, float(precision.sum() ** -0.5)


def choices_key(choices: Choices) -> str:
    """Identifies choices by their content."""
    return hashlib.sha256("/".join("" if choice is None else choice.key for choice in choices).encode()).hexdigest()[:32]

"""Searching masks and thresholds: `search(quantized, x, y, settings) -> SearchResult`.

Samples are split by a fixed shuffle: the search part chooses (its first rows calibrate thresholds and biases), the held-out part states
the accuracy. All it can do is to refuse a choice that loses more there than allowed; then a clearly less greedy one is judged. The loss
is judged by labels; without labels a sample is lost when its largest output is another one than the dense network's.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np

from edgecomp.errors import DataError
from edgecomp.graph import Array
from edgecomp.pipeline import QuantizedModel
from edgecomp.skip.correction import bias_of, corrected, head_of, in_file
from edgecomp.skip.evaluator import Evaluator, Outcome, Rows, Trial
from edgecomp.skip.search.combine import Combiner, Found, describe, zero_rate
from edgecomp.skip.search.exhaustive import exhaustive
from edgecomp.skip.search.judge import Judge
from edgecomp.skip.search.patterns import all_patterns
from edgecomp.skip.search.records import Records
from edgecomp.skip.search.settings import (
    MODES,
    Accuracy,
    FrontPoint,
    LayerResult,
    Progress,
    Saving,
    SearchResult,
    SearchSettings,
)
from edgecomp.skip.segments import NetworkSource
from edgecomp.skip.sites import Choice, Site, chosen, find_sites
from edgecomp.skip.statistics import false_zeros

__all__ = ["MODES", "Accuracy", "FrontPoint", "LayerResult", "SearchResult", "SearchSettings", "evaluations_needed", "search"]

SHUFFLE_SEED = 0
CALIBRATION_ROWS = 256
MOST_REFUSALS = 4
LEAST_ROWS = 64
SEARCH_SHARE = 0.9  # of the time budget; the rest is for the held-out samples
CALIBRATION_BYTES = 256 << 20  # of one layer's values


def evaluations_needed(quantized: QuantizedModel, settings: SearchSettings) -> int:
    """How many combinations the mode `exhaustive-uniform-layer` tries."""
    patterns = settings.patterns or all_patterns(settings.patch, settings.ones_range)
    layers = chosen(find_sites(quantized, settings.patch), settings.layers)
    return int((len(patterns) + 1) ** len(layers))


def search(
    quantized: QuantizedModel,
    x: Array,
    y: Array | None,
    settings: SearchSettings,
    saving: Saving | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> SearchResult:
    """Find the masks and thresholds that save most within the loss allowed.

    Args:
        x: raw data [N, ...], preprocessed here as the model says.
        y: class of each row [N], or None.
        saving: what a rule saves; products by default.
        progress: called with (done, total) of the pass at work.
        executor: runs the trials; threads on all cores by default.

    Raises:
        DataError: too few samples, or a layer of that name is not there.
        UnsupportedError: the network has no convolution that ends in a ReLU.
    """
    start_s = time.monotonic()
    quantized = replace(quantized, rules={})
    sites = find_sites(quantized, settings.patch)
    searched = chosen(sites, settings.layers)
    if len(x) < LEAST_ROWS:
        raise DataError(f"found {len(x)} samples to search on; at least {LEAST_ROWS} are needed, some thousands are better")
    samples = real_inputs(quantized, x)
    order = np.random.default_rng(SHUFFLE_SEED).permutation(len(x))
    held_out = order[: max(1, round(len(x) * settings.held_out_share))]
    used = order[len(held_out) :]
    head = head_of(quantized, sites)
    source = source_of(quantized, sites, head)
    labels = None if y is None else np.asarray(y)
    evaluator = Evaluator(source, sites, samples[used], None if labels is None else labels[used], executor)
    records = Records(settings.records, _identity(quantized, samples, labels, settings))
    try:
        deadline_s = None if settings.budget_seconds is None else start_s + SEARCH_SHARE * settings.budget_seconds
        calibration = _calibration_rows(samples[used], sites)
        judge = Judge(evaluator, settings, records, calibration, _correctable(quantized, sites), deadline_s)
        combiner = Combiner(judge, settings, saving, _patterns(settings, searched), _groups(settings, sites, searched), progress)
        if settings.mode == "exhaustive-uniform-layer":
            exhaustive(combiner, progress)
            combiner.keep_patterns()
        best = combiner.without_costly(combiner.run())
        held = _HeldOut(quantized, samples[held_out], None if labels is None else labels[held_out], head, executor)
        refused = 0
        while True:
            result = held.judge(combiner, judge.trials([best.choices])[0])
            if 100 * (result.dense - result.skip) <= settings.max_loss or refused == MOST_REFUSALS or not result.choices:
                break
            best = combiner.without_costly(combiner.step_down())
            refused += 1
        split = f"{len(used)} of {len(x)} samples chose (the first {len(calibration.samples)} calibrated), {len(held_out)} others judge"
        if refused:
            split += f"; they refused {refused} greedier choice{'s' if refused > 1 else ''}"
        return _answer(combiner, best, result, quantized.qgraph.macs, time.monotonic() - start_s, split)
    finally:
        records.close()
        evaluator.close()


def source_of(quantized: QuantizedModel, sites: Sequence[Site], head: tuple[str, int] | None) -> NetworkSource:
    """The network as workers get it."""
    named = None if head is None else (in_file(quantized, head[0]), head[1])
    return NetworkSource(quantized.to_onnx(), tuple(site.spatial for site in sites), named)


def real_inputs(quantized: QuantizedModel, x: Array) -> Array:
    """Raw data as the real values that the quantized inputs stand for, float32 [N, *input shape]."""
    port = quantized.qgraph.inputs[0]
    integers = port.from_buffer(quantized.buffers(quantized.samples(x)))
    shape = quantized.scheme.graph.tensors[port.name].shape
    inner = shape[1:] if shape[:1] == (1,) else shape
    return quantized.scheme.quants[port.name].dequantize(integers).reshape(len(x), *inner)


def _calibration_rows(samples: Array, sites: Sequence[Site]) -> Rows:
    largest = max(4 * site.spatial.channels * site.spatial.height * site.spatial.width for site in sites)
    count = int(np.clip(CALIBRATION_BYTES // largest, 8, CALIBRATION_ROWS))
    return Rows("calibration:" + hashlib.sha256(samples[:count].tobytes()).hexdigest()[:24], samples[:count], None, None)


def _correctable(quantized: QuantizedModel, sites: Sequence[Site]) -> list[Array | None]:
    """Which channels of each site's bias may change: those that the integer network has."""
    graph, integers = quantized.scheme.graph, quantized.scheme.integers
    has_bias = [bias_of(graph, site.spatial.tensor, integers, site.spatial.channels) is not None for site in sites]
    return [site.kept if found else None for site, found in zip(sites, has_bias, strict=True)]


def _patterns(settings: SearchSettings, searched: Sequence[Site]) -> Mapping[int, Sequence[int]]:
    patterns = settings.patterns or all_patterns(settings.patch, settings.ones_range)
    return {site.index: patterns for site in searched}


def _groups(settings: SearchSettings, sites: Sequence[Site], searched: Sequence[Site]) -> list[tuple[int, ...]]:
    """Positions that change together: the coupled ones, and each other one alone."""
    coupled = [tuple(site.index for site in chosen(sites, names) if site in searched) for names in settings.couple]
    taken = [index for group in coupled for index in group]
    if len(set(taken)) < len(taken):
        raise DataError("--couple: a layer is named in two groups; name it in one")
    return [group for group in coupled if group] + [(site.index,) for site in searched if site.index not in taken]


def _identity(quantized: QuantizedModel, samples: Array, labels: Array | None, settings: SearchSettings) -> dict[str, object]:
    data = hashlib.sha256(np.ascontiguousarray(samples).tobytes())
    data.update(b"" if labels is None else np.ascontiguousarray(labels).tobytes())
    network = hashlib.sha256(quantized.to_onnx()).hexdigest()
    return {"model": network, "data": data.hexdigest(), "settings": dict(settings.identity())}


@dataclass(frozen=True, eq=False)
class _Judged:
    """The network as it is written, on held-out samples: choices, what they did, accuracy without and with them (0..1)."""

    quantized: QuantizedModel
    sites: Sequence[Site]
    choices: Sequence[Choice | None]
    outcome: Outcome
    dense: float
    skip: float
    lost: Sequence[float]


class _HeldOut:
    """Samples that choose nothing but whether a choice may stand."""

    def __init__(
        self, quantized: QuantizedModel, samples: Array, labels: Array | None, head: tuple[str, int] | None, executor: Executor | None
    ) -> None:
        self.quantized, self.samples, self.labels, self.head, self.executor = quantized, samples, labels, head, executor

    def judge(self, combiner: Combiner, trial: Trial) -> _Judged:
        """Accuracy of the trial, its corrections rounded into the biases, and of the dense network as it came."""
        sites = combiner.judge.sites
        changed = corrected(self.quantized, sites, trial, self.head)
        found = find_sites(changed, combiner.settings.patch)
        choices = [None if choice is None else site.settled(choice) for site, choice in zip(found, trial.choices, strict=True)]
        source = source_of(changed, found, None)
        evaluator = Evaluator(source, found, self.samples, self.labels, self.executor)
        dense = Evaluator(source_of(self.quantized, sites, None), sites, self.samples, self.labels, self.executor)
        try:
            outcome = evaluator.evaluate([Trial.plain(choices)])[0]
            right = evaluator.dense_correct - outcome.lost + outcome.gained
            if self.labels is None:
                right = evaluator.same_as(dense, Trial.plain(choices))
            was = dense.dense_correct
        finally:
            evaluator.close()
            dense.close()
        lost = false_zeros(source, found, choices, self.samples)
        count = len(self.samples)
        return _Judged(changed, found, choices, outcome, was / count, right / count, lost)


def _answer(combiner: Combiner, best: Found, judged: _Judged, macs: int, seconds: float, split: str) -> SearchResult:
    sites, choices = judged.sites, judged.choices
    layers = [_layer(combiner, best, index, site, choices[index], judged.outcome, judged.lost[index]) for index, site in enumerate(sites)]
    front = [
        FrontPoint(100 * combiner.judge.loss(found.outcome), combiner.macs_saved(found) / macs, found.saving, found is best)
        for found in combiner.front
        if not found.outcome.stopped
    ]
    rules = {site.tensor: site.rule(choice) for site, choice in zip(sites, choices, strict=True) if choice is not None}
    executed = macs - sum(layer.macs_saved for layer in layers)
    accuracy = Accuracy(judged.dense, judged.skip, judged.outcome.samples)
    evaluations = combiner.judge.evaluations
    return SearchResult(
        combiner.settings.mode, judged.quantized, rules, accuracy, macs, executed, layers, front, evaluations, seconds, split
    )


def _layer(combiner: Combiner, best: Found, index: int, site: Site, choice: Choice | None, outcome: Outcome, lost: float) -> LayerResult:
    zeros = zero_rate(site, float(outcome.zeros[index]), outcome.samples)
    outputs = int(site.kept.sum()) * site.spatial.height * site.spatial.width
    skipped = float(outcome.skipped[index]) / outcome.samples
    searched = index in combiner.patterns
    reason = "" if choice is not None else "nothing saved within the loss" if searched else "not searched"
    return LayerResult(
        site.layer,
        site.tensor,
        choice is not None,
        reason,
        describe(site, choice),
        best.betas[index],
        zeros,
        skipped / outputs,
        lost,
        site.macs,
        skipped * site.position_macs,
    )

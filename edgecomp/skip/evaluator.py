"""Evaluation of many choices of masks and thresholds: nothing is computed twice, hopeless trials end early, all cores work.

A trial is one `Choice` a site, or None for a dense one, with corrections of biases (`correction.py`). Trials of a call are sorted, so
that those which agree in their first layers follow one another and share the states there; shared states stay in a bounded memory for the
next call. Samples are taken in growing rounds, and a trial that can no longer hold the limit leaves (`sequential.hopeless`). A task, some
rows of some trials, depends on nothing but its arguments, so any `concurrent.futures.Executor` runs it, in threads, processes or on other
machines.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np

from edgecomp.graph import Array
from edgecomp.skip.segments import NetworkSource, SegmentedNetwork, State
from edgecomp.skip.sequential import hopeless
from edgecomp.skip.sites import Choice, Site

TASK_ROWS = 256
BATCH_BYTES = 4 << 20  # of the largest state of a batch: what a core's own cache holds
MOST_BATCH_ROWS = 64
CACHE_BYTES = 768 << 20
FIRST_ROUND_ROWS = 512
LEAST_PROBABILITY = 1e-4

Progress = Callable[[int, int], None]
PositionCounts = Sequence[Array | None]


@dataclass(frozen=True)
class StopRule:
    """A trial leaves when its loss is above `limit` (0..1); one that is not is stopped with a probability of at most `error`."""

    limit: float
    error: float = 0.01


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a trial did on the first `samples` of the rows asked for.

    `lost` and `gained` count samples against the dense network: by labels where there are some, else `lost` are those whose largest
    output is another. `divergence` is the mean Kullback-Leibler divergence of the outputs from the dense network's, in nats. Of each
    site `zeros` is the number of (patch, channel) pairs predicted to be zero and `skipped` that of positions left out.
    """

    samples: int
    lost: int
    gained: int
    divergence: float
    zeros: Array
    skipped: Array
    stopped: bool = False

    @property
    def loss(self) -> float:
        """Net share of samples lost, 0..1."""
        return (self.lost - self.gained) / self.samples if self.samples else 0.0

    def __add__(self, other: Outcome) -> Outcome:
        samples = self.samples + other.samples
        divergence = (self.divergence * self.samples + other.divergence * other.samples) / max(samples, 1)
        counts = (self.lost + other.lost, self.gained + other.gained)
        return Outcome(samples, *counts, divergence, self.zeros + other.zeros, self.skipped + other.skipped)


@dataclass(frozen=True, eq=False)
class Trial:
    """Choices, one a site, and what is added to each channel of the sites' values and of the head's, None where nothing is."""

    choices: tuple[Choice | None, ...]
    shifts: tuple[Array | None, ...]
    head_shift: Array | None = None

    @classmethod
    def plain(cls, choices: Sequence[Choice | None]) -> Trial:
        """Choices without corrections."""
        return cls(tuple(choices), (None,) * len(choices))

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """What the state behind each layer depends on, beside the states before."""
        shifts = ["" if shift is None else hashlib.sha256(shift.tobytes()).hexdigest()[:24] for shift in self.shifts]
        return tuple(f"{'' if choice is None else choice.key}/{shift}" for choice, shift in zip(self.choices, shifts, strict=True))


@dataclass(frozen=True, eq=False)
class Rows:
    """Samples of a task: model inputs, what the dense network makes of them, and labels or None. `name` identifies them in memories."""

    name: str
    samples: Array
    log_probabilities: Array | None
    labels: Array | None


class Memory:
    """States by what they depend on, the least recently used dropped beyond `limit_bytes`."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._states: OrderedDict[Any, tuple[int, State]] = OrderedDict()
        self._held_bytes = 0
        self._lock = Lock()

    def get(self, key: Any) -> State | None:
        """The state, or None."""
        with self._lock:
            if key not in self._states:
                return None
            self._states.move_to_end(key)
            return self._states[key][1]

    def put(self, key: Any, state: State) -> None:
        """Keep a state, unless it alone is more than the limit."""
        size = sum(value.nbytes for value in state.values())
        with self._lock:
            if size > self.limit_bytes or key in self._states:
                return
            self._states[key] = (size, state)
            self._held_bytes += size
            while self._held_bytes > self.limit_bytes:
                self._held_bytes -= self._states.popitem(last=False)[1][0]


_networks: dict[str, SegmentedNetwork] = {}
_networks_lock = Lock()
memory = Memory(CACHE_BYTES)


def network_of(source: NetworkSource) -> SegmentedNetwork:
    """The sessions of a network, built once a process."""
    with _networks_lock:
        if source.digest not in _networks:
            _networks.clear()
            _networks[source.digest] = SegmentedNetwork(source)
        return _networks[source.digest]


def run_task(
    source: NetworkSource, rows: Rows, trials: Sequence[Trial], position_counts: Sequence[Sequence[Array | None]]
) -> list[Outcome]:
    """Outcomes of trials on some rows. `position_counts` is what a predicted patch leaves out, by trial and layer."""
    network = network_of(source)
    order = sorted(range(len(trials)), key=lambda index: trials[index].keys)
    totals: list[Outcome | None] = [None] * len(trials)
    size = batch_rows(network)
    for start in range(0, len(rows.samples), size):
        batch = slice(start, start + size)
        for index, (outputs, zeros) in zip(order, _walk(network, source, rows, batch, [trials[i] for i in order]), strict=True):
            outcome = _outcome(rows, batch, outputs, zeros, position_counts[index])
            held = totals[index]
            totals[index] = outcome if held is None else held + outcome
    return [total for total in totals if total is not None]


def dense_outputs(source: NetworkSource, samples: Array) -> Array:
    """The dense network's log probabilities [N, classes]."""
    network = network_of(source)
    size = batch_rows(network)
    return np.concatenate([log_probabilities(network.run(samples[start : start + size])) for start in range(0, len(samples), size)])


def batch_rows(network: SegmentedNetwork) -> int:
    """Samples that run together."""
    if not network.in_batches:
        return 1
    sample_bytes = max((4 * layer.channels * layer.height * layer.width for layer in network.layers), default=1)
    return int(np.clip(BATCH_BYTES // sample_bytes, 1, MOST_BATCH_ROWS))


def _walk(network: SegmentedNetwork, source: NetworkSource, rows: Rows, batch: slice, trials: Sequence[Trial]) -> Any:
    """(outputs, zeros a layer) of each trial in sorted order; a state is computed once for all trials that share it."""
    keys = [trial.keys for trial in trials]
    origin = (source.digest, rows.name, batch.start)
    first = memory.get((origin, ()))
    if first is None:
        first = network.start(rows.samples[batch])
        memory.put((origin, ()), first)
    states: list[State] = [first]
    for position, trial in enumerate(trials):
        before, after = keys[position - 1] if position else (), keys[position + 1] if position + 1 < len(trials) else ()
        del states[1 + _agreement(keys[position], before) :]
        shared = _agreement(keys[position], after)
        for layer in range(min(len(states) - 1, len(keys[position]) - 1), len(keys[position])):
            name = (origin, keys[position][: layer + 1])
            is_shared = layer < shared and layer + 1 < len(keys[position])
            state = memory.get(name) if is_shared else None
            if state is None:
                state = advance(network, states[layer], trial, layer)
                if is_shared:
                    memory.put(name, state)
            del states[layer + 1 :]
            states.append(state)
        yield states[-1][network.output], [states[i + 1][network.zeros(i)] for i in range(len(network.layers))]


def advance(network: SegmentedNetwork, state: State, trial: Trial, layer: int) -> State:
    """The state behind one layer of a trial."""
    choice = trial.choices[layer]
    masks, thresholds = (None, np.zeros(0)) if choice is None else (choice.masks, choice.thresholds)
    return network.step(state, layer, masks, thresholds, trial.shifts[layer], trial.head_shift)


def _agreement(a: Sequence[str], b: Sequence[str]) -> int:
    """In how many first layers two trials agree."""
    count = 0
    while count < min(len(a), len(b)) and a[count] == b[count]:
        count += 1
    return count


def _outcome(rows: Rows, batch: slice, outputs: Array, zeros: Sequence[Array], position_counts: Sequence[Array | None]) -> Outcome:
    assert rows.log_probabilities is not None
    before, after = rows.log_probabilities[batch], log_probabilities(outputs)
    was, now = before.argmax(1), after.argmax(1)
    right_before = was == rows.labels[batch] if rows.labels is not None else np.ones(len(was), np.bool_)
    right_now = now == rows.labels[batch] if rows.labels is not None else now == was
    divergence = float((np.exp(before) * (before - after)).sum(1).mean())
    predicted = [
        0.0 if counts is None else float((found * (counts > 0)).sum()) for found, counts in zip(zeros, position_counts, strict=True)
    ]
    skipped = [0.0 if counts is None else float((found * counts).sum()) for found, counts in zip(zeros, position_counts, strict=True)]
    lost, gained = int((right_before & ~right_now).sum()), int((~right_before & right_now).sum())
    return Outcome(len(was), lost, gained, divergence, np.array(predicted), np.array(skipped))


def log_probabilities(outputs: Array) -> Array:
    """Outputs [N, ...] as log probabilities [N, classes]: of a Softmax as they are, of anything else as logits."""
    flat = outputs.reshape(len(outputs), -1).astype(np.float64)
    sums = flat.sum(1, keepdims=True)
    if flat.shape[1] > 1 and np.all(flat >= 0) and np.all(np.abs(sums - 1) < 0.05):
        flat = np.log(np.maximum(flat, LEAST_PROBABILITY))
    flat = flat - flat.max(1, keepdims=True)
    result: Array = flat - np.log(np.exp(flat).sum(1, keepdims=True))
    return result


class Evaluator:
    """Trials of one network on one set of samples."""

    def __init__(
        self, source: NetworkSource, sites: Sequence[Site], samples: Array, labels: Array | None, executor: Executor | None = None
    ) -> None:
        """`sites` one a layer of `source`; `samples` [N, *input shape] real values; `labels` [N] or None. Runs the dense network once."""
        self.source, self.sites = source, tuple(sites)
        self.workers: int = getattr(executor, "workers", 0) or getattr(executor, "_max_workers", 0) or os.cpu_count() or 1
        self._own = ThreadPoolExecutor(self.workers) if executor is None else None
        self.executor: Executor = executor or self._own  # type: ignore[assignment]
        self.evaluations = 0
        self.forward_rows = 0
        name = hashlib.sha256(np.ascontiguousarray(samples).tobytes()).hexdigest()[:24]
        pieces = [slice(start, min(start + TASK_ROWS, len(samples))) for start in range(0, len(samples), TASK_ROWS)]
        self.count = len(samples)
        futures = [self.executor.submit(dense_outputs, source, samples[piece]) for piece in pieces]
        outputs = [future.result() for future in futures]
        self.rows = [
            Rows(f"{name}:{piece.start}", samples[piece], found, None if labels is None else labels[piece])
            for piece, found in zip(pieces, outputs, strict=True)
        ]

    def close(self) -> None:
        """End the threads that were started here."""
        if self._own is not None:
            self._own.shutdown(cancel_futures=True)

    @property
    def dense_correct(self) -> int:
        """Samples that the dense network classifies as labelled; all of them without labels."""
        return sum(
            int((rows.log_probabilities.argmax(1) == rows.labels).sum()) if rows.labels is not None else len(rows.samples)
            for rows in self.rows
            if rows.log_probabilities is not None
        )

    def same_as(self, other: Evaluator, trial: Trial) -> int:
        """On how many samples a trial has the largest output where the dense network of another evaluator has it."""
        judged = Evaluator.__new__(Evaluator)
        judged.__dict__.update(self.__dict__)
        judged.rows = [
            replace(mine, log_probabilities=theirs.log_probabilities) for mine, theirs in zip(self.rows, other.rows, strict=True)
        ]
        return self.count - judged.evaluate([trial])[0].lost

    def evaluate(
        self, trials: Sequence[Trial], samples: int | None = None, stop: StopRule | None = None, progress: Progress | None = None
    ) -> list[Outcome]:
        """Outcomes on the first `samples` (rounded up to whole tasks), all by default; trials stopped early say so."""
        wanted = self.count if samples is None else min(samples, self.count)
        pieces = self.rows[: -(-wanted // TASK_ROWS)]
        counts = [[self._position_counts(site, choice) for site, choice in zip(self.sites, trial.choices, strict=True)] for trial in trials]
        totals: dict[int, Outcome] = {}
        live = list(range(len(trials)))
        self.evaluations += len(trials)
        done = 0
        for pending in rounds(pieces, grow=stop is not None):
            for index, outcome in self._round(pending, live, trials, counts):
                totals[index] = totals[index] + outcome if index in totals else outcome
            done += len(pending)
            if stop is not None and done < len(pieces):
                ended = {i for i in live if hopeless(totals[i].lost, totals[i].gained, totals[i].samples, stop.limit, stop.error)}
                totals.update({index: replace(totals[index], stopped=True) for index in ended})
                live = [index for index in live if index not in ended]
            if progress:
                progress(done, len(pieces))
            if not live:
                break
        return [totals[index] for index in range(len(trials))]

    def _round(self, pieces: Sequence[Rows], live: Sequence[int], trials: Sequence[Trial], counts: Any) -> Any:
        """(trial, outcome) of every piece and live trial; trials are split only where there are fewer pieces than workers."""
        parts = min(len(live), max(1, -(-self.workers // max(len(pieces), 1)))) or 1
        order = sorted(live, key=lambda index: trials[index].keys)
        groups = [
            group for group in (order[len(order) * part // parts : len(order) * (part + 1) // parts] for part in range(parts)) if group
        ]
        futures = {}
        for rows in pieces:
            for group in groups:
                task = (self.source, rows, [trials[i] for i in group], [counts[i] for i in group])
                futures[self.executor.submit(run_task, *task)] = group
                self.forward_rows += len(rows.samples) * len(group)
        try:
            for future in as_completed(futures):
                yield from zip(futures[future], future.result(), strict=True)
        except BaseException:
            for future in futures:
                future.cancel()
            raise

    def _position_counts(self, site: Site, choice: Choice | None) -> Array | None:
        """Positions that a predicted patch leaves out, zero where the channel is not in the integer network."""
        if choice is None:
            return None
        return site.spatial.skipped_positions(choice.masks) * site.kept[:, None, None]


def rounds(pieces: Sequence[Rows], grow: bool) -> list[Sequence[Rows]]:
    """Pieces in rounds of doubling size, or in one."""
    if not grow:
        return [pieces]
    result, start, size = [], 0, max(1, FIRST_ROUND_ROWS // TASK_ROWS)
    while start < len(pieces):
        result.append(pieces[start : start + size])
        start, size = start + size, max(size, start + size)
    return result

"""How much faster masks are searched than by plain full forward passes, for the same answer.

    .venv/bin/python benchmarks/mask_search.py --data DIR [--layers 4,5] [--ones 2:3] [--samples 4000] [-o FILE.json]

DIR holds `models/cifar10_cnn6.onnx` and `datasets/cifar10_train20k.npz`. Every combination of the 2x2 patterns of the layers is tried:
by the search (shared states, trials stopped early or that cannot win), and each by a forward pass of the whole network over all search
samples, in batches on all cores. Both must name the same combination. Times on a shared machine are noisy, but both are taken in one run.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import edgecomp
from edgecomp.data.samples import Preprocessing, load_samples
from edgecomp.graph import Array
from edgecomp.skip.evaluator import Evaluator, Outcome, StopRule, Trial, advance, batch_rows, network_of
from edgecomp.skip.search import real_inputs, source_of
from edgecomp.skip.search.exhaustive import plain_choice, seek_best
from edgecomp.skip.search.patterns import all_patterns
from edgecomp.skip.segments import NetworkSource
from edgecomp.skip.sites import Site, chosen, find_sites

CALIBRATION_ROWS = 500
MAX_LOSS = 0.01
PATCH = 2
GOAL = 10.0
COUNTED = 1024


@dataclass(frozen=True)
class Comparison:
    """Seconds of both ways for the same trials, and what both chose."""

    layers: str
    trials: int
    samples: int
    search_s: float
    plain_s: float
    same_answer: bool
    macs_saved: float

    @property
    def ratio(self) -> float:
        """How many times fewer seconds the search takes."""
        return self.plain_s / self.search_s


def trials_of(sites: Sequence[Site], searched: Sequence[Site], ones: tuple[int, int]) -> list[Trial]:
    """Every combination of patterns of the layers searched, dense among them."""
    options = [[None, *(plain_choice(site, pattern) for pattern in all_patterns(PATCH, ones))] for site in searched]
    places = [site.index for site in searched]
    return [Trial.plain([dict(zip(places, picked, strict=True)).get(site.index) for site in sites]) for picked in product(*options)]


def plain_losses(source: NetworkSource, trials: Sequence[Trial], samples: Array, labels: Array) -> list[float]:
    """The loss of each trial by a full forward pass of every sample; the first trial is the dense network."""
    network = network_of(source)
    size = batch_rows(network)

    def correct(trial: Trial, start: int) -> int:
        state = network.start(samples[start : start + size])
        for layer in range(len(network.layers)):
            state = advance(network, state, trial, layer)
        return int((state[network.output].reshape(-1, 10).argmax(1) == labels[start : start + size]).sum())

    found = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for trial in trials:
            found.append(sum(pool.map(lambda start, trial=trial: correct(trial, start), range(0, len(samples), size))))
    return [(found[0] - count) / len(samples) for count in found]


def saved(outcome: Outcome, sites: Sequence[Site]) -> float:
    """Products of one inference left out."""
    return float(sum(count / outcome.samples * site.position_macs for count, site in zip(outcome.skipped, sites, strict=True)))


def compare(data: Path, layers: str, ones: tuple[int, int], count: int) -> Comparison:
    """Both ways on one machine, one after the other."""
    x, y = load_samples(data / "datasets/cifar10_train20k.npz")
    assert y is not None
    preprocessing = Preprocessing("nhwc", (127.5,), (127.5,))
    quantized = edgecomp.load(data / "models/cifar10_cnn6.onnx").quantize(x[:CALIBRATION_ROWS], preprocessing=preprocessing)
    rows = slice(CALIBRATION_ROWS, CALIBRATION_ROWS + count)
    sites = find_sites(quantized, PATCH)
    source, samples = source_of(quantized, sites, None), real_inputs(quantized, x[rows])
    trials = trials_of(sites, chosen(sites, layers.split(",")), ones)
    network_of(source)
    start = time.perf_counter()
    evaluator = Evaluator(source, sites, samples, y[rows])

    def ask(numbers: Sequence[int], first: int | None) -> Sequence[Outcome]:
        return evaluator.evaluate([trials[number] for number in numbers], first, StopRule(MAX_LOSS))

    def holds(outcome: Outcome) -> bool:
        return not outcome.stopped and outcome.loss <= MAX_LOSS

    best, asked = seek_best(len(trials), ask, lambda _, outcome: saved(outcome, sites), holds, lambda: True)
    assert best is not None  # the dense network holds
    search_s = time.perf_counter() - start
    start = time.perf_counter()
    losses = plain_losses(source, trials, samples, y[rows])
    plain_s = time.perf_counter() - start
    # What a trial saves is the same count either way; those that the search did not finish are counted now.
    holding = [number for number, loss in enumerate(losses) if loss <= MAX_LOSS]
    missing = [number for number in holding if number not in asked]
    outcomes = {**asked, **dict(zip(missing, evaluator.evaluate([trials[number] for number in missing], COUNTED), strict=True))}
    plain_best = max(holding, key=lambda number: saved(outcomes[number], sites))
    evaluator.close()
    share = saved(asked[best], sites) / quantized.qgraph.macs
    return Comparison(layers, len(trials), count, search_s, plain_s, plain_best == best, share)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--layers", default="4,5")
    parser.add_argument("--ones", default="2:3")
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    low, high = (int(word) for word in options.ones.split(":"))
    found = compare(options.data, options.layers, (low, high), options.samples)
    answer = "the same answer" if found.same_answer else "ANOTHER ANSWER"
    print(f"{found.trials} trials of layers {found.layers} on {found.samples} samples")
    print(f"search {found.search_s:.1f} s, plain {found.plain_s:.1f} s")
    print(f"{found.ratio:.1f} times fewer (goal {GOAL:g}), {answer}, {100 * found.macs_saved:.1f} % of MACs saved")
    if options.output:
        options.output.write_text(json.dumps({**asdict(found), "ratio": found.ratio, "cores": os.cpu_count()}, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""How much faster masks are searched than by plain full forward passes, for the same answer.

    .venv/bin/python benchmarks/mask_search.py --data DIR [--layers 3,4] [--samples 2000] [-o FILE.json]

DIR holds `models/cifar10_cnn6.onnx` and `datasets/cifar10_train20k.npz`. Every combination of the 2x2 patterns of the layers is tried:
by the search (shared states, trials stopped early), and each by a forward pass of the whole network over all search samples, in batches
on all cores. Both must name the same combination. Times on a shared machine are noisy, but both are taken in one run.
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
from edgecomp.skip.search.exhaustive import plain_choice
from edgecomp.skip.search.patterns import all_patterns
from edgecomp.skip.segments import NetworkSource
from edgecomp.skip.sites import Site, chosen, find_sites

CALIBRATION_ROWS = 500
MAX_LOSS = 0.01
PATCH = 2
GOAL = 10.0


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


def trials_of(sites: Sequence[Site], searched: Sequence[Site]) -> list[Trial]:
    """Every combination of patterns of the layers searched, dense among them."""
    options = [[None, *(plain_choice(site, pattern) for pattern in all_patterns(PATCH))] for site in searched]
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


def compare(data: Path, layers: str, count: int) -> Comparison:
    """Both ways on one machine, one after the other."""
    x, y = load_samples(data / "datasets/cifar10_train20k.npz")
    assert y is not None
    preprocessing = Preprocessing("nhwc", (127.5,), (127.5,))
    quantized = edgecomp.load(data / "models/cifar10_cnn6.onnx").quantize(x[:CALIBRATION_ROWS], preprocessing=preprocessing)
    rows = slice(CALIBRATION_ROWS, CALIBRATION_ROWS + count)
    sites = find_sites(quantized, PATCH)
    source, samples = source_of(quantized, sites, None), real_inputs(quantized, x[rows])
    trials = trials_of(sites, chosen(sites, layers.split(",")))
    network_of(source)
    start = time.perf_counter()
    evaluator = Evaluator(source, sites, samples, y[rows])
    outcomes = evaluator.evaluate(trials, stop=StopRule(MAX_LOSS))
    holding = [index for index, outcome in enumerate(outcomes) if not outcome.stopped and outcome.loss <= MAX_LOSS]
    best = max(holding, key=lambda index: saved(outcomes[index], sites))
    search_s = time.perf_counter() - start
    evaluator.close()
    start = time.perf_counter()
    losses = plain_losses(source, trials, samples, y[rows])
    plain_s = time.perf_counter() - start
    # Savings of the plain way come from its outcome too: here, for all that hold, from the search's, which counts the same samples.
    plain_holding = [index for index, loss in enumerate(losses) if loss <= MAX_LOSS]
    missed = [index for index in plain_holding if outcomes[index].stopped]
    plain_best = max((index for index in plain_holding if index not in missed), key=lambda index: saved(outcomes[index], sites))
    beaten = any(saved(outcomes[index], sites) > saved(outcomes[plain_best], sites) for index in missed)
    share = saved(outcomes[best], sites) / quantized.qgraph.macs
    return Comparison(layers, len(trials), count, search_s, plain_s, plain_best == best and not beaten, share)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--layers", default="3,4")
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    found = compare(options.data, options.layers, options.samples)
    answer = "the same answer" if found.same_answer else "ANOTHER ANSWER"
    print(
        f"{found.trials} trials of layers {found.layers} on {found.samples} samples: search {found.search_s:.1f} s, plain {found.plain_s:.1f} s"
    )
    print(f"{found.ratio:.1f} times fewer seconds (goal {GOAL:g}), {answer}, {100 * found.macs_saved:.1f} % of MACs saved")
    if options.output:
        options.output.write_text(json.dumps({**asdict(found), "ratio": found.ratio, "cores": os.cpu_count()}, indent=2) + "\n")


if __name__ == "__main__":
    main()

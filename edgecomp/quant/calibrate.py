"""Calibration: what values the tensors of a float network take over the user's data, and the int8 range of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from edgecomp.graph import Array, Graph
from edgecomp.quant.clipping import Range, averaged_min_max, kl_divergence, least_squares, min_max, percentile
from edgecomp.quant.floating import FloatModel, Progress
from edgecomp.quant.observers import Distribution, Observer

Statistics = Mapping[str, Distribution]

METHODS: Mapping[str, Callable[[Distribution], Range]] = {
    "min-max": min_max,
    "averaged": averaged_min_max,
    "percentile": percentile,
    "mse": least_squares,
    "kl": kl_divergence,
}


def collect(graph: Graph, samples: Array | Mapping[str, Array], names: Sequence[str], progress: Progress | None = None) -> Statistics:
    """Run the float network over `samples` [N, *input shape without batch] once and watch the tensors `names`.

    `progress` is called with (done, N). The memory used does not grow with N.

    Raises:
        DataError: a tensor takes a value that is not finite (named), or the samples do not fit the input.
    """
    observers = {name: Observer(name) for name in names}
    for chunk in FloatModel(graph, tuple(observers)).run(samples, progress):
        for name, observer in observers.items():
            observer.add(chunk[name])
    return {name: observer.distribution() for name, observer in observers.items()}


def ranges(statistics: Statistics, method: str) -> Mapping[str, Range]:
    """The range (low <= 0 <= high) of each tensor, by a method of `METHODS`; (0, 0) for a tensor that was always zero."""
    choose = METHODS[method]
    return {name: choose(distribution) for name, distribution in statistics.items()}

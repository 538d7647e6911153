"""How good a network is on some rows: accuracy, and a loss that tells networks of equal accuracy apart. ONNX Runtime computes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgecomp.compress.job import Samples
from edgecomp.graph import Array, Graph
from edgecomp.ops.softmax import LogSoftmax, Softmax
from edgecomp.quant.floating import FloatModel

SMALLEST_PROBABILITY = 1e-7


@dataclass(frozen=True)
class Quality:
    """Accuracy, 0..1 (without classes: how often the choice is the original's), and mean loss per row."""

    accuracy: float
    loss: float


class Judge:
    """Compares networks on the same rows."""

    def __init__(self, samples: Samples, original: Graph) -> None:
        """`original` is what networks are held against where the rows have no classes."""
        self.samples = samples
        self.original = None if samples.y is not None else outputs(original, samples.x)

    def quality(self, graph: Graph) -> Quality:
        """Cross-entropy with the classes; without them the mean squared difference from the original's outputs over their variance."""
        found = outputs(graph, self.samples.x)
        if self.original is not None:
            difference = float(np.square(found - self.original).mean() / max(float(self.original.var()), 1e-12))
            return Quality(float((found.argmax(1) == self.original.argmax(1)).mean()), difference)
        y = self.samples.labels("judging")
        chosen = _log_probabilities(graph, found)[np.arange(len(y)), y]
        return Quality(float((found.argmax(1) == y).mean()), -float(chosen.mean()))


def accuracy(graph: Graph, samples: Samples) -> float:
    """Share of rows whose largest output is the class.

    Raises:
        DataError: the rows have no classes.
    """
    y = samples.labels("accuracy")
    return float((outputs(graph, samples.x).argmax(1) == y).mean())


def outputs(graph: Graph, x: Array) -> Array:
    """The first output for all rows, [N, values]."""
    found: Array = FloatModel(graph).predict(x).reshape(len(x), -1)
    return found


def _log_probabilities(graph: Graph, found: Array) -> Array:
    producer = graph.producers.get(graph.outputs[0])
    op = producer.op if producer is not None else None
    if isinstance(op, LogSoftmax):
        return found
    if isinstance(op, Softmax):
        return np.log(np.maximum(found, SMALLEST_PROBABILITY))
    shifted = found.astype(np.float64) - found.max(axis=1, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result

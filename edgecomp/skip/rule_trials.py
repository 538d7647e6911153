"""Networks under rules, tried on samples: only what follows a rule is computed again, the rest is kept from the dense network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from edgecomp.graph import Array
from edgecomp.qgraph import IntArray, QGraph
from edgecomp.skip.apply import apply
from edgecomp.skip.rules import Rules

CHUNK_SAMPLES = 25
KEPT_BYTES = 1 << 30
"""Of the dense network's tensors."""


@dataclass(frozen=True)
class Tried:
    """What rules do on some samples: points of top-1 accuracy lost and the standard error of that, and the mean Kullback-Leibler
    divergence of the class probabilities from the dense network's, in nats."""

    loss_points: float
    error_points: float
    divergence: float


class RuleTrials:
    """One network, some samples, and their classes; without classes the dense network's own are taken."""

    def __init__(self, dense: QGraph, buffers: IntArray, y: IntArray | None) -> None:
        self.dense = dense
        self.evaluations = 0
        self._port = dense.outputs[0]
        self._ends_in_softmax = dense.nodes[-1].op.kernel == "softmax_s8"
        self._values = self._computed(dense, {dense.inputs[0].tensor: buffers}, {node.output for node in dense.nodes})
        self._values[dense.inputs[0].tensor] = buffers
        outputs = self._values[self._port.tensor]
        self._log_dense = self._log_probabilities(outputs)
        self.y = outputs.argmax(axis=1) if y is None else np.asarray(y, np.int64)
        self._hits = outputs.argmax(axis=1) == self.y

    @property
    def count(self) -> int:
        """Samples."""
        return len(self._hits)

    def value(self, tensor: str, samples: int | None = None) -> IntArray:
        """A tensor of the dense network, int8 [N, size]."""
        return self._values[tensor][:samples]

    @property
    def accuracy(self) -> float:
        """Of the dense network, 0..1."""
        return float(self._hits.mean())

    def tried(self, rules: Rules, samples: int | None = None) -> Tried:
        """What the rules cost on the first `samples`."""
        self.evaluations += 1
        outputs = self._outputs(apply(self.dense, rules), samples)
        difference = self._hits[:samples].astype(float) - (outputs.argmax(axis=1) == self.y[:samples])
        log_dense = self._log_dense[:samples]
        divergence = float((np.exp(log_dense) * (log_dense - self._log_probabilities(outputs))).sum(axis=1).mean())
        error = float(difference.std()) / np.sqrt(len(difference))
        return Tried(100.0 * float(difference.mean()), 100.0 * error, max(divergence, 0.0))

    def _outputs(self, graph: QGraph, samples: int | None) -> IntArray:
        """The first output of a network that differs from the dense one in some operators."""
        before = {node.output: node for node in self.dense.nodes}
        same = {port.tensor for port in self.dense.inputs} | {name for name, tensor in graph.tensors.items() if tensor.data is not None}
        for node in graph.nodes:
            was = before.get(node.output)
            if was is not None and was.op is node.op and same.issuperset(node.inputs):
                same.add(node.output)
        needed = {name for node in graph.nodes if node.output not in same for name in node.inputs if name in same}
        kept = {name: self._values[name][:samples] for name in (needed | {self._port.tensor}) & same if name in self._values}
        if self._port.tensor in kept:
            return kept[self._port.tensor]
        return self._computed(graph, kept, {self._port.tensor}, same)[self._port.tensor]

    def _computed(
        self, graph: QGraph, given: Mapping[str, IntArray], wanted: set[str], same: AbstractSet[str] = frozenset()
    ) -> dict[str, IntArray]:
        nodes = [node for node in graph.nodes if node.output not in same]
        count = len(next(iter(given.values())))

        def argument(values: Mapping[str, IntArray], name: str, size: int) -> IntArray:
            data = graph.tensors[name].data
            return values[name] if data is None else np.broadcast_to(data.reshape(1, -1), (size, data.size))

        def compute(start: int) -> dict[str, IntArray]:
            values = {name: array[start : start + CHUNK_SAMPLES] for name, array in given.items()}
            size = min(CHUNK_SAMPLES, count - start)
            for node in nodes:
                values[node.output] = node.op.evaluate(*(argument(values, name, size) for name in node.inputs)).reshape(size, -1)
            return {name: values[name] for name in wanted if name in values}

        # One thread a chunk and none inside: products are small, and threads that wait for one another cost more than they bring.
        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            parts = list(pool.map(compute, range(0, count, CHUNK_SAMPLES)))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _log_probabilities(self, outputs: IntArray) -> Array:
        """Of the classes, [N, size]: from logits, or from the probabilities that a network ends in."""
        tensor = self.dense.tensors[self._port.tensor]
        real = (outputs.astype(np.float64) - tensor.zero_point) * tensor.scale
        if self._ends_in_softmax:
            real = np.log(np.maximum(real, tensor.scale / 4))
        shifted = real - real.max(axis=1, keepdims=True)
        found: Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return found


def most_samples(dense: QGraph) -> int:
    """Samples whose tensors fit into KEPT_BYTES."""
    return max(2, KEPT_BYTES // sum(tensor.bytes for tensor in dense.tensors.values() if tensor.data is None))

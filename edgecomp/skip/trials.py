"""Integer networks tried with other operators in the place of some: accuracy and products, prefixes computed once.

`Trials` keeps every tensor of the unchanged network for its samples, so that a trial computes only what follows the first change.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from edgecomp.errors import DataError
from edgecomp.graph import Array
from edgecomp.qgraph import IntArray, QGraph, QNode, QOp
from edgecomp.qops.conv2d import Conv2D
from edgecomp.skip.rules import Rules

if TYPE_CHECKING:
    from edgecomp.pipeline import QuantizedModel

CHUNK_SAMPLES = 25
KEPT_BYTES = 1 << 30
"""Of tensors at most that are kept; it bounds the samples."""
COUNTED_SAMPLES = 48
"""On which executed products are counted."""
MARGIN = 1.0
"""Standard errors by which a loss must hold where candidates are chosen."""

Changed = Mapping[str, QOp]
"""By the name of a node's output, the operator that takes its place."""


@dataclass(frozen=True)
class Budget:
    """What a search may spend.

    `max_loss_points` of top-1 accuracy; `samples` of the data at most; `seconds` until it answers with the best found; `layers` are
    the outputs of the convolutions it may change, None for all. `seed` fixes all that is drawn.
    """

    max_loss_points: float = 1.0
    samples: int = 4000
    seconds: float = 600.0
    layers: tuple[str, ...] | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Found:
    """What a search came to; accuracies 0..1 and products are those of the data that chose nothing (`split` says which)."""

    mode: str
    rules: Rules
    accuracy_dense: float
    accuracy_skip: float
    macs_dense: int
    """Products an inference."""
    macs_executed: float
    evaluations: int
    seconds: float
    split: str
    macs_saved_by_layer: Mapping[str, float] = field(default_factory=dict)
    """Share of the layer's products, by the name its rule has."""

    @property
    def loss_points(self) -> float:
        """Points of accuracy lost."""
        return 100.0 * (self.accuracy_dense - self.accuracy_skip)

    @property
    def macs_saved(self) -> float:
        """Share of all products left out."""
        return 1.0 - self.macs_executed / self.macs_dense


@dataclass(frozen=True, eq=False)
class Loss:
    """Points of top-1 accuracy lost on some samples, and the standard error of that."""

    points: float
    error_points: float

    def within(self, max_loss_points: float) -> bool:
        """Whether it holds with the margin."""
        return self.points + MARGIN * self.error_points <= max_loss_points + 1e-9


class Trials:
    """One network, some samples and their classes."""

    def __init__(self, qgraph: QGraph, buffers: IntArray, y: IntArray | None) -> None:
        """`buffers` int8 [N, size] of the network's one input; without classes `y` [N] the unchanged network's own are taken."""
        self.qgraph = qgraph
        self.evaluations = 0
        self._place = {node.output: index for index, node in enumerate(qgraph.nodes)}
        dense = self._run(0, {qgraph.inputs[0].tensor: buffers}, {}, keep=True)
        self.values: dict[str, IntArray] = {qgraph.inputs[0].tensor: buffers, **dense}
        own = self.values[qgraph.outputs[0].tensor].argmax(axis=1)
        self.y = own if y is None else y
        self.hits = own == self.y

    @property
    def count(self) -> int:
        """Samples."""
        return len(self.hits)

    @cached_property
    def convolutions(self) -> tuple[QNode, ...]:
        """The nodes whose operator a rule may replace."""
        return tuple(node for node in self.qgraph.nodes if type(node.op) is Conv2D)

    def outputs(self, changed: Changed, samples: int | None = None) -> IntArray:
        """The first output [N, size] with some operators changed, for the first `samples`."""
        self.evaluations += 1
        if not changed:
            return self.values[self.qgraph.outputs[0].tensor][:samples]
        first = min(self._place[name] for name in changed)
        cached = {name: self.values[name][:samples] for name in self._read_after(first)}
        return self._run(first, cached, changed)[self.qgraph.outputs[0].tensor]

    def outputs_with_zeros(self, name: str, positions: Array, zero: int, samples: int) -> IntArray:
        """The first output where tensor `name` holds `zero` at some of its positions (bool [height * width])."""
        self.evaluations += 1
        first = self._place[name] + 1
        cached = {read: self.values[read][:samples] for read in self._read_after(first)}
        if name in cached:
            rows = cached[name].reshape(len(cached[name]), len(positions), -1).copy()
            rows[:, positions] = zero
            cached[name] = rows.reshape(len(rows), -1)
        return self._run(first, cached, {})[self.qgraph.outputs[0].tensor]

    def loss(self, changed: Changed) -> Loss:
        """What some changed operators cost."""
        hits = self.outputs(changed).argmax(axis=1) == self.y
        difference = self.hits.astype(float) - hits
        return Loss(100.0 * float(difference.mean()), 100.0 * float(difference.std()) / np.sqrt(len(difference)))

    def executed(self, changed: Changed, samples: int = COUNTED_SAMPLES) -> dict[str, float]:
        """Products an inference that each node executes, by its output, with inputs as they are after the changes."""
        count = min(samples, self.count)
        inputs = {port.tensor: self.values[port.tensor][:count] for port in self.qgraph.inputs}
        after = {**inputs, **self._run(0, inputs, changed, keep=True)}
        return {
            node.output: changed.get(node.output, node.op).executed_macs(*(self._argument(after, name, count) for name in node.inputs))
            / count
            for node in self.qgraph.nodes
        }

    def _read_after(self, first: int) -> set[str]:
        nodes = self.qgraph.nodes[first:]
        written = {node.output for node in nodes}
        wanted = {name for node in nodes for name in node.inputs} | {port.tensor for port in self.qgraph.outputs}
        return {name for name in wanted - written if self.qgraph.tensors[name].data is None}

    def _argument(self, values: Mapping[str, IntArray], name: str, count: int) -> IntArray:
        data = self.qgraph.tensors[name].data
        return values[name] if data is None else np.broadcast_to(data.reshape(1, -1), (count, data.size))

    def _run(self, first: int, cached: Mapping[str, IntArray], changed: Changed, keep: bool = False) -> dict[str, IntArray]:
        """Tensors that the nodes from `first` on write, all or the outputs only, computed in chunks on all cores."""
        nodes = self.qgraph.nodes[first:]
        count = len(next(iter(cached.values())))
        wanted = {node.output for node in nodes} if keep else {port.tensor for port in self.qgraph.outputs}

        def compute(start: int) -> dict[str, IntArray]:
            values = {name: array[start : start + CHUNK_SAMPLES] for name, array in cached.items()}
            size = len(next(iter(values.values())))
            for node in nodes:
                op = changed.get(node.output, node.op)
                values[node.output] = op.evaluate(*(self._argument(values, name, size) for name in node.inputs)).reshape(size, -1)
            return {name: array for name, array in values.items() if name in wanted}

        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            parts = list(pool.map(compute, range(0, count, CHUNK_SAMPLES)))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@dataclass(frozen=True, eq=False)
class Split:
    """Samples that choose, and samples that only judge."""

    choosing: Trials
    judging: Trials
    text: str

    def found(self, mode: str, rules: Rules, changed: Changed, seconds: float) -> Found:
        """What a search came to, judged."""
        judging = self.judging
        loss = judging.loss(changed)
        executed, macs = judging.executed(changed), {node.output: node.op.work.macs for node in judging.qgraph.nodes}
        return Found(
            mode=mode,
            rules=rules,
            accuracy_dense=float(judging.hits.mean()),
            accuracy_skip=float(judging.hits.mean()) - loss.points / 100.0,
            macs_dense=sum(macs.values()),
            macs_executed=sum(executed.values()),
            evaluations=self.choosing.evaluations + judging.evaluations,
            seconds=seconds,
            split=self.text,
            macs_saved_by_layer={name: 1.0 - executed[name] / macs[name] for name in changed},
        )


def split(quantized: QuantizedModel, x: Array, y: IntArray | None, budget: Budget) -> Split:
    """Every second of the first `budget.samples` rows of raw data chooses, the others judge.

    Raises:
        DataError: the network has several inputs, or there are fewer than two rows.
    """
    qgraph = quantized.qgraph
    if len(qgraph.inputs) != 1 or len(x) < 2:
        raise DataError(f"{qgraph.name}: a search needs one input and two rows of data, found {len(qgraph.inputs)} and {len(x)}")
    sample_bytes = sum(tensor.bytes for tensor in qgraph.tensors.values() if tensor.data is None)
    count = min(len(x), budget.samples, max(2, 2 * KEPT_BYTES // (3 * sample_bytes)))
    buffers = quantized.buffers(quantized.samples(x[:count]))
    halves = [Trials(qgraph, buffers[at::2], None if y is None else np.asarray(y[at:count:2], np.int64)) for at in (0, 1)]
    text = f"of the first {count} rows every second chose ({halves[0].count}); the others judged ({halves[1].count}), and could only refuse"
    return Split(halves[0], halves[1], text)


def chosen_convolutions(trials: Trials, layers: Sequence[str] | None) -> tuple[QNode, ...]:
    """The convolutions with the given outputs, all for None.

    Raises:
        DataError: a name is not the output of a convolution.
    """
    nodes = trials.convolutions
    unknown = set(layers or ()) - {node.output for node in nodes}
    if unknown:
        allowed = ", ".join(node.output for node in nodes)
        raise DataError(f"{trials.qgraph.name}: no convolution computes {', '.join(sorted(unknown))}: give some of {allowed}")
    return tuple(node for node in nodes if layers is None or node.output in layers)

"""What a search of early termination or perforation may spend and what it finds; samples that choose, and samples that judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from edgecomp import reference
from edgecomp.errors import DataError
from edgecomp.graph import Array
from edgecomp.qgraph import IntArray, QNode
from edgecomp.qops.conv2d import Conv2D
from edgecomp.skip.apply import apply
from edgecomp.skip.rule_trials import RuleTrials, Tried, most_samples
from edgecomp.skip.rules import Rules

if TYPE_CHECKING:
    from edgecomp.pipeline import QuantizedModel

COUNTED_SAMPLES = 48
"""On which executed products are counted."""
MARGIN = 1.0
"""Standard errors by which a loss must hold where candidates are chosen."""


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

    def holds(self, tried: Tried) -> bool:
        """Whether a loss is allowed, with the margin."""
        return tried.loss_points + MARGIN * tried.error_points <= self.max_loss_points + 1e-9


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
    front: Sequence[tuple[float, float]] = ()
    """(products an inference as expected, points lost on the samples that choose) of the combinations tried."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why a layer that could have a rule has none, by its output, as far as it is known."""

    @property
    def loss_points(self) -> float:
        """Points of accuracy lost."""
        return 100.0 * (self.accuracy_dense - self.accuracy_skip)

    @property
    def macs_saved(self) -> float:
        """Share of all products left out."""
        return 1.0 - self.macs_executed / self.macs_dense


class Search:
    """One search while it runs: its data, and the time that is left."""

    def __init__(self, quantized: QuantizedModel, x: Array, y: IntArray | None, budget: Budget) -> None:
        """Every second of the first `budget.samples` rows of raw data `x` chooses, the others judge.

        Raises:
            DataError: the network has several inputs, or there are fewer than two rows.
        """
        self.dense, self.budget, self._began = quantized.dense, budget, monotonic()
        if len(self.dense.inputs) != 1 or len(x) < 2:
            found = f"found {len(self.dense.inputs)} and {len(x)}"
            raise DataError(f"{self.dense.name}: a search needs one input and two rows of data, {found}")
        count = max(2, min(len(x), budget.samples, 2 * most_samples(self.dense)))
        buffers = quantized.buffers(quantized.samples(x[:count]))
        labels = None if y is None else np.asarray(y[:count], np.int64)
        self.chooser, self.judge = (RuleTrials(self.dense, buffers[at::2], None if labels is None else labels[at::2]) for at in (0, 1))
        self.counted = buffers[1::2][:COUNTED_SAMPLES]
        self._front: list[tuple[float, float]] = []
        self._split = f"of {count} rows every second chose ({self.chooser.count}); the others judged ({self.judge.count}), and only refused"

    @property
    def late(self) -> bool:
        """Whether the time is up."""
        return monotonic() - self._began > self.budget.seconds

    def convolutions(self) -> tuple[QNode, ...]:
        """The convolutions that may be changed.

        Raises:
            DataError: the budget names what no convolution computes.
        """
        nodes = tuple(node for node in self.dense.nodes if type(node.op) is Conv2D)
        wanted = self.budget.layers
        unknown = set(wanted or ()) - {node.output for node in nodes}
        if unknown:
            allowed = ", ".join(node.output for node in nodes)
            raise DataError(f"{self.dense.name}: no convolution computes {', '.join(sorted(unknown))}: give some of {allowed}")
        return tuple(node for node in nodes if wanted is None or node.output in wanted)

    def tried(self, rules: Rules, expected_macs: float) -> Tried:
        """What a combination of rules costs on the samples that choose."""
        tried = self.chooser.tried(rules)
        self._front.append((expected_macs, tried.loss_points))
        return tried

    def refused(self, rules: Rules) -> bool:
        """Whether the judging samples lose more than the budget."""
        return self.judge.tried(rules).loss_points > self.budget.max_loss_points

    def found(self, mode: str, rules: Rules, reasons: Mapping[str, str] | None = None) -> Found:
        """The end of the search: rules, judged; `reasons` say why layers have none."""
        loss_points = self.judge.tried(rules).loss_points if rules else 0.0
        executed = reference.executed_macs(apply(self.dense, rules), [self.counted])
        macs = {node.output: node.op.work.macs for node in self.dense.nodes}
        return Found(
            mode=mode,
            rules=rules,
            accuracy_dense=self.judge.accuracy,
            accuracy_skip=self.judge.accuracy - loss_points / 100.0,
            macs_dense=self.dense.macs,
            macs_executed=sum(executed.values()),
            evaluations=self.chooser.evaluations + self.judge.evaluations,
            seconds=monotonic() - self._began,
            split=self._split,
            front=tuple(self._front),
            reasons=reasons or {},
            macs_saved_by_layer={name: 1.0 - executed[name] / macs[name] for name in rules if macs.get(name)},
        )

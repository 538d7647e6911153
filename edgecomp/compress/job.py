"""What a compression method is given: data, how small the network is to be, how long it may train, and whom it tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecomp.compress.budget import Budget
from edgecomp.errors import DataError
from edgecomp.graph import Array, Graph

Classes = npt.NDArray[np.int64]
Progress = Callable[[str, int, int], None]
"""Called with (what is being done, done, total)."""

Say = Callable[[str], None]
"""Called with a sentence that the user should read."""

JUDGE_EVERY = 10
MOST_JUDGE_ROWS = 2000


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows as the network reads them: `x` float32 [N, *input shape without its batch axis], `y` classes [N] or None."""

    x: Array
    y: Classes | None = None

    def __len__(self) -> int:
        return len(self.x)

    def first(self, rows: int) -> Samples:
        """At most so many rows from the beginning."""
        return Samples(self.x[:rows], None if self.y is None else self.y[:rows])

    def labels(self, method: str) -> Classes:
        """The classes.

        Raises:
            DataError: there are none.
        """
        if self.y is None:
            raise DataError(f"{method} needs the class of every training sample, and the data have no array y: add y [N] to --data")
        return self.y


@dataclass(frozen=True, eq=False)
class Job:
    """One step of compression.

    Attributes:
        train: what is trained on, and what statistics are taken from.
        judge: rows set aside from the training data: they choose (sensitivity, ranks, when to stop) and are not trained on.
        budget: how small the result is to be, against the size of the network the user gave.
        epochs: times over `train`, for each sub-problem of a layer-wise method and again for the fine-tuning of the whole; 0: no training.
        learning_rate: Adam's at its highest, where a method trains.
        seed: of everything drawn at random.
        layers: names of the nodes that may change; None: all.
        teacher: the network the user gave, which the smaller one may imitate.
        options: of the method (see its line in `registry.METHODS`), with defaults filled in.
        folder: where checkpoints lie; None: nowhere.
        watch: told how far work has come.
        say: told what the user should know.
    """

    train: Samples
    judge: Samples
    budget: Budget
    epochs: int
    learning_rate: float = 3e-3
    seed: int = 0
    layers: tuple[str, ...] | None = None
    teacher: Graph | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    watch: Progress = lambda what, done, total: None
    say: Say = lambda sentence: None

    def may_change(self, name: str) -> bool:
        """Whether the user allows a node to change."""
        return self.layers is None or name in self.layers

    def within(self, name: str) -> Job:
        """The same job with a checkpoint folder of its own for one part of the work."""
        return self if self.folder is None else replace(self, folder=self.folder / name)


def set_aside(samples: Samples) -> tuple[Samples, Samples]:
    """(train, judge): every tenth row judges, at most 2000 rows, spread evenly so that sorted data keep all classes on both sides.

    Raises:
        DataError: there are too few rows.
    """
    if len(samples) < 2 * JUDGE_EVERY:
        raise DataError(f"the training data have {len(samples)} rows: at least {2 * JUDGE_EVERY} are needed, of which a tenth judges")
    every = max(JUDGE_EVERY, -(-len(samples) // MOST_JUDGE_ROWS))
    judges = np.zeros(len(samples), bool)
    judges[every - 1 :: every] = True
    return _rows(samples, ~judges), _rows(samples, judges)


def checked_classes(graph: Graph, samples: Samples, source: str) -> None:
    """Prove that every class has an output.

    Raises:
        DataError: one has not; names `source`.
    """
    outputs = prod(graph.tensors[graph.outputs[0]].shape)
    if samples.y is not None and len(samples.y) and int(samples.y.max()) >= outputs:
        found = f"y holds class {int(samples.y.max())}, but {graph.name} has {outputs} outputs, classes 0 to {outputs - 1}"
        raise DataError(f"{source}: {found}: give data made for this model")


def _rows(samples: Samples, chosen: Array) -> Samples:
    return Samples(samples.x[chosen], None if samples.y is None else samples.y[chosen])

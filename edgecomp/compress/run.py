"""A compression from its beginning to its end: data set aside, steps made one after another and kept, the result judged."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import onnx

from edgecomp.artifacts import write_atomically
from edgecomp.cache import content_key
from edgecomp.compress.budget import Budget, Size, size_of
from edgecomp.compress.identity import data_digest, digest
from edgecomp.compress.job import Job, Progress, Samples, Say, set_aside
from edgecomp.compress.judge import Judge, Quality
from edgecomp.compress.recipe import Step
from edgecomp.compress.registry import method
from edgecomp.frontend.onnx_export import to_model
from edgecomp.frontend.onnx_import import from_model
from edgecomp.graph import Graph
from edgecomp.passes import simplify


@dataclass(frozen=True, eq=False)
class Orders:
    """What is wanted of a compression; steps may say otherwise for themselves.

    Attributes:
        keep_macs, keep_parameters: shares of the network given that may remain.
        epochs: of each step that trains.
        folder: where checkpoints lie; None: nowhere.
    """

    keep_macs: float | None = None
    keep_parameters: float | None = None
    epochs: int = 3
    learning_rate: float = 3e-3
    seed: int = 0
    layers: tuple[str, ...] | None = None
    folder: Path | None = None

    @property
    def names_a_size(self) -> bool:
        """Whether it says how small."""
        return self.keep_macs is not None or self.keep_parameters is not None


@dataclass(frozen=True)
class StepReport:
    """A step that was made: sizes and quality on the judging rows before and after, and its seconds (0 where it was kept from before)."""

    method: str
    before: Size
    after: Size
    quality: Quality
    seconds: float


@dataclass(frozen=True, eq=False)
class Compressed:
    """The result of all steps."""

    graph: Graph
    steps: tuple[StepReport, ...]
    before: Quality
    after: Quality


@dataclass(frozen=True, eq=False)
class Bench:
    """A network on the bench: it, the rows that train and judge, and who is told. Runs of other sizes share it."""

    original: Graph
    train: Samples
    judge: Samples
    watch: Progress = lambda what, done, total: None
    say: Say = lambda sentence: None
    reference: Size = field(init=False)
    judging: Judge = field(init=False)
    quality: Quality = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reference", size_of(self.original))
        object.__setattr__(self, "judging", Judge(self.judge, self.original))
        object.__setattr__(self, "quality", self.judging.quality(self.original))

    def run(self, steps: Sequence[Step], orders: Orders) -> Compressed:
        """Make all steps.

        Raises:
            DataError: a budget is below what is possible, labels are missing, or a loss is not finite.
            ToolError: a method trains, and PyTorch is missing.
            UnsupportedError: the network has a form that a method does not take.
        """
        graph, reports = self.original, []
        for number, step in enumerate(steps, start=1):
            started = time.monotonic()
            job = self.job(step, orders, number)
            smaller = _kept_or_made(graph, job, step)
            quality = self.judging.quality(smaller)
            reports.append(StepReport(step.method, size_of(graph), size_of(smaller), quality, time.monotonic() - started))
            graph = smaller
        return Compressed(graph, tuple(reports), self.quality, reports[-1].quality)

    def job(self, step: Step, orders: Orders, number: int) -> Job:
        """What a step is given; a size or seed of its own comes before that of the whole."""
        own_size = step.names_a_size
        keep_macs = step.keep_macs if own_size else orders.keep_macs
        keep_parameters = step.keep_parameters if own_size else orders.keep_parameters
        return Job(
            self.train,
            self.judge,
            Budget(self.reference, keep_macs, keep_parameters),
            epochs=orders.epochs if step.epochs is None else step.epochs,
            learning_rate=orders.learning_rate if step.learning_rate is None else step.learning_rate,
            seed=orders.seed if step.seed is None else step.seed,
            layers=step.layers or orders.layers,
            teacher=self.original,
            options=step.options,
            folder=None if orders.folder is None else orders.folder / f"{number}-{step.method}",
            watch=self.watch,
            say=self.say,
        )


def bench(graph: Graph, samples: Samples, watch: Progress | None = None, say: Say | None = None) -> Bench:
    """A bench for a simplified float graph; a part of the samples is set aside to judge."""
    train, judge = set_aside(samples)
    return Bench(graph, train, judge, watch or (lambda what, done, total: None), say or (lambda sentence: None))


def _kept_or_made(graph: Graph, job: Job, step: Step) -> Graph:
    """The step's result, from its checkpoint folder where the same step was made before.

    A result is always read back from what is written, so that a run that goes on is the same as one that was never stopped.
    """
    entry = method(step.method)
    if entry.needs_labels:
        job.train.labels(step.method)
    if entry.trains:
        from edgecomp.train.installation import require_torch

        require_torch()
    if job.folder is None:
        return as_written(entry.function()(graph, job))
    words = (job.budget, job.epochs, job.learning_rate, job.seed, job.layers, sorted(job.options.items()))
    teacher = digest(job.teacher) if job.teacher is not None else ""
    key = content_key(step.method, digest(graph), teacher, data_digest(job.train), repr(words))
    file = job.folder / f"result-{key[:16]}.onnx"
    if not file.exists():
        write_atomically(file, to_model(entry.function()(graph, job)).SerializeToString(deterministic=True))
    return _read(onnx.load_model(file), graph.name)


def as_written(graph: Graph) -> Graph:
    """A graph as it comes back from its file."""
    return _read(to_model(graph), graph.name)


def _read(model: onnx.ModelProto, name: str) -> Graph:
    return simplify(from_model(model, name))

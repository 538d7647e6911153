"""Training of a smaller network on the labels and on what the original answers.

PyTorch is needed here only; the loop, its checkpoints and its seeds are those of `edgecomp.train`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from edgecomp.cache import content_key
from edgecomp.compress.identity import data_digest, digest
from edgecomp.compress.job import Job, checked_classes
from edgecomp.errors import DataError
from edgecomp.graph import Array, Graph
from edgecomp.train.augment import augments, flipped_and_shifted
from edgecomp.train.checkpoint import Checkpoint
from edgecomp.train.executor import Change, TorchGraph
from edgecomp.train.installation import require_torch
from edgecomp.train.loop import Plan, train
from edgecomp.train.losses import classification, imitation

if TYPE_CHECKING:
    from torch import Generator, Tensor

BATCH_ROWS = 64

Penalty = Callable[[TorchGraph, Mapping[str, "Tensor"]], Any]
"""A term added to the loss, from the network being trained and the tensors that were asked for."""


@dataclass(frozen=True, eq=False)
class Tuning:
    """What a fine-tuning is besides its epochs.

    Attributes:
        distillation: the original network's share in the loss, 0..1; the rest is the labels'.
        temperature: softens the outputs of both networks (see `losses.classification`).
        learning_rate: the optimizer's at its highest; None: the job's.
        optimizer: `adam` or `rmsprop`.
        seen: tensors that `penalty` reads.
        penalty: a further term of the loss.
        behind: changes of tensors in the forward pass, such as noise (see `TorchGraph.run`).
        augment: mirror and move images, where the rows are labelled photographs.
        parameters: names of the constants that are trained; None: all that can be.
        note: what `penalty` and `behind` depend on, in words: a checkpoint made under another note is not taken up.
    """

    distillation: float = 0.5
    temperature: float = 3.0
    learning_rate: float | None = None
    optimizer: Literal["adam", "rmsprop"] = "adam"
    seen: Sequence[str] = ()
    penalty: Penalty | None = None
    behind: Mapping[str, Change] | None = None
    augment: bool = True
    parameters: Sequence[str] | None = None
    note: str = ""


PLAIN = Tuning()


def finetune(graph: Graph, job: Job, part: str = "fine-tuning", tuning: Tuning = PLAIN, epochs: int | None = None) -> Graph:
    """The network with its constants trained for `epochs` (None: the job's) over `job.train`; as it is for 0.

    The loss mixes the labels' cross-entropy with what `job.teacher` answers; without labels the teacher alone is imitated.

    Args:
        part: names this work in progress and in the checkpoint folder; another one for each call in a job.

    Raises:
        ToolError: PyTorch is missing.
        DataError: there are neither labels nor a teacher, a class is beyond the outputs, or the loss is not finite from the start.
    """
    epochs = job.epochs if epochs is None else epochs
    if not epochs:
        return graph
    require_torch()
    network = TorchGraph(graph)
    checked_classes(graph, job.train, "the training data")
    if job.teacher is None and job.train.y is None:
        raise DataError("training needs classes or a network to imitate: add y [N] to --data")
    plan = Plan(epochs, BATCH_ROWS, tuning.learning_rate or job.learning_rate, seed=job.seed, optimizer=tuning.optimizer)
    trained_names = tuple(network.parameters if tuning.parameters is None else tuning.parameters)
    for name in network.parameters.keys() - set(trained_names):
        network.parameters[name].requires_grad_(False)
    loss = _Loss(network, job, tuning)
    trained = train(
        [network.parameters[name] for name in trained_names],
        len(job.train),
        loss,
        plan,
        lambda done, total: job.watch(part, done, total),
        None if job.folder is None else Checkpoint(job.folder / f"{part}.pt", _key(graph, job, plan, tuning)),
    )
    if trained.stopped:
        job.say(f"{part}: {trained.stopped}")
    return network.to_graph()


def _key(graph: Graph, job: Job, plan: Plan, tuning: Tuning) -> str:
    teacher = digest(job.teacher) if job.teacher is not None else ""
    words = (tuning.distillation, tuning.temperature, tuning.augment, tuning.parameters, tuning.note)
    return content_key(digest(graph), teacher, data_digest(job.train), repr(plan), repr(words))


class _Loss:
    """Of rows by their indices; the original network answers beside the trained one."""

    def __init__(self, network: TorchGraph, job: Job, tuning: Tuning) -> None:
        import torch

        self.network, self.tuning = network, tuning
        self.teacher = TorchGraph(job.teacher) if job.teacher is not None and (tuning.distillation or job.train.y is None) else None
        self.x = as_batch(job.train.x)
        self.y = None if job.train.y is None else torch.from_numpy(job.train.y.astype(np.int64))
        self.augment = tuning.augment and self.y is not None and augments(job.train.x.shape[1:])

    def __call__(self, rows: Tensor, generator: Generator) -> Tensor:
        import torch

        inputs = as_channels_last(self.x[rows])
        if self.augment:
            inputs = flipped_and_shifted(inputs, generator)
        teacher = None
        if self.teacher is not None:
            with torch.no_grad():
                teacher = self.teacher.run(inputs, [self.teacher.logits])[self.teacher.logits]
        wanted = (self.network.logits, *self.tuning.seen)
        values = self.network.run(inputs, wanted, self.tuning.behind)
        logits = values[self.network.logits]
        if self.y is None:
            assert teacher is not None
            result = imitation(logits, teacher.reshape(logits.shape))
        else:
            result = classification(logits, self.y[rows], teacher, self.tuning.distillation, self.tuning.temperature)
        if self.tuning.penalty is not None:
            result = result + self.tuning.penalty(self.network, values)
        return result


def as_batch(x: Array) -> Tensor:
    """All rows as one tensor, images channels last in memory."""
    import torch

    return as_channels_last(torch.from_numpy(np.ascontiguousarray(x)))


def as_channels_last(rows: Tensor) -> Tensor:
    """Images with channels innermost in memory; everything else as it is."""
    import torch

    return rows.contiguous(memory_format=torch.channels_last) if rows.ndim == 4 else rows

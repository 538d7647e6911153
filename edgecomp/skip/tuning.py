"""Fine-tuning before a search: which rows train and which are left to search on, and what the training itself cost or gained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from edgecomp import reference
from edgecomp.errors import DataError
from edgecomp.graph import Array
from edgecomp.pipeline import Model, QuantizedModel
from edgecomp.qgraph import IntArray
from edgecomp.skip.finetune import Settings, finetune
from edgecomp.skip.modes import Outcome, Say, Wanted, Watch, search
from edgecomp.target import Target

KEPT_FROM_TRAINING = 4
"""Where the data are among the samples to train on, every so many-th row is not trained on."""
COMPARED_SAMPLES = 10_000
SECONDS_AN_EPOCH = 240.0


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows to train on, and data to search on of which every second row is not among them; `text` says how it was done.

    `were_training` says that the data are what the network as it came was trained on, as far as can be told.
    """

    train_x: Array
    train_y: IntArray | None
    x: Array
    y: IntArray | None
    text: str
    were_training: bool = False


def apart(x: Array, y: IntArray | None, train_x: Array, train_y: IntArray | None) -> Rows:
    """Take care that no row is both trained on and searched on.

    Raises:
        DataError: too few rows are left.
    """
    trained = {row.tobytes() for row in np.ascontiguousarray(train_x)}
    known = np.array([row.tobytes() in trained for row in np.ascontiguousarray(x)], bool)
    if not known.any():
        return Rows(train_x, train_y, x, y, "no row of the data is among those to train on")
    if not known.all():
        kept = ~known
        text = f"{int(known.sum())} rows of the data are among those to train on and were left out"
        return Rows(train_x, train_y, x[kept], None if y is None else y[kept], text)
    held = np.arange(len(x)) % KEPT_FROM_TRAINING == 0
    away = {row.tobytes() for row in np.ascontiguousarray(x[held])}
    left = np.array([row.tobytes() not in away for row in np.ascontiguousarray(train_x)], bool)
    if not left.any() or held.sum() < 2:
        raise DataError("--train and --data hold the same few rows: give other data to judge on")
    text = f"all data are among the rows to train on, so every {KEPT_FROM_TRAINING}th of them was not trained on, and judges"
    order = _alternating(np.flatnonzero(~held), np.flatnonzero(held))
    return Rows(train_x[left], None if train_y is None else train_y[left], x[order], None if y is None else y[order], text, True)


def _alternating(first: IntArray, second: IntArray) -> IntArray:
    """One of the first, one of the second, as long as there are both: searches let every second row judge."""
    count = min(len(first), len(second))
    found: IntArray = np.stack([first[:count], second[:count]], axis=1).reshape(-1)
    return found


def search_finetuned(
    model: Model,
    quantize: Callable[[Model], QuantizedModel],
    rows: Rows,
    epochs: int,
    target: Target | None,
    wanted: Wanted,
    watch: Watch = lambda *_: None,
    say: Say = lambda _: None,
) -> Outcome:
    """Fine-tune `model`, quantize both, and search rules for the new network; the loss counts from the network as it came.

    Raises:
        ToolError: PyTorch is missing.
        DataError, UnsupportedError: as `finetune` and `search` say.
    """
    original = quantize(model)
    settings = Settings(epochs=epochs, budget_s=SECONDS_AN_EPOCH * epochs)
    report = partial(watch, "fine-tuning")
    tuned = finetune(model, rows.train_x, rows.train_y, settings, (), original.preprocessing, report)
    quantized = quantize(tuned.model)
    lost_points = _lost_points(original, quantized, rows)
    left_points = max(wanted.max_loss_points - lost_points, 0.0)
    outcome = search(quantized, rows.x, rows.y, target, replace(wanted, max_loss_points=left_points), watch, say)
    text = f"{rows.text}; fine-tuning alone cost {lost_points:+.2f} points; {outcome.split}"
    front = [*outcome.front[:1], *((cost, loss + lost_points) for cost, loss in outcome.front[1:])]
    return replace(outcome, accuracy_dense=outcome.accuracy_dense + lost_points / 100.0, front=front, split=text)


def _lost_points(original: QuantizedModel, tuned: QuantizedModel, rows: Rows) -> float:
    """What fine-tuning cost, in points.

    Where the original was trained on the data, it looks better than it is on rows that fine-tuning did not see, and the new network does on
    rows that both saw; the rows are half of each kind then.
    """
    x, y = rows.x[:COMPARED_SAMPLES], None if rows.y is None else rows.y[:COMPARED_SAMPLES]
    return 100.0 * (_right(original, original, x, y) - _right(tuned, original, x, y))


def _right(quantized: QuantizedModel, original: QuantizedModel, x: Array, y: IntArray | None) -> float:
    """Share of rows that a network classifies as labelled, or without labels as the original does."""
    found = _classes(quantized, x)
    return float(np.mean(found == (_classes(original, x) if y is None else y)))


def _classes(quantized: QuantizedModel, x: Array) -> IntArray:
    outputs: IntArray = reference.outputs(quantized.dense, [quantized.buffers(quantized.samples(x))])[0].argmax(axis=1)
    return outputs

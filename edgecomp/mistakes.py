"""Where a network goes wrong: which classes are taken for which, and the samples it does worst on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgecomp.graph import Array
from edgecomp.quant.quality import sqnr_db
from edgecomp.quant.search import finite
from edgecomp.report import Confused, Confusion, WorstSample
from edgecomp.thumbnail import picture

MOST_CLASSES = 64
"""Up to which the whole matrix is kept."""
MOST_CONFUSED = 20
MOST_WORST = 12


def confusion(scores: Array, labels: Array, classes: Sequence[str] | None = None) -> Confusion:
    """Count `scores` [N, ...] by label [N] and largest score; `classes` are names."""
    flat = scores.reshape(len(scores), -1)
    count = flat.shape[1]
    matrix = np.zeros((count, count), np.int64)
    np.add.at(matrix, (labels, flat.argmax(1)), 1)
    errors = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-errors, axis=None, kind="stable")[:MOST_CONFUSED]
    pairs = [(int(at) // count, int(at) % count) for at in order]
    most = tuple(Confused(label, predicted, int(errors[label, predicted])) for label, predicted in pairs if errors[label, predicted])
    names = tuple(classes) if classes is not None and len(classes) == count else None
    counts = tuple(tuple(map(int, row)) for row in matrix) if count <= MOST_CLASSES else None
    return Confusion(count, names, counts, most)


def worst_samples(x: Array, rows: Array, scores: Array, floats: Array | None, labels: Array | None) -> tuple[WorstSample, ...]:
    """The samples with the least margin of the right class over the best other, or without labels those furthest from the float model.

    `x` [N, ...] are raw data, `rows` [N] their numbers in the data file, `scores` [N, ...] real outputs of the board.
    """
    flat = scores.reshape(len(scores), -1).astype(np.float64)
    true = None if floats is None else floats.reshape(len(floats), -1)
    if labels is not None and flat.shape[1] > 1:
        margins = _margins(flat, labels)
        order = np.argsort(margins, kind="stable")
        return tuple(_misjudged(x, rows, flat, true, labels, margins, int(at)) for at in order[:MOST_WORST])
    if true is None:
        return ()
    errors = np.square(flat - true).sum(axis=1)
    order = np.argsort(-errors, kind="stable")
    low, high = float(x.min()), float(x.max())
    return tuple(
        WorstSample(int(rows[at]), None, None, None, None, finite(sqnr_db(true[at], flat[at])), picture(x[at], low, high))
        for at in map(int, order[:MOST_WORST])
    )


def _margins(scores: Array, labels: Array) -> Array:
    """Score of the label less the highest other score."""
    each = np.arange(len(scores))
    others = scores.copy()
    others[each, labels] = -np.inf
    margins: Array = scores[each, labels] - others.max(axis=1)
    return margins


def _misjudged(x: Array, rows: Array, scores: Array, true: Array | None, labels: Array, margins: Array, at: int) -> WorstSample:
    return WorstSample(
        row=int(rows[at]),
        label=int(labels[at]),
        predicted=int(scores[at].argmax()),
        float_predicted=None if true is None else int(true[at].argmax()),
        margin=round(float(margins[at]), 6),
        sqnr_db=None,
        input=picture(x[at], float(x.min()), float(x.max())),
    )

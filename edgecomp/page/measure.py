"""What a page counts a layer's time in: the best that is known of all its layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgecomp.page.documents import Document, Layer


@dataclass(frozen=True)
class Measure:
    """`name` as headings have it; `is_work` says that nothing was counted, and products stand for time."""

    name: str
    of: Callable[[Layer], int | None]
    total: Callable[[Document], int | None]
    is_work: bool = False


CYCLES = Measure("Cycles", lambda layer: layer.cycles, lambda document: document.per_inference.cycles)
INSTRUCTIONS = Measure("Instructions", lambda layer: layer.instructions, lambda document: document.per_inference.instructions)
FORETOLD = Measure("Estimated instructions", lambda layer: layer.estimated_instructions, lambda document: _sum_foretold(document))
WORK = Measure("MACs", lambda layer: layer.macs, lambda document: document.model.macs, is_work=True)
MEASURES = (CYCLES, INSTRUCTIONS, FORETOLD, WORK)
"""Best first."""


def common_measure(documents: Sequence[Document]) -> Measure:
    """The best that all documents know of their layers."""
    return next((measure for measure in MEASURES if all(_is_known(measure, document) for document in documents)), WORK)


def total(measure: Measure, document: Document) -> int:
    """The sum over all layers, which bars are shares of; at least 1."""
    return max(sum(max(measure.of(layer) or 0, 0) for layer in document.layers), 1)


def _is_known(measure: Measure, document: Document) -> bool:
    return bool(document.layers) and any(measure.of(layer) for layer in document.layers)


def _sum_foretold(document: Document) -> int | None:
    each = [layer.estimated_instructions for layer in document.layers]
    return sum(value for value in each if value is not None) if any(value is not None for value in each) else None

"""Quantization noise layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgecomp.page.axes import Tick, linear_ticks, place
from edgecomp.page.documents import Document
from edgecomp.page.families import family
from edgecomp.page.layers import layer_names
from edgecomp.quant.quality import BAD_BELOW_DB

LEAST_TOP_DB = 50.0
MOST_TOP_DB = 80.0
"""More is drawn as this: a layer that only copies is exact."""
MOST_LABELS = 16


@dataclass(frozen=True)
class Stem:
    """One layer."""

    index: int
    name: str
    family: str
    x: str
    y: str
    sqnr_db: float
    is_bad: bool
    label: str


@dataclass(frozen=True)
class QualityChart:
    """One run's plot; higher is better."""

    stems: tuple[Stem, ...]
    ticks: tuple[Tick, ...]
    bad_y: str
    lowest: Stem


@dataclass(frozen=True)
class Method:
    """A way to calibrate that was tried, and the output's SQNR with it."""

    name: str
    sqnr_db: float
    width: str
    is_chosen: bool


def quality_charts(documents: Sequence[Document]) -> tuple[QualityChart | None, ...]:
    """One a run, all with the same scale; None where no layer's SQNR is known."""
    values = [layer.sqnr_db for document in documents for layer in document.layers if layer.sqnr_db is not None]
    top = min(max([LEAST_TOP_DB, *values]), MOST_TOP_DB)
    return tuple(_chart(document, top) for document in documents)


def methods(document: Document) -> tuple[Method, ...]:
    """Best first."""
    tried = document.quantization.output_sqnr_db or {}
    best = max(tried.values(), default=0.0)
    order = sorted(tried.items(), key=lambda item: -item[1])
    chosen = document.quantization.method
    return tuple(Method(name, value, place(value / best if best > 0 else 0.0), name == chosen) for name, value in order)


def _chart(document: Document, top: float) -> QualityChart | None:
    known = [(index, layer) for index, layer in enumerate(document.layers) if layer.sqnr_db is not None]
    names = layer_names(document)
    if not known:
        return None
    count = len(document.layers)
    step = -(-count // MOST_LABELS)
    stems = []
    for index, layer in known:
        value = layer.sqnr_db or 0.0
        where = (place((index + 0.5) / count), place(1 - value / top))
        label = str(index) if index % step == 0 else ""
        stems.append(Stem(index, names[index], family(layer), *where, value, value < BAD_BELOW_DB, label))
    ticks = tuple(Tick(place(1 - tick / top), f"{tick:.0f}") for tick in linear_ticks(top))
    return QualityChart(tuple(stems), ticks, place(1 - BAD_BELOW_DB / top), min(stems, key=lambda stem: stem.sqnr_db))

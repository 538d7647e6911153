"""Totals of several runs beside one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgecomp.page.documents import Document
from edgecomp.readable import MISSING, count, decibel, percent, ratio, size, true_minus

LESS, MORE = "less", "more"
SAME_BELOW = 0.0005
"""A relative change that is shown as none."""
SAME_DIFFERENCE = 0.005
"""The same for points and dB."""


@dataclass(frozen=True)
class Value:
    """`verdict` is "better", "worse", "same" or, for the first run and what cannot be judged, empty."""

    text: str
    change: str
    verdict: str


@dataclass(frozen=True)
class Line:
    """One figure of all runs; `is_part` where it is contained in the one above."""

    name: str
    is_part: bool
    values: tuple[Value, ...]


@dataclass(frozen=True)
class _Figure:
    name: str
    of: Callable[[Document], float | None]
    shown: Callable[[float | None], str]
    better: str
    difference: str = ""
    """How a change is told where it is not relative to the first run: "points" (of a share) or "dB"."""
    is_part: bool = False


def _per_mac(document: Document) -> float | None:
    instructions, macs = document.per_inference.instructions, sum(layer.macs or 0 for layer in document.layers)
    return instructions / macs if instructions and macs else None


def _left_out(document: Document) -> float | None:
    skipped, macs = (sum(getattr(layer, name) or 0 for layer in document.layers) for name in ("macs_skipped", "macs"))
    return skipped / macs if skipped and macs else None


def _top1(document: Document) -> float | None:
    return document.accuracy.target if document.accuracy and document.accuracy.metric == "top1" else None


def _sqnr(document: Document) -> float | None:
    return document.accuracy.target if document.accuracy and document.accuracy.metric == "sqnr_db" else None


FIGURES = (
    _Figure("Cycles", lambda d: d.per_inference.cycles, count, LESS),
    _Figure("Instructions", lambda d: d.per_inference.instructions, count, LESS),
    _Figure("Instructions per MAC", _per_mac, ratio, LESS),
    _Figure("Estimated cycles", lambda d: d.per_inference.estimated_cycles, count, LESS),
    _Figure("MACs of the model", lambda d: d.model.macs, count, LESS),
    _Figure("MACs left out", _left_out, percent, MORE, "points"),
    _Figure("Accuracy on the board", _top1, lambda value: percent(value, 2), MORE, "points"),
    _Figure("SQNR of the output", _sqnr, decibel, MORE, "dB"),
    _Figure("RAM", lambda d: d.memory.ram_bytes, size, LESS),
    _Figure("arena", lambda d: d.memory.arena_bytes, size, LESS, is_part=True),
    _Figure("scratch", lambda d: d.memory.scratch_bytes, size, LESS, is_part=True),
    _Figure("stack", lambda d: d.memory.stack_bytes, size, LESS, is_part=True),
    _Figure("Flash", lambda d: d.memory.flash_bytes, size, LESS),
    _Figure("weights", lambda d: d.memory.weight_bytes, size, LESS, is_part=True),
    _Figure("code", lambda d: d.memory.code_bytes, size, LESS, is_part=True),
)


def lines(documents: Sequence[Document]) -> tuple[Line, ...]:
    """The figures that at least one run has; changes are from the first run."""
    found = []
    for figure in FIGURES:
        values = [figure.of(document) for document in documents]
        if any(value is not None for value in values):
            first = values[0]
            found.append(Line(figure.name, figure.is_part, tuple(_value(figure, value, first, at) for at, value in enumerate(values))))
    return tuple(found)


def change_text(change: float | None) -> str:
    """+2.3 %, or 4.2 times as much where it is far more."""
    if change is None:
        return ""
    if abs(change) < SAME_BELOW:
        return "same"
    return f"{change + 1:.1f} x" if change >= 2 else true_minus(f"{100 * change:+.1f} %")


def _value(figure: _Figure, value: float | None, first: float | None, at: int) -> Value:
    if value is None:
        return Value(MISSING, "", "")
    text = figure.shown(value)
    if at == 0 or first is None:
        return Value(text, "", "")
    if figure.difference:
        change = (value - first) * (100 if figure.difference == "points" else 1)
        return _judged(figure, text, change, true_minus(f"{change:+.2f} {figure.difference}"), abs(change) < SAME_DIFFERENCE)
    if first == 0:
        return Value(text, "", "")
    change = value / first - 1
    return _judged(figure, text, change, change_text(change), abs(change) < SAME_BELOW)


def _judged(figure: _Figure, text: str, change: float, shown: str, is_same: bool) -> Value:
    if is_same:
        return Value(text, "same", "same")
    return Value(text, shown, "better" if (change < 0) == (figure.better == LESS) else "worse")

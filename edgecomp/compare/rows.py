"""What the console, the Markdown summary and JSON say of a comparison, as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edgecomp.compare.gates import Comparison, Result, accuracy_points, shown_accuracy
from edgecomp.compare.quantities import QUANTITIES
from edgecomp.compare.runs import Run

SCHEMA: Final = "edgecomp.compare/1"
MOST_LAYERS: Final = 12
"""Layers that are listed, those that changed most."""


@dataclass(frozen=True)
class Row:
    """One figure before and now. `holds` is None where nothing limits it."""

    name: str
    title: str
    before: float | None
    now: float | None
    shown_before: str
    shown_now: str
    change: str
    limit: str
    holds: bool | None

    @property
    def changed(self) -> bool:
        return self.before != self.now


def total_rows(comparison: Comparison) -> list[Row]:
    """Accuracy and every quantity that one of the runs has."""
    baseline, new = comparison.baseline, comparison.new
    rows = [_accuracy_row(comparison)] if new.accuracy is not None else []
    for name, quantity in QUANTITIES.items():
        before, now = (run.figures[name] if run else None for run in (baseline, new))
        if (before, now) != (None, None):
            rows.append(_row(comparison, name, quantity.heading, None, before, now))
    return rows


def layer_rows(comparison: Comparison) -> list[Row]:
    """Every layer whose count changed or that breaks a limit, the greatest change first, by the first quantity both runs count."""
    baseline, new = comparison.baseline, comparison.new
    if baseline is None:
        return []
    old = {layer.name: layer for layer in baseline.layers}
    counted = [name for name, quantity in QUANTITIES.items() if quantity.of_layers]
    names = [name for name in counted if _has(new, name) and _has(baseline, name)]
    rows = []
    for layer in new.layers:
        for position, name in enumerate(names):
            before, now = (old[layer.name].figures[name] if layer.name in old else None), layer.figures[name]
            row = _row(comparison, name, f"{layer.name}, {QUANTITIES[name].title}", layer.name, before, now)
            if row.holds is False or (position == 0 and row.changed):
                rows.append(row)
    return sorted(rows, key=lambda row: (row.holds is not False, -abs((row.now or 0) - (row.before or 0))))


def _has(run: Run, name: str) -> bool:
    return any(layer.figures[name] is not None for layer in run.layers)


def _row(comparison: Comparison, name: str, title: str, layer: str | None, before: int | None, now: int | None) -> Row:
    verdict = comparison.verdict(name, layer)
    return Row(
        name,
        title,
        before,
        now,
        _count(before),
        _count(now),
        _change(before, now),
        verdict.limit.partition(" ")[2] if verdict else "",
        verdict.holds if verdict else None,
    )


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _change(before: int | None, now: int | None) -> str:
    if before is None or now is None or before == now:
        return ""
    return f"{(now - before) / before:+.2%}".replace("%", " %") if before else f"{now - before:+,}"


def _accuracy_row(comparison: Comparison) -> Row:
    baseline, new = comparison.baseline, comparison.new
    title = "accuracy, top-1" if new.metric == "top1" else "SQNR"
    verdict = comparison.verdict("accuracy")
    known = baseline if baseline and baseline.accuracy is not None and baseline.metric == new.metric else None
    change = accuracy_points(new) - accuracy_points(known) if known else 0.0
    return Row(
        "accuracy",
        title,
        known.accuracy if known else None,
        new.accuracy,
        shown_accuracy(known) if known else "-",
        shown_accuracy(new),
        f"{change:+.2f} {'points' if new.metric == 'top1' else 'dB'}" if change else "",
        verdict.limit.removeprefix("--").replace("accuracy-", "").replace("-accuracy", "") if verdict else "",
        verdict.holds if verdict else None,
    )


def to_json(result: Result) -> dict[str, Any]:
    """The result as plain data, schema `edgecomp.compare/1`."""
    return {
        "schema": SCHEMA,
        "passed": result.passed,
        "reasons": result.reasons,
        "notes": list(result.notes),
        "comparisons": [_comparison_json(comparison) for comparison in result.comparisons],
    }


def _comparison_json(comparison: Comparison) -> dict[str, Any]:
    new, baseline = comparison.new, comparison.baseline
    return {
        "model": new.model,
        "board": new.board,
        "baseline": {"file": baseline.source, "model": baseline.model, "board": baseline.board} if baseline else None,
        "new": {"file": new.source},
        "passed": not comparison.reasons,
        "reasons": comparison.reasons,
        "notes": list(comparison.notes),
        "figures": [_row_json(row) for row in total_rows(comparison)],
        "layers": [_row_json(row) for row in layer_rows(comparison)],
    }


def _row_json(row: Row) -> dict[str, Any]:
    return {"name": row.name, "title": row.title, "baseline": row.before, "new": row.now, "limit": row.limit or None, "holds": row.holds}


def markdown(result: Result) -> str:
    """A summary for a pull request."""
    return "\n".join(_markdown_lines(result)) + "\n"


def _markdown_lines(result: Result) -> Iterator[str]:
    count = len(result.reasons)
    broken = f"{count} limit broken" if count == 1 else f"{count} limits broken"
    yield f"## edgecomp: {'all limits hold' if result.passed else broken}"
    yield ""
    yield from (f"- :x: {_escaped(reason)}" for reason in result.reasons)
    yield from ([""] if result.reasons else [])
    for comparison in result.comparisons:
        yield f"### {_escaped(comparison.new.title)}"
        yield ""
        yield from _markdown_table(total_rows(comparison))
        layers = layer_rows(comparison)
        if layers:
            yield f"<details><summary>Layers changed: {len(layers)}</summary>"
            yield ""
            yield from _markdown_table(layers[:MOST_LAYERS])
            yield from ([f"... and {len(layers) - MOST_LAYERS} more", ""] if len(layers) > MOST_LAYERS else [])
            yield "</details>"
            yield ""
        yield from (f"- {_escaped(note)}" for note in comparison.notes)
        yield from ([""] if comparison.notes else [])
    yield from (f"- {_escaped(note)}" for note in result.notes)


def _markdown_table(rows: Sequence[Row]) -> Iterator[str]:
    marks = {None: "", True: ":white_check_mark:", False: ":x:"}
    yield "| | baseline | new | change | limit | |"
    yield "|---|---:|---:|---:|---:|---|"
    for row in rows:
        cells = (row.title, row.shown_before, row.shown_now, row.change, row.limit, marks[row.holds])
        yield f"| {' | '.join(_escaped(cell) for cell in cells)} |"
    yield ""


def _escaped(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|").replace("<", "&lt;")

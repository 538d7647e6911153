"""A run beside its baseline, as a person reads it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edgecomp.cli.run_report import print_report
from edgecomp.cli.terminal import report_table

if TYPE_CHECKING:
    from rich.console import Console

    from edgecomp.report import Accuracy, RunReport


def print_comparison(report: RunReport, baseline: RunReport, console: Console) -> None:
    """Print the baseline's own report, then both side by side."""
    from rich.markup import escape

    method = str(baseline.quantization["method"])
    console.print(f"\n[bold]Baseline: {escape(method)}[/]\n")
    print_report(replace(baseline, target=replace(baseline.target, notes=())), console)  # the board's notes stand above already
    table = report_table("an inference" if report.samples else "", "edgecomp, int8", method, "baseline / edgecomp")
    for column in table.columns[1:]:
        column.justify = "right"
    others = _figures(baseline)
    for name, ours in _figures(report).items():
        theirs = others[name]
        if ours is not None and theirs is not None:
            table.add_row(name, f"{ours:,}", f"{theirs:,}", f"{theirs / ours:.1f} x" if ours else "")
    if report.accuracy and baseline.accuracy:
        name = "top-1" if report.accuracy.metric == "top1" else "SQNR"
        table.add_row(name, _accuracy(report.accuracy), _accuracy(baseline.accuracy), "")
    console.print()
    console.print(table)


def _figures(report: RunReport) -> dict[str, int | None]:
    per, memory = report.per_inference, report.memory
    return {
        "instructions": per.instructions,
        "estimated cycles": per.estimated_cycles,
        "flash, bytes": memory.flash_bytes,
        "of it weights": memory.weight_bytes,
        "RAM, bytes": memory.ram_bytes,
    }


def _accuracy(accuracy: Accuracy) -> str:
    return f"{accuracy.target:.2%}" if accuracy.metric == "top1" else f"{accuracy.target:.1f} dB"

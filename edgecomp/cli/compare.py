"""`edgecomp compare`: runs held against a committed baseline, for a CI to stop what is worse."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edgecomp.cli.options import json_option, write_json
from edgecomp.compare.quantities import QUANTITIES

if TYPE_CHECKING:
    from rich.console import Console

    from edgecomp.compare import Comparison, Limit, Limits, Result, Run
    from edgecomp.compare.rows import Row

Command = TypeVar("Command", bound=Callable[..., Any])
SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"


def limit_options(command: Command) -> Command:
    """`--max-<quantity> LIMIT` and `--max-layer-<quantity> LIMIT`, passed under these names, None where not given."""
    limited = [quantity for quantity in QUANTITIES.values() if quantity.gated]
    for quantity in reversed([quantity for quantity in limited if quantity.of_layers]):
        command = click.option(f"--max-layer-{quantity.name}", metavar="LIMIT", help=f"Most {quantity.title} of any one layer.")(command)
    for quantity in reversed(limited):
        command = click.option(f"--max-{quantity.name}", metavar="LIMIT", help=f"Most {quantity.heading}.")(command)
    return command


@click.command("compare")
@click.argument("baseline", metavar="BASELINE")
@click.argument("new", metavar="NEW...", nargs=-1, required=True)
@limit_options
@click.option("--max-accuracy-loss", type=click.FloatRange(min=0), metavar="POINTS", help="Most that may be lost; dB without labels.")
@click.option("--min-accuracy", type=float, metavar="PERCENT", help="Least accuracy, whatever the baseline's; dB without labels.")
@click.option("--same-outputs", is_flag=True, help="Every output bit must be the baseline's.")
@click.option("--allow-different", is_flag=True, help="Compare two files though they are of different models or boards.")
@click.option("--update", is_flag=True, help="Take the new runs as the baseline: write them to BASELINE.")
@click.option("--markdown", "markdown_file", metavar="FILE.md", help="Write a summary for a pull request.")
@click.option("--github-summary", is_flag=True, help=f"Add that summary to the job's page on GitHub ({SUMMARY_VARIABLE}).")
@json_option
def command(
    baseline: str,
    new: tuple[str, ...],
    max_accuracy_loss: float | None,
    min_accuracy: float | None,
    same_outputs: bool,
    allow_different: bool,
    update: bool,
    markdown_file: str | None,
    github_summary: bool,
    json_file: str | None,
    **limit_texts: str | None,
) -> None:
    """Compare runs with a BASELINE and stop with exit code 1 where a limit is broken.

    BASELINE and NEW are files of `edgecomp run --json`, or folders of them; runs are paired by model and board. A LIMIT is +2% or
    +500 or +4KiB more than the baseline, or a value whatever the baseline: 300000, 1.5M, 64KiB. A run whose outputs differ from the
    reference breaks a limit always.

    \b
    Examples:
      edgecomp compare baseline.json run.json --max-instructions +2% --max-ram 64KiB --max-accuracy-loss 0.5
      edgecomp compare baseline/ runs/ --max-instructions +2% --max-layer-instructions +10% --markdown summary.md
      edgecomp compare baseline/ runs/ --update
    """
    from edgecomp.cli.terminal import report_console
    from edgecomp.compare import compare, read_runs
    from edgecomp.errors import GateError

    limits = _limits(limit_texts, max_accuracy_loss, min_accuracy, same_outputs)
    if update and limits.any:
        raise click.UsageError("--update takes the new runs as they are: leave the limits out")
    summary = _summary_file() if github_summary else None
    runs = read_runs(*new)
    baselines = _replaced(baseline, runs) if update else _baselines(baseline)
    result = compare(baselines, runs, limits, allow_different=allow_different)
    _write_summaries(result, markdown_file, summary)
    from edgecomp.compare.rows import to_json

    write_json(json_file, to_json(result))
    console = report_console(json_file)
    _print(result, console)
    if update:
        _update(baseline, runs, console)
    elif not result.passed:
        raise GateError("\n".join(["limits are broken:", *result.reasons]))


def _limits(texts: dict[str, str | None], loss: float | None, least: float | None, same_outputs: bool) -> Limits:
    from edgecomp.compare import Limits, parse_limit

    totals: dict[str, Limit] = {}
    layers: dict[str, Limit] = {}
    for option, text in texts.items():
        if text is None:
            continue
        name = option.removeprefix("max_").replace("_", "-")
        chosen = layers if name.startswith("layer-") else totals
        chosen[name.removeprefix("layer-")] = parse_limit(text)
    return Limits(totals, layers, loss, least, same_outputs)


def _baselines(path: str) -> list[Run]:
    """The committed runs."""
    from edgecomp.compare import read_runs
    from edgecomp.errors import DataError

    if not _holds_something(path):
        raise DataError(f"{path}: there is no baseline yet: write it with `edgecomp compare {path} NEW --update`")
    return read_runs(path)


def _replaced(path: str, runs: list[Run]) -> list[Run]:
    """The committed runs that `runs` take the place of; none where the baseline is only now to be written."""
    from edgecomp.compare import read_runs

    keys = {run.key for run in runs}
    return [run for run in read_runs(path) if run.key in keys] if _holds_something(path) else []


def _holds_something(path: str) -> bool:
    return os.path.isfile(path) or (os.path.isdir(path) and bool(os.listdir(path)))


def _summary_file() -> str:
    from edgecomp.errors import DataError

    path = os.environ.get(SUMMARY_VARIABLE)
    if not path:
        raise DataError(f"--github-summary: {SUMMARY_VARIABLE} is not set, which GitHub Actions does; use --markdown FILE elsewhere")
    return path


def _write_summaries(result: Result, markdown_file: str | None, summary: str | None) -> None:
    from edgecomp.artifacts import write_atomically
    from edgecomp.compare.rows import markdown

    if markdown_file:
        write_atomically(markdown_file, markdown(result))
    if summary:
        with open(summary, "a", encoding="utf-8") as stream:
            stream.write(markdown(result))


def _update(baseline: str, runs: list[Run], console: Console) -> None:
    from rich.markup import escape

    from edgecomp.compare import write_runs

    for file in write_runs(baseline, runs):
        console.print(f"wrote {escape(file)}")


def _print(result: Result, console: Console) -> None:
    from rich.markup import escape

    for comparison in result.comparisons:
        _print_comparison(comparison, console)
    for note in result.notes:
        console.print(f"[dim]note: {escape(note)}[/]")
    limited = any(comparison.verdicts for comparison in result.comparisons)
    if result.passed and limited:
        console.print("[green]all limits hold[/]")


def _print_comparison(comparison: Comparison, console: Console) -> None:
    from rich.markup import escape

    from edgecomp.compare.rows import MOST_LAYERS, layer_rows, total_rows

    console.print(f"[bold]{escape(comparison.new.title)}[/]")
    console.print(_table(total_rows(comparison)))
    layers = layer_rows(comparison)
    if layers:
        console.print(_table(layers[:MOST_LAYERS]))
    if len(layers) > MOST_LAYERS:
        console.print(f"[dim]... and {len(layers) - MOST_LAYERS} more layers changed[/]")
    for note in comparison.notes:
        console.print(f"[dim]note: {escape(note)}[/]")
    console.print()


def _table(rows: list[Row]) -> Any:
    from rich.markup import escape

    from edgecomp.cli.terminal import report_table

    marks = {None: "", True: "[green]holds[/]", False: "[red]broken[/]"}
    table = report_table("", "baseline", "new", "change", "limit", "")
    table.columns[0].no_wrap = False  # where there is no room, names are broken and figures are not
    table.columns[0].overflow = "fold"
    for column in table.columns[1:]:
        column.no_wrap = True
    for column in table.columns[1:5]:
        column.justify = "right"
    for row in rows:
        cells = (row.title, row.shown_before, row.shown_now, row.change, row.limit)
        table.add_row(*map(escape, cells), marks[row.holds])
    return table

"""What a person sees: tables and reports on standard output, progress on standard error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Progress = Callable[[int, int], None]
"""Called with (done, total) while work goes on; stages take it as an optional argument and know nothing of terminals."""

PIPE_WIDTH = 160
"""Columns for output that goes to a file or pipe, where no terminal says how wide it is."""


def report_console(json_file: str | None = None) -> "Console":
    """Where a command prints its report: standard output, or standard error while `--json -` takes that."""
    import shutil
    import sys

    from rich.console import Console

    to_stderr = json_file == "-"
    is_terminal = (sys.stderr if to_stderr else sys.stdout).isatty()
    width = None if is_terminal else shutil.get_terminal_size((PIPE_WIDTH, 0)).columns
    return Console(stderr=to_stderr, highlight=False, width=width)


def report_table(*headings: str) -> "Table":
    """A plain table for reports, whose first column, the names, is never broken or cut where a terminal is narrow.

    Cells may hold rich markup, so `rich.markup.escape` what comes from outside.
    """
    from rich import box
    from rich.table import Table

    table = Table(*headings, box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in table.columns[:1]:
        column.no_wrap = True
        column.overflow = "ignore"
    return table


@contextmanager
def progress(description: str) -> Iterator[Progress]:
    """A progress bar on standard error, or nothing where that is not a terminal; gives the function to call with (done, total)."""
    import sys

    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(description, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


@contextmanager
def stages() -> "Iterator[Callable[[str, int, int], None]]":
    """Progress of work in several stages: a bar on standard error for each, or nothing where that is not a terminal; gives the function to
    call with (stage, done, total)."""
    import sys

    if not sys.stderr.isatty():
        yield lambda stage, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show

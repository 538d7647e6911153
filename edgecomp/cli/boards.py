"""`edgecomp boards`: the boards there are, and which of them can be used on this computer."""

from typing import TYPE_CHECKING, Any

import click

from edgecomp.cli.options import json_option, write_json
from edgecomp.cli.terminal import report_console, report_table

if TYPE_CHECKING:
    from edgecomp.doctor import BoardStatus

SCHEMA = "edgecomp.boards/1"
WIDTH_WITH_DESCRIPTIONS = 110
"""Columns a terminal must have for the table to say what each board is."""


@click.command("boards")
@click.option("--available", is_flag=True, help="Print only the names of boards that can be used here, one a line, for scripts.")
@json_option
def command(available: bool, json_file: str | None) -> None:
    """List the boards and what can run here.

    Core, memory, how a board is run, what it can count, and what is missing to use it on this computer.

    \b
    Example:
      edgecomp boards
    """
    from edgecomp.doctor import all_board_statuses

    statuses = all_board_statuses()
    write_json(json_file, {"schema": SCHEMA, "boards": [_as_json(status) for status in statuses]})
    if available:
        click.echo("\n".join(status.target.name for status in statuses if status.available), err=json_file == "-")
    else:
        _print(statuses, json_file)


def _as_json(status: "BoardStatus") -> dict[str, Any]:
    target = status.target
    return {
        "name": target.name,
        "description": target.description,
        "core": target.core,
        "isa": list(target.isa),
        "flash_bytes": target.flash_bytes,
        "ram_bytes": target.ram_bytes,
        "runner": target.runner,
        "counter": target.counter,
        "available": status.available,
        "missing": list(status.missing),
    }


def _print(statuses: "list[BoardStatus]", json_file: str | None) -> None:
    from rich.markup import escape

    console = report_console(json_file)
    described = console.width >= WIDTH_WITH_DESCRIPTIONS
    table = report_table("board", "core", "flash", "RAM", "counts", "here", *(["description"] if described else []))
    for status in statuses:
        target = status.target
        here = "[green]yes[/]" if status.available else f"[red]no[/]: {', '.join(status.missing)} missing"
        cells = [target.name, target.core, _size(target.flash_bytes), _size(target.ram_bytes), target.counter]
        table.add_row(*map(escape, cells), here, *([escape(target.description)] if described else []))
    console.print(table)
    if not all(status.available for status in statuses):
        console.print("`edgecomp doctor` names the command that installs what is missing.")


def _size(byte_count: int) -> str:
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if byte_count >= factor and byte_count % (factor // 4) == 0:
            return f"{byte_count / factor:g} {unit}"
    return f"{byte_count} B"

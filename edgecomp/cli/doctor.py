"""`edgecomp doctor`: what is present, what is missing, and the command that installs it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from edgecomp.cli.options import json_option, write_json
from edgecomp.cli.terminal import report_console, report_table
from edgecomp.errors import ToolError

if TYPE_CHECKING:
    from rich.table import Table

    from edgecomp.doctor import BoardStatus, Finding

SCHEMA = "edgecomp.doctor/1"


@click.command("doctor")
@click.option("--strict", is_flag=True, help="Exit 1 if anything is missing that is not optional.")
@json_option
def command(strict: bool, json_file: str | None) -> None:
    """Say what is missing here, and its cure.

    Lists the tools and packages with their versions, the command that installs what is missing, and which boards can run.

    \b
    Example:
      edgecomp doctor
    """
    from edgecomp.doctor import all_board_statuses, check_python, check_tools

    boards = all_board_statuses()
    tools, packages = check_tools(boards), check_python()
    document = {
        "schema": SCHEMA,
        "tools": [asdict(tool) for tool in tools],
        "python": [asdict(package) for package in packages],
        "boards": [{"name": board.target.name, "available": board.available, "missing": list(board.missing)} for board in boards],
    }
    write_json(json_file, document)
    console = report_console(json_file)
    for table in (_findings_table("tool", tools), _findings_table("Python", packages), _boards_table(boards)):
        console.print(table)
    missing = [finding.name for finding in (*tools, *packages) if finding.version is None and not finding.optional]
    console.print(_advice(boards) if missing else "Everything that is needed is here.", style="bold")
    if missing and strict:
        raise ToolError(f"missing: {', '.join(missing)}; the table above has the commands that install them")


def _findings_table(heading: str, findings: "Sequence[Finding]") -> "Table":
    from rich.markup import escape

    table = report_table(heading, "version", "for", "to install")
    for finding in findings:
        lacking = "[yellow]not installed[/]" if finding.optional else "[red]missing[/]"
        install = "" if finding.version else escape(finding.install)
        table.add_row(escape(finding.name), escape(finding.version or "") or lacking, escape(finding.purpose), install)
    return table


def _boards_table(boards: "Sequence[BoardStatus]") -> "Table":
    table = report_table("board", "can run here")
    for board in boards:
        table.add_row(board.target.name, "[green]yes[/]" if board.available else f"[red]no[/]: {', '.join(board.missing)} missing")
    return table


def _advice(boards: "Sequence[BoardStatus]") -> str:
    from edgecomp.doctor import install_command

    packages = [package for board in boards for package in board.debian_packages]
    return f"For all boards: {install_command(packages)}" if packages else "The tables above say how to install what is missing."

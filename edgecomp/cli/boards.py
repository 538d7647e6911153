"""`edgecomp boards`: the boards there are, which of them can be used on this computer, and what is plugged in."""

from typing import TYPE_CHECKING, Any

import click

from edgecomp.cli.options import json_option, write_json
from edgecomp.cli.terminal import report_console, report_table

if TYPE_CHECKING:
    from edgecomp.boards.connected import Connection
    from edgecomp.doctor import BoardStatus

SCHEMA = "edgecomp.boards/1"
CONNECTED_SCHEMA = "edgecomp.connected/1"
WIDTH_WITH_DESCRIPTIONS = 150
"""Columns a terminal must have for the table to say what each board is."""


@click.command("boards")
@click.option("--available", is_flag=True, help="Print only the names of boards that can be used here, one a line, for scripts.")
@click.option("--connected", is_flag=True, help="List what is plugged in: the hardware map's boards, and ports that may be boards.")
@click.option("--copy", nargs=2, metavar="BOARD DIR", help="Copy a board's folder to DIR, to be made into a board of your own.")
@click.option("--map", "map_file", metavar="FILE", help="Hardware map; default: ./boards.toml, then the user's own.")
@json_option
def command(available: bool, connected: bool, copy: tuple[str, str] | None, map_file: str | None, json_file: str | None) -> None:
    """List the boards and what can run here.

    Core, memory, how a board is run, what it can count, what its code has been proven on, and what is missing to use it on this
    computer.

    \b
    Examples:
      edgecomp boards
      edgecomp boards --connected --map boards.toml
      edgecomp boards --copy stm32f405 my_board
    """
    if available + connected + bool(copy) > 1:
        raise click.UsageError("--available lists kinds of boards, --connected what is plugged in, --copy begins a board; give one of them")
    if copy:
        _copy(*copy)
        return
    if connected:
        _list_connected(map_file, json_file)
        return
    if map_file:
        raise click.UsageError("--map has no use without --connected")
    from edgecomp.doctor import all_board_statuses

    statuses = all_board_statuses()
    write_json(json_file, {"schema": SCHEMA, "boards": [_as_json(status) for status in statuses]})
    if available:
        click.echo("\n".join(status.target.name for status in statuses if status.available), err=json_file == "-")
    else:
        _print(statuses, json_file)


def _copy(board: str, folder: str) -> None:
    import shutil
    from pathlib import Path

    from edgecomp.errors import OutputError
    from edgecomp.target import load_target

    source = load_target(board).directory
    if Path(folder).exists():
        raise OutputError(f"{folder} exists; name a folder that does not, so that nothing of yours is lost")
    shutil.copytree(source, folder)
    path = folder if Path(folder).is_absolute() else f"./{folder}"
    click.echo(f"copied {board} to {folder}; change board.toml, link.ld and board.c there, then: edgecomp flash MODEL --target {path}")


def _list_connected(map_file: str | None, json_file: str | None) -> None:
    from edgecomp.boards.connected import find_connections, list_ports
    from edgecomp.boards.hardware_map import find_map, user_map_file

    hardware_map = find_map(map_file)
    connections = find_connections(hardware_map, list_ports())
    file = str(hardware_map.file) if hardware_map.file else None
    rows = [_connection_as_json(each) for each in connections]
    write_json(json_file, {"schema": CONNECTED_SCHEMA, "map": file, "connections": rows})
    _print_connected(connections, json_file)
    if not file:
        click.echo(f"There is no hardware map; write one to boards.toml here or to {user_map_file()}.", err=json_file == "-")


def _connection_as_json(each: "Connection") -> dict[str, Any]:
    return {
        "port": each.port,
        "board": each.board or None,
        "candidates": list(each.candidates),
        "found": each.found,
        "description": each.description,
    }


def _print_connected(connections: "tuple[Connection, ...]", json_file: str | None) -> None:
    from rich.markup import escape

    console = report_console(json_file)
    if not connections:
        console.print("No board is plugged in that the system, or a hardware map, would know.")
        return
    table = report_table("port", "board", "plugged in", "what it is")
    for each in connections:
        board = each.board or (f"may be {' or '.join(each.candidates)}" if each.candidates else "any board on this adapter")
        table.add_row(escape(each.port), escape(board), "[green]yes[/]" if each.found else "[red]no[/]", escape(each.description))
    console.print(table)


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
        "transports": list(target.transports),
        "emulated": bool(target.emulator),
        "counter": target.counter,
        "verified": target.verified,
        "available": status.available,
        "missing": list(status.missing),
    }


def _print(statuses: "list[BoardStatus]", json_file: str | None) -> None:
    from rich.markup import escape

    console = report_console(json_file)
    described = console.width >= WIDTH_WITH_DESCRIPTIONS
    table = report_table("board", "core", "flash", "RAM", "counts", "here", "verified", *(["description"] if described else []))
    for status in statuses:
        target = status.target
        here = "[green]yes[/]" if status.available else f"[red]no[/]: {', '.join(status.missing)} missing"
        cells = [target.name, target.core, _size(target.flash_bytes), _size(target.ram_bytes), target.counter]
        rest = [target.verified, *([target.description] if described else [])]
        table.add_row(*map(escape, cells), here, *map(escape, rest))
    console.print(table)
    if not all(status.available for status in statuses):
        console.print("`edgecomp doctor` names the command that installs what is missing.")


def _size(byte_count: int) -> str:
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if byte_count >= factor and byte_count % (factor // 4) == 0:
            return f"{byte_count / factor:g} {unit}"
    return f"{byte_count} B"

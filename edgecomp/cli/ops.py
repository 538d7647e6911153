"""`edgecomp ops`: the ONNX operators there are, and how far each goes."""

from typing import Any

import click

from edgecomp.cli.options import json_option, write_json
from edgecomp.cli.terminal import report_console, report_table

SCHEMA = "edgecomp.ops/1"


@click.command("ops")
@json_option
def command(json_file: str | None) -> None:
    """List the ONNX operators a model may use, with the limits of each.

    \b
    Example:
      edgecomp ops
    """
    from edgecomp.ops import OPERATORS

    rows = [_as_json(name, kind) for name, kind in sorted(OPERATORS.items())]
    write_json(json_file, {"schema": SCHEMA, "operators": rows})
    _print(rows, json_file)


def _as_json(name: str, kind: type[Any]) -> dict[str, str]:
    return {"operator": name, "limits": kind.limits}


def _print(rows: list[dict[str, str]], json_file: str | None) -> None:
    from rich.markup import escape

    table = report_table("operator", "limits")
    for row in rows:
        table.add_row(escape(row["operator"]), escape(row["limits"]))
    console = report_console(json_file)
    console.print(table)
    console.print("Opset 7 and later. 1-D and 2-D images; static shapes, a batch of 1.")
    console.print("`edgecomp analyze MODEL` names what a model uses beyond this, and a rewrite.")

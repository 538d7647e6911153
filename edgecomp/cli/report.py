"""`edgecomp report`: one HTML page of one or more reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from edgecomp.cli.options import json_option, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from edgecomp.page import Document

SCHEMA = "edgecomp.report/1"


@click.command("report")
@click.argument("files", metavar="RUN.json...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="FILE.html", help="The page. Default: the first file's name with .html.")
@click.option("--open", "open_page", is_flag=True, help="Show the page in the browser.")
@json_option
def command(files: tuple[str, ...], output: str | None, open_page: bool, json_file: str | None) -> None:
    """Write a page about RUN.json, as `run --json`, `analyze --json` or `generate --json` wrote it: totals against the board's limits,
    layers, roofline, memory over time, flash, what was left out, mistakes, quantization noise and how it was built.

    The page stands alone: no network, no other file. Several files are shown side by side, with differences from the first.

    \b
    Examples:
      edgecomp run digits.onnx --data digits.npz --target qemu_cortex_m4 --json m4.json
      edgecomp report m4.json --open
      edgecomp report m4.json rv32.json -o cores.html
    """
    from pathlib import Path

    from edgecomp.artifacts import write_atomically
    from edgecomp.errors import OutputError
    from edgecomp.page import render

    page = Path(output) if output else Path(files[0]).with_suffix(".html")
    if any(page.resolve() == Path(file).resolve() for file in files):
        raise OutputError(f"{page}: is one of the reports to be read; give the page another name with -o")
    documents = [document for file in files for document in _read(Path(file))]
    text = render(documents)
    write_atomically(page, text)
    page_bytes = len(text.encode())
    write_json(json_file, {"schema": SCHEMA, "output": str(page), "bytes": page_bytes, "reports": [_named(each) for each in documents]})
    click.echo(f"wrote {page} ({page_bytes / 1024:,.0f} KiB)", err=json_file == "-")
    if open_page:
        _open(page)


def _named(document: Document) -> dict[str, str | None]:
    return {"file": document.source, "model": document.model.name, "board": document.target.board}


def _read(file: Path) -> tuple[Document, ...]:
    from edgecomp.artifacts import describe_os_error
    from edgecomp.errors import DataError
    from edgecomp.page import read

    try:
        return read(file.read_text(encoding="utf-8"), str(file))
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {describe_os_error(error)}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: is not a text in UTF-8; give files that `edgecomp run --json FILE` wrote") from error


def _open(page: Path) -> None:
    import webbrowser

    if not webbrowser.open(page.resolve().as_uri()):
        click.echo(f"no browser was found: open {page} yourself", err=True)

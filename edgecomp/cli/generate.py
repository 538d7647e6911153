"""`edgecomp generate`: a C library for a firmware project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgecomp.cli.model_options import (
    calibration_option,
    model_argument,
    open_model,
    optimize_option,
    preprocessing_of,
    quantized_model,
    select,
)
from edgecomp.cli.options import json_option, preprocessing_options, target_option, write_json
from edgecomp.cli.terminal import report_console
from edgecomp.exports import DEFAULT_FORMAT, FORMATS

if TYPE_CHECKING:
    from edgecomp.data.samples import Selection
    from edgecomp.exports.known_answer import KnownAnswer
    from edgecomp.pipeline import Model, QuantizedModel
    from edgecomp.plan import Plan


@click.command("generate")
@model_argument
@target_option(required=True)
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder to write.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(list(FORMATS)),
    default=DEFAULT_FORMAT,
    show_default=True,
    help="The form of the library: for which build system or package manager.",
)
@click.option(
    "--data", metavar="FILE.npz", help="Samples x [N, ...]; a float model is calibrated on its first rows. The example runs one of them."
)
@click.option("--calib", metavar="FILE.npz", help="Calibrate on this file instead.")
@click.option("--calib-samples", type=click.IntRange(min=1), metavar="N", help="Calibrate on the first N rows. Default: 200.")
@click.option("--prefix", metavar="NAME", help="Start of every public C name. Default: the model's file name.")
@click.option("--package-version", default="1.0.0", metavar="X.Y.Z", show_default=True, help="Version of the package.")
@click.option("--author", default="edgecomp", metavar="NAME", show_default=True, help="Author and vendor of the package.")
@click.option("--url", default="", metavar="URL", help="Home page of the package. Default: a placeholder.")
@preprocessing_options
@calibration_option
@optimize_option
@json_option
def command(
    model_file: str,
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
    target: str,
    output: str,
    format_name: str,
    data: str | None,
    calib: str | None,
    calib_samples: int | None,
    prefix: str | None,
    package_version: str,
    author: str,
    url: str,
    layout: str | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    calibration: str,
    optimize: str,
    json_file: str | None,
) -> None:
    """Write the C library of MODEL for a board, in the form its users expect, with an example that tests it and a README.

    A QDQ model needs no data; a float one is quantized on the way and needs --data or --calib. Kernels and the order of weights are those
    of the board's core; --target host makes portable C for any 32-bit core.

    \b
    Examples:
      edgecomp generate digits.qdq.onnx --target qemu_cortex_m4 -o digits_c
      edgecomp generate digits.qdq.onnx --target nucleo_f446re --format arduino -o ~/Arduino/libraries/digits
    """
    from edgecomp.artifacts import replace_directory
    from edgecomp.cli.analysis_tables import Analysis
    from edgecomp.cli.analyze import document as analysis_document
    from edgecomp.emit import emit
    from edgecomp.exports import export, load_format
    from edgecomp.exports.library import Library, Package
    from edgecomp.plan.bookkeeping import keep_books
    from edgecomp.target import load_target

    board = load_target(target)
    package = Package(package_version, author, url).verify()
    model = open_model(model_file, shapes)
    preprocessing = preprocessing_of(model, layout, mean, std)
    selection = _selection(model, data, calib, calib_samples)
    quantized = quantized_model(model, preprocessing, selection, calibration)
    plan = quantized.plan(board, optimize)
    sources = emit(plan, prefix)
    files = export(Library(plan, sources, _known_answer(quantized, plan, selection), package), format_name)
    replace_directory(output, files)
    analysis = Analysis(model.name, model.sha256, quantized.scheme.graph.parameters, plan, keep_books(plan), True, (), quantized.removed)
    written: dict[str, Any] = {"schema": "edgecomp.generate/1", "prefix": sources.prefix, "format": format_name, "files": sorted(files)}
    document = {**analysis_document(analysis), **written}
    write_json(json_file, document)
    console = report_console(json_file)
    what = load_format(format_name).summary
    console.print(f"wrote {len(files)} files to {output}: {what}; {sources.prefix}.h is the interface, README.md says how to use it")
    console.print(f"arena {plan.memory_bytes:,} bytes, weights {plan.weight_bytes:,} bytes, {len(plan.steps)} layers", highlight=False)


def _selection(model: Model, data: str | None, calib: str | None, calib_samples: int | None) -> Selection | None:
    """The rows to calibrate on, and one for the example; None without data."""
    source = data or calib
    if source is None:
        return None
    return select(model, source, calib, calib_samples, 1 if model.is_quantized else None)


def _known_answer(quantized: QuantizedModel, plan: Plan, selection: Selection | None) -> KnownAnswer:
    """Of the first row that was not set aside for calibration; of made-up values without data."""
    from edgecomp.exports.known_answer import known_answer

    if selection is None or len(plan.qgraph.inputs) != 1:
        return known_answer(plan.qgraph)
    row = quantized.buffers(quantized.samples(selection.x[:1], selection.source))
    return known_answer(plan.qgraph, [row[0]], f"row {selection.index[0]} of {Path(selection.source).name}")

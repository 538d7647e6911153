"""`edgecomp generate`: a C library for a firmware project."""

from __future__ import annotations

from typing import Any

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


@click.command("generate")
@model_argument
@target_option(required=True)
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder to write.")
@click.option("--data", metavar="FILE.npz", help="Samples x [N, ...]; a float model is calibrated on its first rows.")
@click.option("--calib", metavar="FILE.npz", help="Calibrate on this file instead.")
@click.option("--calib-samples", type=click.IntRange(min=1), metavar="N", help="Calibrate on the first N rows. Default: 200.")
@click.option("--prefix", metavar="NAME", help="Start of every public C name. Default: the model's file name.")
@preprocessing_options
@calibration_option
@optimize_option
@json_option
def command(
    model_file: str,
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
    target: str,
    output: str,
    data: str | None,
    calib: str | None,
    calib_samples: int | None,
    prefix: str | None,
    layout: str | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    calibration: str,
    optimize: str,
    json_file: str | None,
) -> None:
    """Write the C library of MODEL for a board: sources, runtime, CMakeLists.txt and a manifest.

    A QDQ model needs no data; a float one is quantized on the way and needs --data or --calib.

    \b
    Example:
      edgecomp generate digits.qdq.onnx --target qemu_cortex_m4 -o digits_c
    """
    from edgecomp.artifacts import replace_directory
    from edgecomp.cli.analysis_tables import Analysis
    from edgecomp.cli.analyze import document as analysis_document
    from edgecomp.emit import emit
    from edgecomp.plan.bookkeeping import keep_books
    from edgecomp.target import load_target

    board = load_target(target)
    model = open_model(model_file, shapes)
    preprocessing = preprocessing_of(model, layout, mean, std)
    source = data or calib
    selection = select(model, source, calib, calib_samples, None) if source and not model.is_quantized else None
    quantized = quantized_model(model, preprocessing, selection, calibration)
    plan = quantized.plan(board, optimize)
    sources = emit(plan, prefix)
    replace_directory(output, sources.files)
    analysis = Analysis(model.name, model.sha256, quantized.scheme.graph.parameters, plan, keep_books(plan), True, (), quantized.removed)
    written: dict[str, Any] = {"schema": "edgecomp.generate/1", "prefix": sources.prefix, "files": sorted(sources.files)}
    document = {**analysis_document(analysis), **written}
    write_json(json_file, document)
    console = report_console(json_file)
    console.print(f"wrote {len(sources.files)} files to {output}: {sources.prefix}.h is the interface, CMakeLists.txt builds the library")
    console.print(f"arena {plan.memory_bytes:,} bytes, weights {plan.weight_bytes:,} bytes, {len(plan.steps)} layers", highlight=False)

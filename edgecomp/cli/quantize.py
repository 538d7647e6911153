"""`edgecomp quantize`: a float ONNX file becomes a standard QDQ ONNX file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from edgecomp.cli.model_options import calibration_option, model_argument, open_model, preprocessing_of, quantized_model
from edgecomp.cli.options import json_option, preprocessing_options, write_json
from edgecomp.cli.terminal import report_console, report_table

if TYPE_CHECKING:
    from edgecomp.pipeline import QuantizedModel

SCHEMA = "edgecomp.quantize/1"


@click.command("quantize")
@model_argument
@click.option("--data", required=True, metavar="FILE.npz", help="Samples x [N, ...] to calibrate on.")
@click.option("--calib-samples", type=click.IntRange(min=1), metavar="N", help="Calibrate on the first N rows. Default: 200.")
@click.option("-o", "--output", required=True, metavar="OUT.onnx", help="The QDQ file to write.")
@preprocessing_options
@calibration_option
@json_option
def command(
    model_file: str,
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
    data: str,
    calib_samples: int | None,
    output: str,
    layout: str | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    calibration: str,
    json_file: str | None,
) -> None:
    """Quantize MODEL to int8 and write it as standard QDQ ONNX.

    The file opens in Netron, runs in ONNX Runtime, and `run` and `generate` take it without data: it comes back to the same bits.
    How data become the input is stored in it.

    \b
    Example:
      edgecomp quantize examples/digits/digits.onnx --data digits.npz --layout nhwc --std 16 -o digits.qdq.onnx
    """
    from edgecomp.artifacts import write_atomically
    from edgecomp.data.samples import DEFAULT_CALIBRATION_ROWS, Selection, load_samples
    from edgecomp.errors import ModelError

    model = open_model(model_file, shapes)
    if model.is_quantized:
        raise ModelError(f"{model_file}: is quantized already (it holds QuantizeLinear nodes); use it as it is, or take the float model")
    preprocessing = preprocessing_of(model, layout, mean, std)
    x, _ = load_samples(data)
    rows = x[: calib_samples or DEFAULT_CALIBRATION_ROWS]
    selection = Selection(rows, None, _no_rows(), data, rows, data)
    quantized = quantized_model(model, preprocessing, selection, calibration)
    layers = quantized.layer_sqnr_db(rows)
    write_atomically(output, quantized.to_onnx())
    document = _document(quantized, layers, len(rows), output)
    write_json(json_file, document)
    _print(document, json_file)


def _no_rows() -> Any:
    import numpy as np

    return np.arange(0)


def _document(quantized: QuantizedModel, layers: dict[str, float], rows: int, output: str) -> dict[str, Any]:
    calibration = quantized.calibration
    assert calibration is not None
    from edgecomp.quant.quality import first_bad_layer

    bad = first_bad_layer(layers)
    return {
        "schema": SCHEMA,
        "model": {"name": quantized.model.name, "sha256": quantized.model.sha256},
        "output": output,
        "calibration": {"samples": rows, "method": calibration.method, "output_sqnr_db": dict(calibration.output_sqnr_db)},
        "layers": [{"tensor": name, "sqnr_db": db} for name, db in layers.items()],
        "first_bad_layer": bad.name if bad else None,
    }


def _print(document: dict[str, Any], json_file: str | None) -> None:
    from rich.markup import escape

    console = report_console(json_file)
    table = report_table("tensor", "SQNR")
    for layer in document["layers"]:
        table.add_row(escape(layer["tensor"]), f"{layer['sqnr_db']:.1f} dB")
    console.print(table)
    calibration = document["calibration"]
    scores = ", ".join(f"{name} {db:.1f} dB" for name, db in calibration["output_sqnr_db"].items())
    console.print(f"calibration {calibration['method']} on {calibration['samples']} samples; output SQNR: {scores}")
    if document["first_bad_layer"]:
        console.print(f"[yellow]first bad layer:[/] {escape(document['first_bad_layer'])}")
    console.print(f"wrote {escape(document['output'])}")

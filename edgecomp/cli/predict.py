"""`edgecomp predict`: what the network says about data or a picture."""

from __future__ import annotations

from typing import Any

import click

from edgecomp.cli.model_options import calibration_option, model_argument, open_model, preprocessing_of, quantized_model
from edgecomp.cli.options import json_option, preprocessing_options, target_option, write_json
from edgecomp.cli.terminal import report_console, report_table

SCHEMA = "edgecomp.predict/1"
SHOWN = 20


@click.command("predict")
@model_argument
@click.option("--data", metavar="FILE.npz", help="Samples x [N, ...].")
@click.option("--image", metavar="FILE.png", help="One picture, scaled to the model's input.")
@click.option("--calib", metavar="FILE.npz", help="Samples a float model is calibrated on. Default: --data.")
@click.option("--calib-samples", type=click.IntRange(min=1), metavar="N", help="Calibrate on the first N rows. Default: 200.")
@target_option(required=False)
@click.option("-o", "--output", metavar="OUT.npz", help="Write target (raw integers), target_float and index.")
@preprocessing_options
@calibration_option
@json_option
def command(
    model_file: str,
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
    data: str | None,
    image: str | None,
    calib: str | None,
    calib_samples: int | None,
    target: str | None,
    output: str | None,
    layout: str | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    calibration: str,
    json_file: str | None,
) -> None:
    """Say what MODEL predicts, on a board or (without --target) by the numpy reference, which gives the same bits.

    \b
    Examples:
      edgecomp predict digits.qdq.onnx --data digits.npz -o predictions.npz
      edgecomp predict digits.qdq.onnx --image seven.png --target host
    """
    from edgecomp.data.samples import DEFAULT_CALIBRATION_ROWS, Selection, load_samples
    from edgecomp.errors import DataError
    from edgecomp.verify import predict

    if (data is None) == (image is None):
        raise click.UsageError("give either --data FILE.npz or --image FILE.png")
    model = open_model(model_file, shapes)
    preprocessing = preprocessing_of(model, layout, mean, std)
    x = load_samples(data)[0] if data else _picture(str(image), model.input_shape)
    if image and preprocessing.layout is None:
        preprocessing = preprocessing.override("nhwc", None, None)
    source = data or str(image)
    selection = None
    if not model.is_quantized:
        if not (calib or data):
            raise DataError(f"{model_file}: a float model is calibrated on data; give some with --calib, or a quantized model")
        rows = load_samples(calib)[0] if calib else x
        selection = Selection(x, None, _rows(x), source, rows[: calib_samples or DEFAULT_CALIBRATION_ROWS], calib or source)
    quantized = quantized_model(model, preprocessing, selection, calibration)
    integers, real = predict(quantized, target, x, source)
    if output:
        _write(output, integers, real)
    flat = real.reshape(len(real), -1)
    classes = flat.argmax(1)
    found = {"samples": len(real), "top1": classes.tolist(), "value": flat.max(1).tolist()}
    write_json(json_file, {"schema": SCHEMA, "board": target or "reference", **found})
    table = report_table("sample", "class", "value")
    for row in range(min(len(real), SHOWN)):
        table.add_row(str(row), str(classes[row]), f"{flat[row, classes[row]]:.4g}")
    console = report_console(json_file)
    console.print(table)
    if len(real) > SHOWN:
        console.print(f"and {len(real) - SHOWN:,} more")


def _picture(file: str, input_shape: tuple[int, ...]) -> Any:
    """One picture [1, H, W, C] of the size and number of channels the model wants."""
    from pathlib import Path

    from edgecomp.data.images import load_image
    from edgecomp.errors import DataError

    shape = (1, 1, *input_shape)[-3:]
    channels_first = shape[0] in (1, 3)
    channels, size = (shape[0], shape[1:]) if channels_first else (shape[2], shape[:2])
    if channels not in (1, 3):
        raise DataError(f"{file}: the model's input {input_shape} is no picture of 1 or 3 channels; give --data")
    return load_image(Path(file), (size[0], size[1]), grey=channels == 1)[None]


def _rows(x: Any) -> Any:
    import numpy as np

    return np.arange(len(x))


def _write(path: str, integers: Any, real: Any) -> None:
    import io

    import numpy as np

    from edgecomp.artifacts import write_atomically

    stream = io.BytesIO()
    np.savez_compressed(stream, index=np.arange(len(integers)), target=integers, target_float=real)
    write_atomically(path, stream.getvalue())

"""What `quantize`, `generate`, `run` and `predict` share: a model file, and the quantized model made of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edgecomp.cli.options import chosen_preprocessing, shape_option

if TYPE_CHECKING:
    from edgecomp.data.samples import Preprocessing, Selection
    from edgecomp.pipeline import Model, QuantizedModel

Command = TypeVar("Command", bound=Callable[..., Any])

OPTIMIZE = ("speed", "size", "ram")
CALIBRATION_METHODS = ("auto", "min-max", "averaged", "percentile", "mse", "kl")


def model_argument(command: Command) -> Command:
    """`MODEL`, passed as `model_file`, and `--shape`, passed as `shapes`."""
    return click.argument("model_file", metavar="MODEL")(shape_option(command))


def calibration_option(command: Command) -> Command:
    """`--calibration`, passed as `calibration`."""
    return click.option(
        "--calibration",
        type=click.Choice(CALIBRATION_METHODS),
        default="auto",
        show_default=True,
        help="How ranges are chosen; auto measures all and takes the one with the least output error.",
    )(command)


def optimize_option(command: Command) -> Command:
    """`--optimize`, passed as `optimize`."""
    return click.option("--optimize", type=click.Choice(OPTIMIZE), default="speed", show_default=True, help="What the plan is made for.")(
        command
    )


def open_model(model_file: str, shapes: tuple[tuple[str, tuple[int, ...]], ...]) -> Model:
    """Read the model file."""
    from edgecomp.pipeline import load

    return load(model_file, dict(shapes))


def preprocessing_of(model: Model, layout: str | None, mean: tuple[float, ...] | None, std: tuple[float, ...] | None) -> Preprocessing:
    """What the options say on top of what the file has stored."""
    return chosen_preprocessing(layout, mean, std, stored=model.preprocessing)


def select(model: Model, data: str, calib: str | None, calib_samples: int | None, samples: int | None) -> Selection:
    """The rows to calibrate on and to run; a QDQ model takes none for calibration."""
    from edgecomp.data.samples import select_samples

    return select_samples(data, calibrate=not model.is_quantized, calib=calib, calib_samples=calib_samples, samples=samples)


def quantized_model(model: Model, preprocessing: Preprocessing, selection: Selection | None, calibration: str) -> QuantizedModel:
    """The model as it came if it is QDQ, else quantized on the rows set aside for it."""
    from edgecomp.cli.terminal import progress

    if model.is_quantized or selection is None or selection.calibration_x is None:
        return model.quantize(preprocessing=preprocessing)
    with progress("calibrating") as report:
        return model.quantize(
            selection.calibration_x,
            preprocessing=preprocessing,
            method=calibration,
            progress=report,
            source=selection.calibration_source,
        )

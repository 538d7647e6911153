"""Samples for calibration and accuracy: reading `.npz` files, turning rows into a model's input, choosing rows.

A data file holds `x` [N, ...], one row a sample, and where accuracy is wanted `y` [N], the class of each row.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import permutations
from math import prod
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import DTypeLike, NDArray

from edgecomp.data.npz import Array, checked_x, checked_y, conversion_command, described, read_npz
from edgecomp.errors import DataError

Layout = Literal["nhwc", "nchw"]
DEFAULT_CALIBRATION_ROWS = 200


def load_samples(path: str | os.PathLike[str]) -> tuple[Array, NDArray[np.int64] | None]:
    """Read `x` [N, ...] (any integer or float type, finite) and `y` [N] (class of each row; None where absent) from an `.npz` file.

    Raises:
        DataError: the file is missing, is no `.npz`, is damaged, holds Python objects, or `x` and `y` are not of the form above.
    """
    shown = os.fspath(path)
    arrays = read_npz(shown)
    if "x" not in arrays:
        raise DataError(f"{shown}: has no array x, only {described(arrays)}: convert it with {conversion_command(shown, arrays)}")
    x = checked_x(arrays["x"], f"{shown}: x")
    return x, checked_y(arrays["y"], len(x), f"{shown}: y") if "y" in arrays else None


def class_names(path: str | os.PathLike[str]) -> tuple[str, ...] | None:
    """The array `classes` of an `.npz` file, the names of classes 0, 1, ...; None where it has none.

    Raises:
        DataError: the file cannot be read.
    """
    names = read_npz(os.fspath(path)).get("classes")
    if names is None or names.ndim != 1 or names.dtype.kind not in "SU":
        return None
    return tuple(name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in names.tolist())


@dataclass(frozen=True)
class Preprocessing:
    """How rows of a data file become a model's input: (x - mean) / std, and the order of axes.

    `layout` says how the *data* is laid out: `nhwc` (channels last) is transposed to the channels-first order of ONNX; `nchw` and
    None leave it. `mean` and `std` hold one value, or one a channel, in the units of the data.
    """

    layout: Layout | None = None
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        if self.layout is not None and self.layout not in get_args(Layout):
            raise DataError(f"--layout {self.layout}: must be one of {', '.join(get_args(Layout))}")
        for option, values in (("--mean", self.mean), ("--std", self.std)):
            if not values or not np.isfinite(values).all():
                raise DataError(f"{option} {_listed(values)}: one finite number, or one a channel separated by commas, is needed")
        if min(self.std) <= 0:
            raise DataError(f"--std {_listed(self.std)}: must be greater than 0, as x is divided by it")

    def describe(self) -> str:
        """How data become the input, in words; empty where they are the input."""
        if set(self.mean) == {0.0} and set(self.std) == {1.0}:
            return ""
        return f"where real = (data - {_listed(self.mean)}) / {_listed(self.std)}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: layout, mean, std."""
        return {"layout": self.layout, "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; a missing field takes its default.

        Raises:
            DataError: a field has a wrong value.
        """
        try:
            mean, std = (tuple(float(value) for value in fields.get(name, default)) for name, default in (("mean", [0]), ("std", [1])))
        except (TypeError, ValueError) as error:
            raise DataError(f"stored preprocessing {dict(fields)} is not valid: {error}") from error
        return cls(fields.get("layout"), mean, std)

    def override(
        self, layout: Layout | None = None, mean: tuple[float, ...] | None = None, std: tuple[float, ...] | None = None
    ) -> "Preprocessing":
        """A copy with the given parts changed; None keeps a part. Serves options given on top of those stored in a model file."""
        return replace(self, layout=layout or self.layout, mean=mean or self.mean, std=std or self.std)

    def apply(self, x: Array, input_shape: tuple[int, ...], dtype: DTypeLike = np.float32, source: str = "the data") -> Array:
        """Turn rows `x` [N, ...] into model inputs [N, *input_shape] of type `dtype`.

        `input_shape` is the model's, in ONNX order without the batch axis. Missing axes of length one are inserted, equal element
        counts are reshaped. For an integer `dtype` the preprocessed value is rounded (half to even) and saturated.

        Raises:
            DataError: the shape or the number of means does not fit, or a value is not finite; names `source`, usually the file.
        """
        arranged, channel_axis = self._arrange(x, tuple(input_shape), source)
        wanted = np.dtype(dtype)
        wide = np.dtype(np.float64 if max(x.dtype.itemsize, wanted.itemsize) > 4 else np.float32)
        mean = _per_channel(self.mean, "--mean", arranged, channel_axis, source).astype(wide)
        std = _per_channel(self.std, "--std", arranged, channel_axis, source).astype(wide)
        scaled: Array = (arranged.astype(wide) - mean) / std
        if wanted.kind in "iu":
            limits = np.iinfo(wanted)
            return np.clip(np.rint(scaled), limits.min, limits.max).astype(wanted)
        with np.errstate(over="ignore"):
            result: Array = scaled.astype(wanted)
        if not np.isfinite(result).all():
            raise DataError(f"{source}: (x - mean) / std leaves the range of {wanted}: check --mean and --std")
        return result

    def _arrange(self, x: Array, wanted: tuple[int, ...], source: str) -> tuple[Array, int]:
        """Return x in the order [N, *wanted] and the axis of its channels."""
        row_shape = x.shape[1:]
        if self.layout != "nhwc" or len(wanted) < 2:
            _check_fit(row_shape, wanted, wanted, self.layout, source)
            return x.reshape(len(x), *wanted), min(1, len(wanted))
        if _model_takes_channels_last(row_shape, wanted):
            return x.reshape(len(x), *wanted), len(wanted)
        channels_last = (*wanted[1:], wanted[0])
        _check_fit(row_shape, channels_last, wanted, self.layout, source)
        return np.moveaxis(x.reshape(len(x), *channels_last), -1, 1), 1


@dataclass(frozen=True)
class Selection:
    """Rows chosen from the user's data.

    `x` [M, ...], `y` [M] or None and `index` [M] (row numbers in the data file) are for accuracy, `calibration_x` [K, ...] for
    calibration; the two share no row unless the user gave one file twice. `source` and `calibration_source` name the files, `classes`
    the classes where the file does.
    """

    x: Array
    y: NDArray[np.int64] | None
    index: NDArray[np.int64]
    source: str
    calibration_x: Array | None
    calibration_source: str
    classes: tuple[str, ...] | None = None


def select_samples(
    data: str | os.PathLike[str],
    *,
    calibrate: bool = True,
    calib: str | os.PathLike[str] | None = None,
    calib_samples: int | None = None,
    samples: int | None = None,
) -> Selection:
    """Read `data` and choose rows for calibration and for accuracy.

    Calibration takes the first `calib_samples` rows of `calib` where that is given, else of `data`, which are then left out of the
    accuracy. Without a number it takes 200 rows, of `data` at most half. Accuracy takes the first `samples` rows that remain, all
    without a number. With `calibrate` false (a model that is quantized already) no row is set aside and `calib` is not read.

    Raises:
        DataError: a file cannot be used, or no row is left for accuracy.
    """
    x, y = load_samples(data)
    source = os.fspath(data)
    set_aside, calibration_x, calibration_source = 0, None, source
    if calibrate and calib is not None:
        calibration_source = os.fspath(calib)
        calibration_x = load_samples(calib)[0][: calib_samples or DEFAULT_CALIBRATION_ROWS]
    elif calibrate:
        set_aside = calib_samples or min(DEFAULT_CALIBRATION_ROWS, max(1, len(x) // 2))
        calibration_x = x[:set_aside]
    index = np.arange(set_aside, len(x) if samples is None else min(len(x), set_aside + samples), dtype=np.int64)
    if not len(index):
        raise DataError(
            f"{source}: has {len(x)} rows and calibration takes the first {set_aside}, which leaves none to run: "
            f"give fewer --calib-samples, or another file with --calib"
        )
    rows = slice(int(index[0]), int(index[-1]) + 1)
    labels = None if y is None else y[rows]
    classes = None if y is None else class_names(data)
    return Selection(x[rows], labels, index, source, calibration_x, calibration_source, classes)


def _listed(values: tuple[float, ...]) -> str:
    return ",".join(f"{value:g}" for value in values) or "(nothing)"


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(length for length in shape if length != 1)


def _model_takes_channels_last(row_shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether rows [..., channels] fit a model input as they are (as exports from TensorFlow have it) and not after a transpose."""
    channels_last = (*wanted[1:], wanted[0])
    if row_shape in (wanted, channels_last):
        return row_shape != channels_last
    if _without_ones(row_shape) != _without_ones(wanted):
        return False
    without_channel_axis = len(row_shape) == len(wanted) - 1
    return _without_ones(wanted) != _without_ones(channels_last) or (without_channel_axis and wanted[0] != 1 and wanted[-1] == 1)


def _check_fit(found: tuple[int, ...], wanted: tuple[int, ...], input_shape: tuple[int, ...], layout: Layout | None, source: str) -> None:
    """Refuse rows of another size, and rows whose axes are only in another order, which a reshape would scramble."""
    if _without_ones(found) == _without_ones(wanted):
        return
    says = f"{source}: x has rows of shape {_shape(found)} where the model's input {_shape(input_shape)} needs {_shape(wanted)}"
    if prod(found) != prod(wanted):
        count = f"{prod(found)} values a row, not {prod(wanted)}"
        raise DataError(f"{says}: {count}: give data made for this model")
    if 1 < len(_without_ones(found)) <= 4 and _without_ones(found) in set(permutations(_without_ones(wanted))):
        other = "nchw" if layout == "nhwc" else "nhwc"
        raise DataError(f"{says}: the axes are in another order: try --layout {other}, or transpose x")


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "(one number)"


def _per_channel(values: tuple[float, ...], option: str, x: Array, channel_axis: int, source: str) -> Array:
    """Values as an array that broadcasts over x [N, ...] along its channel axis."""
    if len(values) == 1:
        return np.array(values[0])
    channels = x.shape[channel_axis] if channel_axis else 1
    if len(values) != channels:
        found = f"{len(values)} values where {source} has {channels} channels"
        raise DataError(f"{option} {_listed(values)}: {found}: give one, or one a channel")
    return np.array(values).reshape([channels if axis == channel_axis else 1 for axis in range(x.ndim)])

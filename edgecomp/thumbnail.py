"""A small picture of an array, as compact text in JSON: one byte a value, compressed, with the range the bytes stand for."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgecomp.errors import DataError
from edgecomp.graph import Array

LONGEST_SIDE = 64
"""Of a picture, in pixels; a larger one is averaged down."""
LONGEST_SERIES = 320
"""Points of a line."""
SMALLEST_PICTURE_SIDE = 4
IMAGE, MAP, SERIES = "image", "map", "series"
KINDS = (IMAGE, MAP, SERIES)
MOST_BYTES = 1 << 20
"""That a stored thumbnail may unpack to."""


@dataclass(frozen=True)
class Thumbnail:
    """`kind` is "image" (grey or RGB), "map" (one value a cell, such as a spectrogram) or "series" (a line).

    `shape` is [height, width, channels] of an image, [height, width] of a map, [length] of a series. `data` is the base64 of the zlib
    stream of its bytes in row-major order, where 0 stands for `low` and 255 for `high`, in the units of the data.
    """

    kind: str
    shape: tuple[int, ...]
    low: float
    high: float
    data: str

    @classmethod
    def of(cls, values: Array, kind: str, low: float, high: float) -> Thumbnail:
        """`values` of a shape as above, shrunk where they are large."""
        longest = LONGEST_SERIES if kind == SERIES else LONGEST_SIDE
        small = np.asarray(values, np.float64)
        for axis in range(1 if kind == SERIES else 2):
            small = _averaged(small, axis, longest)
        span = high - low if high > low else 1.0
        levels = np.clip(np.rint((small - low) / span * 255), 0, 255).astype(np.uint8)
        text = base64.b64encode(zlib.compress(levels.tobytes(), 9)).decode("ascii")
        return cls(kind, tuple(map(int, small.shape)), round(float(low), 6), round(float(high), 6), text)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Thumbnail:
        """The inverse of `dataclasses.asdict`.

        Raises:
            DataError: it is not a thumbnail.
        """
        try:
            found = cls(
                str(stored["kind"]), tuple(map(int, stored["shape"])), float(stored["low"]), float(stored["high"]), str(stored["data"])
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"a thumbnail needs kind, shape, low, high and data: {error!r}") from error
        found.levels()
        return found

    def levels(self) -> Array:
        """The bytes, uint8 of `shape`.

        Raises:
            DataError: they are damaged, or do not fit the shape.
        """
        axes = {IMAGE: 3, MAP: 2, SERIES: 1}.get(self.kind)
        if axes != len(self.shape) or min(self.shape, default=0) < 1 or (self.kind == IMAGE and self.shape[2] not in (1, 3)):
            raise DataError(f"a thumbnail of kind {self.kind!r} and shape {self.shape}; allowed: {', '.join(KINDS)}")
        try:
            content = zlib.decompressobj().decompress(base64.b64decode(self.data, validate=True), MOST_BYTES)
            return np.frombuffer(content, np.uint8).reshape(self.shape)
        except (ValueError, zlib.error) as error:
            raise DataError(f"a thumbnail's data are damaged: {error}") from error


def picture(row: Array, low: float, high: float) -> Thumbnail | None:
    """One sample as an image where it is one, as a map or series otherwise; None where it is nothing to look at.

    `low` and `high` are the range of all samples. An image has three channels, or one of unsigned integers and sides alike; its
    channels may come first or last. Axes of length one are left out.
    """
    axes = tuple(length for length in row.shape if length != 1)
    channels_last = np.moveaxis(row.reshape(axes), 0, -1) if len(axes) == 3 and axes[0] == 3 else row.reshape(axes)
    if len(axes) == 3 and channels_last.shape[-1] == 3 and min(channels_last.shape[:2]) >= SMALLEST_PICTURE_SIDE:
        return Thumbnail.of(channels_last, IMAGE, low, high)
    if len(axes) == 2 and min(axes) >= SMALLEST_PICTURE_SIDE:
        if row.dtype.kind == "u" and max(axes) <= 2 * min(axes):
            return Thumbnail.of(row.reshape(*axes, 1), IMAGE, low, high)
        return Thumbnail.of(_lying(row.reshape(axes)), MAP, *_range(row))
    if row.size < 2:
        return None
    if len(axes) == 3:
        return Thumbnail.of(_lying(row.reshape(axes).reshape(axes[0], -1)), MAP, *_range(row))
    return Thumbnail.of(row.reshape(-1), SERIES, *_range(row))


def _range(values: Array) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _lying(values: Array) -> Array:
    """With the longer axis, which is time in a spectrogram, to the right and the other upwards."""
    return values.T[::-1] if values.shape[0] > values.shape[1] else values


def _averaged(values: Array, axis: int, longest: int) -> Array:
    """At most `longest` values along an axis, each the mean of its neighbours."""
    length = values.shape[axis]
    if length <= longest:
        return values
    edges = np.linspace(0, length, longest + 1).astype(int)
    sums = np.add.reduceat(values, edges[:-1], axis=axis)
    counts = np.diff(edges).reshape([-1 if place == axis else 1 for place in range(values.ndim)])
    averaged: Array = sums / counts
    return averaged

"""What calibration keeps of a tensor: extremes, channel means and a histogram that grows, all in one pass over the samples."""

from __future__ import annotations

from dataclasses import dataclass
from math import frexp, ldexp

import numpy as np

from edgecomp.errors import DataError
from edgecomp.graph import Array

HALF_BINS = 4096  # on either side of zero; the larger side always fills more than half of them: 8 or more bins a step of int8


@dataclass(frozen=True, eq=False)
class Distribution:
    """The values one tensor took over the calibration samples.

    `counts` [2 * HALF_BINS] holds how many values lay in [i * width, (i + 1) * width) for i = -HALF_BINS..HALF_BINS - 1. Exact zeros
    are counted in `zeros` and not in `counts`: every quantization represents them exactly, so they say nothing about a clip range.
    `channel_means` has one value an index of the tensor's second axis (its features, for a rank of 2), or one value for a lower rank.
    """

    low: float
    high: float
    mean_low: float
    mean_high: float
    width: float
    counts: Array
    zeros: int
    channel_means: Array

    @property
    def centres(self) -> Array:
        """The middle of every bin, cut to the extremes seen."""
        middle: Array = np.clip((np.arange(-HALF_BINS, HALF_BINS) + 0.5) * self.width, self.low, self.high)
        return middle


class Histogram:
    """Counts in bins whose width is a power of two and doubles whenever a value falls outside.

    Doubling a power of two merges bins exactly, so the result depends on the values only, not on how they were cut into chunks.
    """

    def __init__(self) -> None:
        self.width = 0.0
        self.counts = np.zeros(2 * HALF_BINS, np.int64)
        self.zeros = 0

    def add(self, values: Array) -> None:
        """Count finite values of any shape."""
        peak = max(float(values.max()), -float(values.min()))
        zeros = values.size - int(np.count_nonzero(values))
        self.zeros += zeros
        if peak == 0.0:
            return
        self._widen(ldexp(1.0, frexp(peak)[1]) / HALF_BINS)
        if values.dtype != np.float32 or self.width < 2.0**-100:  # 1 / width must not leave the range of the type
            values = values.astype(np.float64)
        bins = np.floor(values.ravel() * values.dtype.type(1.0 / self.width)).astype(np.intp) + HALF_BINS
        self.counts += np.bincount(bins, minlength=2 * HALF_BINS)
        self.counts[HALF_BINS] -= zeros

    def _widen(self, width: float) -> None:
        """Make bins at least `width` wide, a power of two."""
        self.width = self.width or width
        while self.width < width:
            merged = self.counts.reshape(-1, 2).sum(1)
            self.counts = np.pad(merged, HALF_BINS // 2)
            self.width *= 2


class Observer:
    """Watches one tensor over a stream of chunks."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.samples = 0
        self._low, self._high = np.inf, -np.inf
        self._sum_low, self._sum_high = 0.0, 0.0
        self._channel_sums: Array = np.zeros(1)
        self._histogram = Histogram()

    def add(self, values: Array) -> None:
        """Take values [n, ...] of n samples.

        Raises:
            DataError: a value is NaN or infinite.
        """
        values = np.ascontiguousarray(values, values.dtype if values.dtype in (np.float32, np.float64) else np.float32)
        if not values.size:
            return
        rows = values.reshape(len(values), -1)
        lows, highs = rows.min(1).astype(np.float64), rows.max(1).astype(np.float64)
        self._refuse_non_finite(lows, highs)
        self._low, self._high = min(self._low, float(lows.min())), max(self._high, float(highs.max()))
        self._sum_low, self._sum_high = self._sum_low + float(lows.sum()), self._sum_high + float(highs.sum())
        channels = values.shape[1] if values.ndim > 1 else 1
        per_channel = values.reshape(len(values), channels, -1)
        self._channel_sums = self._channel_sums + per_channel.mean(2, dtype=np.float64).sum(0)
        self._histogram.add(values)
        self.samples += len(values)

    def _refuse_non_finite(self, lows: Array, highs: Array) -> None:
        finite = np.isfinite(lows) & np.isfinite(highs)  # the extremes of a row are NaN where any of its values is
        if not finite.all():
            row = self.samples + int(np.argmin(finite))
            raise DataError(
                f"tensor {self.name!r} is NaN or infinite in the float network for calibration sample {row}: only finite values can be "
                "quantized; check --mean, --std and --layout, and the model's weights"
            )

    def distribution(self) -> Distribution:
        """What was seen.

        Raises:
            DataError: no sample was seen.
        """
        if not self.samples:
            raise DataError(f"tensor {self.name!r} was calibrated on no sample: at least one row of calibration data is needed")
        return Distribution(
            low=self._low,
            high=self._high,
            mean_low=self._sum_low / self.samples,
            mean_high=self._sum_high / self.samples,
            width=self._histogram.width,
            counts=self._histogram.counts,
            zeros=self._histogram.zeros,
            channel_means=self._channel_sums / self.samples,
        )

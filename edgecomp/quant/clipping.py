"""Five ways to choose the range of real values that int8 shall cover, each a function of a tensor's `Distribution`.

Every range holds zero: padding, ReLU and skipped work need an exact zero. A wide range clips nothing and rounds coarsely, a narrow one
the reverse; the methods weigh the two differently, and which is best for a model is a matter of trial (`quality.choose`).
"""

from __future__ import annotations

import numpy as np

from edgecomp.graph import Array
from edgecomp.quant.observers import Distribution

Range = tuple[float, float]

STEPS = 255  # int8 has 256 levels
MSE_CANDIDATES = 256  # a side; finer than one step of int8
KL_CANDIDATES = 96
KL_LEAST_BINS = 4 * (STEPS + 1)  # with few bins a level, rounding would look free


def min_max(seen: Distribution) -> Range:
    """All that was seen."""
    return min(seen.low, 0.0), max(seen.high, 0.0)


def averaged_min_max(seen: Distribution) -> Range:
    """The mean over samples of each sample's extremes: one freak sample moves it little."""
    return min(seen.mean_low, 0.0), max(seen.mean_high, 0.0)


def percentile(seen: Distribution, percent: float = 99.99) -> Range:
    """The range that at most 100 - `percent` of the nonzero values exceed, on either side.

    99.99 % is the value at which Wu et al., "Integer quantization for deep learning inference" (2020, table 5), lose least over
    convolutional networks: 99.9 % clips visibly there, 99.999 % needs more data than a few hundred samples. Zeros are left out, so a
    sparse tensor is not clipped harder than a dense one.
    """
    tail = (1 - percent / 100) * float(seen.counts.sum())
    return _bounded(seen, _quantile(seen, tail, from_high=False), _quantile(seen, tail, from_high=True))


def least_squares(seen: Distribution) -> Range:
    """The range of least expected squared error: what is clipped, plus step^2 / 12 for what is rounded.

    The error of each side is a polynomial in prefix sums over the histogram, so all pairs of candidates are compared at once.
    """
    x, n = seen.centres, seen.counts.astype(np.float64)
    fractions = np.arange(MSE_CANDIDATES + 1) / MSE_CANDIDATES
    lows, highs = min(seen.low, 0.0) * fractions, max(seen.high, 0.0) * fractions
    clipped_high, outside_high = _clipped(x, n, highs)
    clipped_low, outside_low = _clipped(-x[::-1], n[::-1], -lows)
    inside = n.sum() - outside_low[:, None] - outside_high[None, :]
    step = (highs[None, :] - lows[:, None]) / STEPS
    error = clipped_low[:, None] + clipped_high[None, :] + step**2 / 12 * inside
    low, high = np.unravel_index(int(np.argmin(error)), error.shape)
    return _bounded(seen, float(lows[low]), float(highs[high]))


def kl_divergence(seen: Distribution) -> Range:
    """The range whose quantized distribution is closest to the true one in relative entropy.

    Migacz, "8-bit inference with TensorRT" (GTC 2017, slides 34-40), whose search is over one symmetric threshold. Here the two ends are
    searched in turn, twice, each with the other held, since int8 with a zero point has a range of two ends.
    """
    x, n = seen.centres, seen.counts.astype(np.float64)
    low, high = min_max(seen)
    for _ in range(2 if low < 0 < high else 1):
        if high > 0:
            high = min(_candidates(high, high - low, seen.width), key=lambda end: divergence(x, n, low, end))
        if low < 0:
            low = min(_candidates(low, high - low, seen.width), key=lambda end: divergence(x, n, end, high))
    return _bounded(seen, low, high)


def divergence(x: Array, n: Array, low: float, high: float) -> float:
    """Relative entropy between counts `n` at ascending values `x`, clipped to low..high, and the same after quantization to int8.

    As in the source: clipped counts join the outermost bins of the reference; the quantized distribution spreads each level's own count
    evenly over that level's bins that are not empty. A bin that it leaves empty counts as half a value.
    """
    first, end = int(np.searchsorted(x, low)), int(np.searchsorted(x, high, side="right"))
    total = float(n.sum())
    if first >= end or total == 0:
        return np.inf
    kept = n[first:end]
    reference = kept.copy()
    reference[0] += n[:first].sum()
    reference[-1] += n[end:].sum()
    level = np.rint(x[first:end] * (STEPS / (high - low))).astype(np.intp)
    level -= level[0]
    filled = reference > 0
    share = np.bincount(level, kept) / np.maximum(np.bincount(level, filled), 1)
    spread = np.maximum(share[level[filled]] / max(float(kept.sum()), 1.0), 0.5 / total)
    p = reference[filled] / total
    return float((p * np.log(p / spread)).sum())


def _candidates(end: float, span: float, width: float) -> Array:
    """Values for one end of a range, from the present one towards zero, as far as enough bins remain between the ends.

    `min` takes the first of equals, so the widest range comes first.
    """
    other = span - abs(end)
    least = max(KL_LEAST_BINS * width - other, abs(end) / 16)
    candidates: Array = np.sign(end) * np.linspace(abs(end), min(least, abs(end)), KL_CANDIDATES)
    return candidates


def _clipped(x: Array, n: Array, ends: Array) -> tuple[Array, Array]:
    """Squared error of clipping counts `n` at ascending values `x` to each of `ends` from above, and how many are clipped."""
    at = np.searchsorted(x, ends, side="right")
    count, first, second = (np.append(np.cumsum((n * x**power)[::-1])[::-1], 0.0)[at] for power in range(3))
    return np.maximum(second - 2 * ends * first + ends**2 * count, 0.0), count


def _quantile(seen: Distribution, tail: float, from_high: bool) -> float:
    """The value beyond which `tail` values lie, interpolated within a bin."""
    counts = seen.counts[::-1] if from_high else seen.counts
    passed = np.cumsum(counts)
    bin_index = int(np.searchsorted(passed, tail, side="right"))
    if bin_index >= len(counts):
        return 0.0
    within = (tail - (passed[bin_index] - counts[bin_index])) / counts[bin_index]
    distance = (bin_index + within) * seen.width
    edge = len(counts) // 2 * seen.width
    return float(edge - distance if from_high else distance - edge)


def _bounded(seen: Distribution, low: float, high: float) -> Range:
    """Cut to what was seen and widened to hold zero; where nothing would be left of a live tensor, all that was seen."""
    widest = min_max(seen)
    low, high = max(min(low, 0.0), widest[0]), min(max(high, 0.0), widest[1])
    return (low, high) if high > low else widest

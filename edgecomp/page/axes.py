"""Places along an axis, and round numbers for it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10


@dataclass(frozen=True)
class Tick:
    """A line across a plot, where it is and what it says."""

    at: str
    label: str


def place(share: float) -> str:
    """A share of a length 0..1 as CSS and SVG read it; what lies outside is put on the edge."""
    return f"{100 * min(max(share, 0.0), 1.0):.2f}%"


def linear_ticks(largest: float, most: int = 5, binary: bool = False) -> list[float]:
    """Round numbers from 0 to `largest`, at most `most` steps; multiples of powers of two where `binary`."""
    if largest <= 0:
        return [0.0]
    if binary:
        step = 1.0
        while largest / step > most:
            step *= 2
    else:
        power = 10.0 ** floor(log10(largest / most))
        step = next(power * factor for factor in (1, 2, 5, 10) if largest / (power * factor) <= most)
    return [step * index for index in range(floor(largest / step) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers between two positive ones, fewer of each power of ten the more powers there are."""
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    decades = log10(high / low)
    factors = (1.0,) if decades > 3 else (1.0, 2.0, 5.0) if decades > 0.8 else (1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 7.0, 8.5)
    found = [factor * 10.0**power for power in powers for factor in factors]
    return [tick for tick in found if low * 0.999 <= tick <= high * 1.001]

"""Which integers a channel can hold: interval arithmetic over the tensors of the integer network.

Element i of a buffer belongs to channel i % channels: channels are innermost, whatever the dimensions before them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgecomp.qgraph import IntArray

Mask = npt.NDArray[np.bool_]
INT8_MIN, INT8_MAX = -128, 127


@dataclass(frozen=True, eq=False)
class Range:
    """The least and the greatest value that each channel of a tensor takes for any input of the network, int64 [channels]."""

    low: IntArray
    high: IntArray

    @property
    def channels(self) -> int:
        """How many channels the tensor has."""
        return len(self.low)

    @property
    def constant(self) -> Mask:
        """The channels that always hold one value."""
        constant: Mask = self.low == self.high
        return constant

    def over(self, inner: int) -> Range:
        """The range of each of `inner` neighbouring elements, as an operator reads them that counts them as its channels.

        Where its rows do not start with the tensor's first channel, every element may be of any channel.
        """
        if inner % self.channels == 0:
            return Range(np.tile(self.low, inner // self.channels), np.tile(self.high, inner // self.channels))
        return Range(np.full(inner, self.low.min()), np.full(inner, self.high.max()))


def whole(channels: int, low: int = INT8_MIN, high: int = INT8_MAX) -> Range:
    """Every channel may hold any integer in low..high."""
    return Range(np.full(channels, low, np.int64), np.full(channels, high, np.int64))


def held(values: IntArray, channels: int) -> Range:
    """The range of known values, whose number is a multiple of `channels`."""
    rows = values.reshape(-1, channels).astype(np.int64)
    return Range(rows.min(axis=0), rows.max(axis=0))


def dropped_over(dropped: Mask, inner: int) -> Mask:
    """Which of `inner` neighbouring elements belong to dropped channels; none where the rows do not start with the first channel."""
    return np.tile(dropped, inner // len(dropped)) if inner % len(dropped) == 0 else np.zeros(inner, np.bool_)


def dropped_in_all(inner: Mask, channels: int) -> Mask:
    """The channels of which every element may be dropped; none where the rows do not start with the first channel."""
    if len(inner) % channels:
        return np.zeros(channels, np.bool_)
    every: Mask = np.all(inner.reshape(-1, channels), axis=0)
    return every

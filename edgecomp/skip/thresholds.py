"""Thresholds per output channel from an energy budget.

A patch of a channel is predicted to be zero when no value at its mask positions is above theta. What is lost then is the energy of the
outputs at the other positions: the sum of their squares, in steps of the output's quantization. A layer's budget is `beta` times its energy
on the calibration samples. It goes where it buys most: with one price for all channels, each takes the theta at which the
positions left out, less the price times the energy lost, are most; the price is the least that keeps the layer within its budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edgecomp.graph import Array
from edgecomp.qgraph import IntArray
from edgecomp.skip.sites import NOTHING_BELOW, Choice, Site
from edgecomp.skip.spatial_layer import mask_bits

BELOW = np.float32(-1e30)
LEVELS = 256
ENOUGH_PATCHES = 1 << 15  # of a channel
LEAST_SAMPLES = 32
PRICES = (1e-3, 1e5)
PRICE_STEPS = 36


@dataclass(frozen=True, eq=False)
class Patches:
    """A layer's values on the calibration samples by patch, float32 [patch * patch, channels, samples, rows, columns].

    Positions beyond the border hold BELOW and no energy.
    """

    site: Site
    values: Array
    energy: Array

    @cached_property
    def mean_energy(self) -> float:
        """Energy of the layer, mean over the channels that the integer network has."""
        return float(self.total_energy.sum((1, 2, 3), dtype=np.float64)[self.site.kept].mean())

    @cached_property
    def total_energy(self) -> Array:
        """Energy of each patch, [channels, samples, rows, columns]."""
        total: Array = self.energy.sum(0)
        return total


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A choice and what it does to its own layer on the calibration samples: share of outputs left out, share of energy lost."""

    choice: Choice
    skipped: float
    lost: float
    beta: float
    price: float


@dataclass(frozen=True, eq=False)
class Curves:
    """What masks leave out and lose as thresholds rise: each [channels, LEVELS], the first level takes nothing.

    `skipped` is a share of the layer's outputs, `lost` of its energy, both over all channels.
    """

    thresholds: Array
    skipped: Array
    lost: Array

    def levels(self, price: float) -> Array:
        """The best level of each channel at a price of energy."""
        found: Array = (self.skipped - price * self.lost).argmax(1)
        return found

    def at(self, levels: Array) -> tuple[Array, float, float]:
        """Thresholds [channels], share left out and share lost."""
        channels = np.arange(len(levels))
        return self.thresholds[channels, levels], float(self.skipped[channels, levels].sum()), float(self.lost[channels, levels].sum())

    def price(self, beta: float) -> float:
        """The least price at which no more than `beta` of the energy is lost."""
        low, high = PRICES
        for _ in range(PRICE_STEPS):
            middle = float(np.sqrt(low * high))
            low, high = (middle, high) if self.at(self.levels(middle))[2] > beta else (low, middle)
        return high


def cut_patches(site: Site, values: Array) -> Patches:
    """Values [samples, channels, height, width] before the ReLU, by patch; of as many samples as give enough patches."""
    spatial = site.spatial
    values = values[: max(LEAST_SAMPLES, ENOUGH_PATCHES // (spatial.rows * spatial.columns))]
    patch, rows, columns = spatial.patch, spatial.rows, spatial.columns
    beyond = ((0, 0), (0, 0), (0, rows * patch - spatial.height), (0, columns * patch - spatial.width))
    outputs = np.rint(np.maximum(values, 0) / np.float32(site.output_step))
    energy = np.square(np.minimum(outputs, 255, out=outputs))

    def arranged(array: Array, fill: float) -> Array:
        padded = np.pad(array, beyond, constant_values=fill).reshape(-1, spatial.channels, rows, patch, columns, patch)
        return np.ascontiguousarray(padded.transpose(3, 5, 1, 0, 2, 4)).reshape(patch * patch, spatial.channels, -1, rows, columns)

    return Patches(site, arranged(values.astype(np.float32), float(BELOW)), arranged(energy.astype(np.float32), 0.0))


def curves(patches: Patches, masks: IntArray) -> Curves:
    """Curves of masks [rows or 1, columns or 1, channels or 1]."""
    site = patches.site
    most, lost, positions = reduced(patches, masks)
    outputs = patches.values.shape[2] * site.spatial.height * site.spatial.width * int(site.kept.sum())
    energy = max(patches.mean_energy * int(site.kept.sum()), 1e-30)
    shape = (site.spatial.channels, LEVELS + 1)
    thresholds, skipped, spent = np.full(shape, NOTHING_BELOW, np.float32), np.zeros(shape), np.zeros(shape)
    for channel in np.flatnonzero(site.kept):
        order = np.argsort(most[channel])
        values = most[channel][order]
        finite = int(np.searchsorted(values, np.inf))
        if not finite:
            continue
        places = np.linspace(0, finite - 1, LEVELS).astype(np.int64)
        last = np.searchsorted(values, values[places], side="right") - 1
        thresholds[channel, 1:] = values[last]
        skipped[channel, 1:] = np.cumsum(positions[channel][order], dtype=np.float64)[last] / outputs
        spent[channel, 1:] = np.cumsum(lost[channel][order], dtype=np.float64)[last] / energy
    return Curves(thresholds, skipped, spent)


def calibrate(patches: Patches, masks: IntArray, betas: Sequence[float], found: Curves | None = None) -> list[Calibrated]:
    """A choice for each beta, with the same masks; `found` are their curves where these are known."""
    found = found or curves(patches, masks)
    result = []
    for beta in betas:
        price = found.price(beta)
        thresholds, skipped, lost = found.at(found.levels(price))
        result.append(Calibrated(patches.site.settled(Choice(masks, thresholds)), skipped, lost, beta, price))
    return result


def reduced(patches: Patches, masks: IntArray) -> tuple[Array, Array, Array]:
    """Each [channels, patches of all samples]: the largest value of the mask, the energy outside it, and how many positions that is.

    Where the mask is dense the largest value is infinite: such a patch is never left out.
    """
    spatial = patches.site.spatial
    bits = mask_bits(masks, spatial.patch).transpose(3, 2, 0, 1)[:, :, None]  # [places, channels or 1, 1, rows or 1, columns or 1]
    shape = patches.values.shape[1:]
    if masks.size == 1:
        inside = bits.reshape(-1)
        most, kept = patches.values[inside].max(0), patches.energy[inside].sum(0)
    else:
        most = np.where(bits[0], patches.values[0], BELOW)
        kept = np.where(bits[0], patches.energy[0], np.float32(0))
        for bit, values, energy in zip(bits[1:], patches.values[1:], patches.energy[1:], strict=True):
            np.maximum(most, values, out=most, where=np.broadcast_to(bit, shape))
            np.add(kept, energy, out=kept, where=np.broadcast_to(bit, shape))
    lost = patches.total_energy - kept
    positions = np.broadcast_to(spatial.skipped_positions(masks)[:, None].astype(np.float32), shape)
    most = np.where(positions > 0, most, np.float32(np.inf))
    return most.reshape(shape[0], -1), lost.reshape(shape[0], -1), positions.reshape(shape[0], -1)

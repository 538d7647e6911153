"""Thresholds per output channel from an energy budget.

A patch of a channel is predicted to be zero when no value at its mask positions is above theta. What is lost then is the energy of the
outputs at the other positions: the sum of their squares, in steps of the output's quantization. theta of a channel is the largest value
with which the energy lost over the calibration samples stays within `beta` times the layer's mean energy a channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgecomp.graph import Array
from edgecomp.qgraph import IntArray
from edgecomp.skip.sites import NOTHING_BELOW, Choice, Site
from edgecomp.skip.spatial_layer import mask_bits

BELOW = np.float32(-1e30)


@dataclass(frozen=True, eq=False)
class Patches:
    """A layer's values on the calibration samples by patch, float32 [channels, samples, rows, columns, patch * patch].

    Positions beyond the border hold BELOW and no energy.
    """

    site: Site
    values: Array
    energy: Array

    @property
    def mean_energy(self) -> float:
        """Energy of the layer, mean over the channels that the integer network has."""
        return float(self.energy.sum((1, 2, 3, 4), dtype=np.float64)[self.site.kept].mean())


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A choice and what it does to its own layer on the calibration samples: share of positions left out, energy lost a mean energy."""

    choice: Choice
    skipped: float
    lost: float
    beta: float


def cut_patches(site: Site, values: Array) -> Patches:
    """Values [samples, channels, height, width] before the ReLU, by patch."""
    spatial = site.spatial
    patch, rows, columns = spatial.patch, spatial.rows, spatial.columns
    beyond = ((0, 0), (0, 0), (0, rows * patch - spatial.height), (0, columns * patch - spatial.width))
    outputs = np.rint(np.maximum(values, 0) / np.float32(site.output_step))
    energy = np.square(np.minimum(outputs, 255, out=outputs))

    def arranged(array: Array, fill: float) -> Array:
        padded = np.pad(array, beyond, constant_values=fill).reshape(-1, spatial.channels, rows, patch, columns, patch)
        return np.ascontiguousarray(padded.transpose(1, 0, 2, 4, 3, 5)).reshape(spatial.channels, -1, rows, columns, patch * patch)

    return Patches(site, arranged(values.astype(np.float32), float(BELOW)), arranged(energy.astype(np.float32), 0.0))


def calibrate(patches: Patches, masks: IntArray, betas: Sequence[float]) -> list[Calibrated]:
    """A choice for each beta, with the same masks [rows or 1, columns or 1, channels or 1]."""
    site = patches.site
    most, lost, positions = reduced(patches, masks)
    budget_unit = patches.mean_energy
    thresholds = np.full((len(betas), site.spatial.channels), NOTHING_BELOW, np.float32)
    skipped, energy = np.zeros(len(betas)), np.zeros(len(betas))
    for channel in np.flatnonzero(site.kept):
        order = np.argsort(most[channel], kind="stable")
        sorted_most = most[channel][order]
        spent = np.cumsum(lost[channel][order], dtype=np.float64)
        left_out = np.cumsum(positions[channel][order], dtype=np.float64)
        count = np.searchsorted(spent, np.asarray(betas) * budget_unit, side="right")
        thresholds[:, channel] = [between(sorted_most, n) for n in count]
        taken = np.searchsorted(sorted_most, thresholds[:, channel], side="right")
        skipped += np.where(taken > 0, left_out[taken - 1], 0)
        energy += np.where(taken > 0, spent[taken - 1], 0)
    outputs = patches.values.shape[1] * site.spatial.height * site.spatial.width * int(site.kept.sum())
    unit = max(budget_unit * int(site.kept.sum()), 1e-30)
    return [
        Calibrated(site.settled(Choice(masks, thresholds[i])), float(skipped[i] / outputs), float(energy[i] / unit), beta)
        for i, beta in enumerate(betas)
    ]


def reduced(patches: Patches, masks: IntArray) -> tuple[Array, Array, Array]:
    """Each [channels, patches of all samples]: the largest value of the mask, the energy outside it, and how many positions that is.

    Where the mask is dense the largest value is infinite: such a patch is never left out.
    """
    spatial = patches.site.spatial
    bits = mask_bits(masks, spatial.patch).transpose(2, 0, 1, 3)[:, None]  # [channels or 1, 1, rows or 1, columns or 1, places]
    shape = patches.values.shape
    most = np.where(bits, patches.values, BELOW).max(-1)
    lost = np.where(bits, np.float32(0), patches.energy).sum(-1)
    positions = np.broadcast_to(spatial.skipped_positions(masks)[:, None].astype(np.float32), shape[:-1])
    most = np.where(positions > 0, most, np.float32(np.inf))
    return most.reshape(shape[0], -1), lost.reshape(shape[0], -1), positions.reshape(shape[0], -1)


def between(ordered: Array, count: int) -> float:
    """A threshold under which exactly the first `count` of ordered values lie, where equal values allow it."""
    if count == 0:
        return float(NOTHING_BELOW)
    if count == len(ordered) or np.isinf(ordered[count]):
        return float(ordered[count - 1])
    return float((ordered[count - 1] + ordered[count]) / 2) if ordered[count - 1] < ordered[count] else float(np.nextafter(ordered[count], -np.inf))

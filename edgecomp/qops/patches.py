"""Masks of the patches of an output map as kernels store them, and which outputs a spatial prediction computes (`skip.rules.Spatial`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgecomp.graph import Array
from edgecomp.qgraph import IntArray
from edgecomp.qops.proofs import prove, prove_length
from edgecomp.skip.rules import Spatial

LARGEST_PATCH = 4
"""A mask is a 16-bit number."""
SPATIAL_MEMBERS = ("patch", "mask_row_step", "mask_column_step", "mask_channel_step", "masks", "thresholds")
"""The fields that operators which predict have in common."""


def spatial_members(rule: Spatial) -> dict[str, Any]:
    """The fields that a rule becomes: masks bit by bit, and the step in masks along each axis, 0 where it is collapsed."""
    masks = np.asarray(rule.masks)
    rows, columns, channels = masks.shape
    bits = masks.reshape(-1, 1) >> np.arange(rule.patch * rule.patch) & 1
    return {
        "patch": rule.patch,
        "mask_row_step": columns * channels if rows > 1 else 0,
        "mask_column_step": channels if columns > 1 else 0,
        "mask_channel_step": 1 if channels > 1 else 0,
        "masks": np.packbits(bits.astype(np.uint8).reshape(-1), bitorder="little"),
        "thresholds": np.asarray(rule.thresholds, np.int32),
    }


@dataclass(frozen=True, eq=False)
class Patches:
    """The rule once more, as an operator's fields hold it: `rows` x `columns` patches over an output of `channels`."""

    patch: int
    rows: int
    columns: int
    channels: int
    mask_row_step: int
    mask_column_step: int
    mask_channel_step: int
    masks: IntArray
    thresholds: IntArray

    @classmethod
    def of(cls, op: Any) -> Patches:
        """Those of an operator with the fields of `spatial_members`."""
        rows, columns = -(-op.output_h // op.patch), -(-op.output_w // op.patch)
        steps = (op.mask_row_step, op.mask_column_step, op.mask_channel_step)
        return cls(op.patch, rows, columns, op.output_c, *steps, np.asarray(op.masks, np.uint8), np.asarray(op.thresholds))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the masks; 1 along a collapsed axis."""
        return (
            self.rows if self.mask_row_step else 1,
            self.columns if self.mask_column_step else 1,
            self.channels if self.mask_channel_step else 1,
        )

    @property
    def bits(self) -> Array:
        """bool [patch * patch, *shape]: whether a position is always computed."""
        rows, columns, channels = (np.arange(size) for size in self.shape)
        mask = rows[:, None, None] * self.mask_row_step + columns[:, None] * self.mask_column_step + channels * self.mask_channel_step
        positions = np.arange(self.patch * self.patch).reshape(-1, 1, 1, 1)
        unpacked = np.unpackbits(self.masks.astype(np.uint8), bitorder="little").astype(bool)
        found: Array = unpacked[mask[None] * self.patch * self.patch + positions]
        return found

    @property
    def uniform_mask(self) -> int | None:
        """The mask as a number, where one serves all patches and channels."""
        if self.shape != (1, 1, 1):
            return None
        return int((self.bits.reshape(-1).astype(np.int64) << np.arange(self.patch * self.patch)).sum())

    def computed(self, sums: IntArray) -> Array:
        """Which outputs are computed, bool [S, H, W, C], judged on accumulators of that shape."""
        bits = self.bits
        alive = np.zeros((len(sums), self.rows, self.columns, self.channels), bool)
        for (y, x), always in zip(np.ndindex(self.patch, self.patch), bits, strict=True):
            if always.any():
                above = sums[:, y :: self.patch, x :: self.patch] > self.thresholds
                rows, columns = above.shape[1:3]
                alive[:, :rows, :columns] |= above & np.broadcast_to(always, alive.shape[1:])[:rows, :columns]
        found = np.empty(sums.shape, bool)
        for (y, x), always in zip(np.ndindex(self.patch, self.patch), bits, strict=True):
            part = found[:, y :: self.patch, x :: self.patch]
            rows, columns = part.shape[1:3]
            part[...] = (alive | always)[:, :rows, :columns]
        return found

    @staticmethod
    def verify(op: Any) -> None:
        """Prove for `op`, which has the fields of `spatial_members`, that every patch and channel has a mask and a threshold.

        Raises:
            ValueError: it has not.
        """
        prove(op, "patch", 1 <= op.patch <= LARGEST_PATCH, f"must be 1..{LARGEST_PATCH}, found {op.patch}")
        rows, columns, channels = Patches.of(op).shape
        for item, step in (("channel", 1), ("column", channels), ("row", columns * channels)):
            found = getattr(op, f"mask_{item}_step")
            prove(op, f"mask_{item}_step", found in (0, step), f"must be 0 or {step}, found {found}")
        prove_length(op, "masks", -(-rows * columns * channels * op.patch * op.patch // 8))
        prove_length(op, "thresholds", op.output_c)

"""Spatial zero prediction in the forward pass: what `skip.spatial_layer` builds of ONNX operators, with gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgecomp.graph import Array
from edgecomp.qgraph import IntArray
from edgecomp.skip.spatial_layer import SpatialLayer, mask_bits
from edgecomp.train.installation import require_torch

if TYPE_CHECKING:
    from torch import Tensor

NEVER = -1e30
"""Below every value."""


class SpatialPrediction:
    """Zeros where a patch is predicted to be zero; called with the tensor before the ReLU, [N, channels, height, width].

    A position that is left out gets no gradient: it did not take part. With `straight_through` it gets the gradient of what it would
    have been read with, so that the network may also learn to do with it. After a call, `computed`, bool [N, channels, rows, columns],
    says which patches were computed whole; with `keep_most`, `most` of the same shape is the largest value at a patch's mask positions
    less its threshold, with gradients.
    """

    def __init__(
        self, layer: SpatialLayer, masks: IntArray, thresholds: Array, straight_through: bool = False, keep_most: bool = False
    ) -> None:
        """Masks, uint16 [rows or 1, columns or 1, channels or 1], as in `rules.Spatial`; real thresholds [channels].

        Raises:
            ToolError: PyTorch is missing.
        """
        require_torch()
        import torch

        self.layer = layer
        self.straight_through = straight_through
        self.keep_most = keep_most
        self.level = torch.from_numpy(np.array(thresholds, np.float32).reshape(-1, 1, 1))
        self.places = tuple(_Place(layer, masks, place) for place in range(layer.patch**2))
        self.most: Tensor | None = None
        self.computed: Tensor | None = None

    def __call__(self, x: Tensor) -> Tensor:
        import torch

        with torch.no_grad():
            self.computed = self.decide(x)
        if self.keep_most:
            self.most = self.largest(x)
        kept = torch.where(self.positions(x, self.computed), x, 0.0)
        return x + (kept - x).detach() if self.straight_through else kept

    def decide(self, x: Tensor) -> Tensor:
        """Whether a value at a mask position of each patch is above its threshold."""
        import torch

        layer = self.layer
        found = torch.zeros((len(x), layer.rows, layer.columns, layer.channels), dtype=torch.bool).permute(0, 3, 1, 2)
        for place in self.places:
            if place.any:
                above = place.of(x) > self.level
                place.within(found).logical_or_(above if place.all else above & place.mask)
        return found

    def positions(self, x: Tensor, computed: Tensor) -> Tensor:
        """Which positions of `x` are computed, bool of its shape."""
        import torch

        found = torch.ones_like(x, dtype=torch.bool)
        for place in self.places:
            if not place.all:
                kept = place.within(computed)
                place.of(found).copy_(kept | place.mask if place.any else kept)
        return found

    def largest(self, x: Tensor) -> Tensor:
        """The largest value at a mask position of each patch, less its threshold."""
        import torch
        import torch.nn.functional as F

        layer = self.layer
        found: Tensor | None = None
        for place in self.places:
            if not place.any:
                continue
            value = place.of(x) - self.level
            value = value if place.all else torch.where(place.mask, value, NEVER)
            value = F.pad(value, (0, layer.columns - value.shape[3], 0, layer.rows - value.shape[2]), value=NEVER)
            found = value if found is None else torch.maximum(found, value)
        return x.new_full((len(x), layer.channels, layer.rows, layer.columns), NEVER) if found is None else found


class _Place:
    """One position of the patch in all patches: `mask` [channels or 1, rows, columns] says where it is always computed."""

    def __init__(self, layer: SpatialLayer, masks: IntArray, place: int) -> None:
        import torch

        self.patch = layer.patch
        self.row, self.column = divmod(place, layer.patch)
        bits = mask_bits(masks, layer.patch)[..., place].transpose(2, 0, 1)
        self.any, self.all = bool(bits.any()), bool(bits.all())
        self.rows = len(range(self.row, layer.height, layer.patch))
        self.columns = len(range(self.column, layer.width, layer.patch))
        whole = np.broadcast_to(bits, (len(bits), layer.rows, layer.columns))
        self.mask = torch.from_numpy(np.array(whole[:, : self.rows, : self.columns], order="C"))

    def of(self, x: Tensor) -> Tensor:
        """A view of the position's values, one a patch."""
        return x[:, :, self.row :: self.patch, self.column :: self.patch]

    def within(self, patches: Tensor) -> Tensor:
        """A view of the patches that have the position: those at the border may not."""
        return patches[:, :, : self.rows, : self.columns]

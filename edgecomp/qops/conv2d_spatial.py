"""2-D convolution that computes some positions of each patch of its output, and the others only where those are not all small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.qgraph import U8, U16, U32, IntArray, S32Array, U8Array
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.patches import Patches, spatial_members
from edgecomp.qops.windows import CHUNK_BYTES
from edgecomp.skip.rules import Spatial


@dataclass(frozen=True, eq=False)
class Conv2DSpatial(Conv2D):
    """`Conv2D`, but an output that is predicted to be zero is `output_zero_point`; `skip.rules.Spatial` has the rule.

    Mask (row * mask_row_step + column * mask_column_step + channel * mask_channel_step) of `masks`, patch * patch bits each without
    gaps from the lowest bit of the first byte on, belongs to a patch and channel; a step of 0 says that an axis shares its masks.
    """

    kernel: ClassVar[str] = "conv2d_spatial_s8"

    patch: U8
    mask_row_step: U32
    mask_column_step: U16
    mask_channel_step: U8
    masks: U8Array
    thresholds: S32Array

    @classmethod
    def of(cls, conv: Conv2D, rule: Spatial) -> Conv2DSpatial:
        """`conv` under a rule judged on its output."""
        return cls(**conv.convolution_members, **spatial_members(rule))

    @property
    def patches(self) -> Patches:
        """Masks and thresholds."""
        return Patches.of(self)

    def _evaluate_chunk(self, x: IntArray) -> IntArray:
        accumulators = self._accumulators(x)
        outputs = self._rescaled(accumulators)
        computed = self.patches.computed(self._as_map(accumulators))
        return np.where(computed.reshape(outputs.shape), outputs, np.int8(self.output_zero_point))

    def sums(self, x: IntArray) -> IntArray:
        """The accumulators that are judged, int64 [S, output_h, output_w, output_c]."""
        return self._as_map(self._accumulators(x.reshape(-1, self.input_h, self.input_w, self.input_c)))

    def computed_outputs(self, *inputs: IntArray) -> int:
        """How many outputs are computed over all samples."""
        x = inputs[0].reshape(-1, self.input_h, self.input_w, self.input_c)
        taps_bytes = 4 * self.kernel_h * self.kernel_w * self.input_c
        step = max(1, CHUNK_BYTES // (self.output_h * self.output_w * (taps_bytes + 16 * self.output_c)))
        chunks = (x[start : start + step] for start in range(0, len(x), step))
        return sum(int(np.count_nonzero(self.patches.computed(self.sums(chunk)))) for chunk in chunks)

    def executed_macs(self, *inputs: IntArray) -> int:
        return self.computed_outputs(*inputs) * self.kernel_h * self.kernel_w * (self.input_c // self.groups)

    def _as_map(self, values: IntArray) -> IntArray:
        return values.reshape(-1, self.output_h, self.output_w, self.output_c)

    @property
    def describe(self) -> str:
        return f"{super().describe}, {self.patch}x{self.patch} predicted"

    def verify(self) -> None:
        super().verify()
        Patches.verify(self)

"""2-D convolution plus a residual that computes some positions of each patch of the sum, and the others only where those are not small."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from edgecomp.graph import Array
from edgecomp.qgraph import S8, U8, U16, U32, IntArray, S32Array, U8Array
from edgecomp.qops.conv2d_add import Conv2DAdd
from edgecomp.qops.patches import Patches, spatial_members
from edgecomp.qops.proofs import prove
from edgecomp.qops.windows import CHUNK_BYTES, in_chunks
from edgecomp.skip.rules import Spatial

SAMPLE_COPIES = 16
"""Bytes of working memory an output."""


@dataclass(frozen=True, eq=False)
class Conv2DAddSpatial(Conv2DAdd):
    """`Conv2DAdd`, but a sum that is predicted to be zero is `sum_zero_point`; the masks are those of `Conv2DSpatial`.

    Thresholds are of the sum before its right shift and clamp. `strip_rows` is `patch`.
    """

    kernel: ClassVar[str] = "conv2d_add_spatial_s8"

    sum_zero_point: S8
    patch: U8
    mask_row_step: U32
    mask_column_step: U16
    mask_channel_step: U8
    masks: U8Array
    thresholds: S32Array

    @classmethod
    def of(cls, conv_add: Conv2DAdd, rule: Spatial, zero_point: int | None = None) -> Conv2DAddSpatial:
        """`conv_add` under a rule judged on its sum; the zero point of that is the least value a ReLU lets through unless given."""
        members = {item.name: getattr(conv_add, item.name) for item in fields(Conv2DAdd)} | {"strip_rows": rule.patch}
        zero = conv_add.sum_clamp_min if zero_point is None else zero_point
        return cls(**members, sum_zero_point=zero, **spatial_members(rule))

    @property
    def patches(self) -> Patches:
        """Masks and thresholds."""
        return Patches.of(self)

    def evaluate(self, *inputs: IntArray) -> IntArray:
        size = self.output_h * self.output_w * self.output_c

        def compute(samples: IntArray) -> IntArray:
            sums = self.sums(*(x[samples[0] : samples[-1] + 1] for x in inputs))
            outputs = np.clip(sums >> self.sum_right_shift, self.sum_clamp_min, self.sum_clamp_max)
            return np.where(self.patches.computed(sums), outputs, self.sum_zero_point)

        return in_chunks(np.arange(len(inputs[0])), size, SAMPLE_COPIES * size, compute)

    def executed_macs(self, *inputs: IntArray) -> int:
        step = max(1, CHUNK_BYTES // (SAMPLE_COPIES * self.output_h * self.output_w * self.output_c))
        chunks = ([x[start : start + step] for x in inputs] for start in range(0, len(inputs[0]), step))
        computed = sum(int(np.count_nonzero(self.patches.computed(self.sums(*chunk)))) for chunk in chunks)
        return computed * self.kernel_h * self.kernel_w * (self.input_c // self.groups)

    def sums(self, *inputs: IntArray) -> Array:
        """The accumulators that are judged, int32 [S, H, W, C]."""
        shape = (-1, self.output_h, self.output_w, self.output_c)
        total = self.convolution.evaluate(inputs[0]).reshape(shape) * np.int32(self.weight_conv)
        total += inputs[1].reshape(shape) * np.int32(self.weight_residual)
        total += np.int32(self.sum_bias)
        return total

    @property
    def describe(self) -> str:
        return f"{super().describe}, {self.patch}x{self.patch} predicted"

    def verify(self) -> None:
        super().verify()
        Patches.verify(self)
        prove(self, "strip_rows", self.strip_rows == self.patch, f"must be the {self.patch} rows of a patch, found {self.strip_rows}")

"""2-D convolution that predicts zeros, and max pooling of its output, which never exists as a whole."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

from edgecomp.qgraph import U8, U16, U32, IntArray, QOp, S32Array, U8Array
from edgecomp.qops.conv2d_max_pool import Conv2DMaxPool
from edgecomp.qops.conv2d_spatial import Conv2DSpatial
from edgecomp.qops.patches import SPATIAL_MEMBERS, spatial_members
from edgecomp.qops.proofs import prove, prove_part
from edgecomp.skip.rules import Spatial


@dataclass(frozen=True, eq=False)
class Conv2DMaxPoolSpatial(Conv2DMaxPool):
    """out = max_pool2d(conv2d_spatial(input)); the rule is judged on the convolution's output."""

    kernel: ClassVar[str] = "conv2d_max_pool_spatial_s8"

    patch: U8
    mask_row_step: U32
    mask_column_step: U16
    mask_channel_step: U8
    masks: U8Array
    thresholds: S32Array

    @classmethod
    def of(cls, conv_pool: Conv2DMaxPool, rule: Spatial) -> Conv2DMaxPoolSpatial:
        """`conv_pool` under a rule judged on its convolution's output; `joins` says whether that can be."""
        members = {item.name: getattr(conv_pool, item.name) for item in fields(Conv2DMaxPool)}
        return cls(**members, **spatial_members(rule))

    @classmethod
    def following(cls, conv: Conv2DSpatial, conv_pool: Conv2DMaxPool) -> Conv2DMaxPoolSpatial:
        """`conv_pool` whose convolution predicts as `conv`, the same otherwise, does."""
        members = {item.name: getattr(conv_pool, item.name) for item in fields(Conv2DMaxPool)}
        return cls(**members, **{name: getattr(conv, name) for name in SPATIAL_MEMBERS})

    @staticmethod
    def joins(conv_pool: Conv2DMaxPool, patch: int) -> bool:
        """Whether each window of the pool reads whole rows of patches, and none reads those of another."""
        rows, stride = conv_pool.pool_kernel_h, conv_pool.pool_stride_h
        read = (conv_pool.pooled_h - 1) * stride < conv_pool.output_h
        return rows == stride and rows % patch == 0 and conv_pool.pool_pad_top == 0 and read

    @property
    def spatial(self) -> Conv2DSpatial:
        """The convolution alone, with its prediction."""
        return Conv2DSpatial(**{item.name: getattr(self, item.name) for item in fields(Conv2DSpatial)})

    @property
    def parts(self) -> tuple[QOp, ...]:
        return self.spatial, self.pool

    def evaluate(self, *inputs: IntArray) -> IntArray:
        return self.pool.evaluate(self.spatial.evaluate(inputs[0]))

    def executed_macs(self, *inputs: IntArray) -> int:
        return self.spatial.executed_macs(*inputs)

    @property
    def describe(self) -> str:
        return f"{super().describe}, {self.patch}x{self.patch} predicted"

    def verify(self) -> None:
        super().verify()
        prove(self, "pool_kernel_h", self.joins(self, self.patch), "a window of the pool must read rows of patches of its own")
        prove_part(self, "patch", self.spatial)

"""2-D convolution and max pooling of its output, which never exists as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgecomp.qgraph import S8, U16, IntArray, QOp, Work
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.max_pool2d import MaxPool2D
from edgecomp.qops.proofs import prove, prove_part
from edgecomp.qops.windows import window_text


@dataclass(frozen=True, eq=False)
class Conv2DMaxPool(Conv2D):
    """out = max_pool2d(conv2d(input)): the convolution with its own rescaling to int8, then the pool, without dilation.

    `output_h` and `output_w` are those of the convolution, `pooled_h` and `pooled_w` those of the output.
    """

    kernel: ClassVar[str] = "conv2d_max_pool_s8"

    pooled_h: U16
    pooled_w: U16
    pool_kernel_h: U16
    pool_kernel_w: U16
    pool_stride_h: U16
    pool_stride_w: U16
    pool_pad_top: U16
    pool_pad_left: U16
    pool_clamp_min: S8
    pool_clamp_max: S8
    strip_rows: U16

    @classmethod
    def joined(cls, conv: Conv2D, pool: MaxPool2D) -> Conv2DMaxPool:
        """`pool` of the convolution's output; it has no dilation."""
        return cls(
            **conv.convolution_members,
            pooled_h=pool.output_h,
            pooled_w=pool.output_w,
            pool_kernel_h=pool.kernel_h,
            pool_kernel_w=pool.kernel_w,
            pool_stride_h=pool.stride_h,
            pool_stride_w=pool.stride_w,
            pool_pad_top=pool.pad_top,
            pool_pad_left=pool.pad_left,
            pool_clamp_min=pool.clamp_min,
            pool_clamp_max=pool.clamp_max,
            strip_rows=min(pool.kernel_h, conv.output_h),
        )

    @property
    def pool(self) -> MaxPool2D:
        """The pool alone."""
        return MaxPool2D(
            input_h=self.output_h,
            input_w=self.output_w,
            input_c=self.output_c,
            output_h=self.pooled_h,
            output_w=self.pooled_w,
            kernel_h=self.pool_kernel_h,
            kernel_w=self.pool_kernel_w,
            stride_h=self.pool_stride_h,
            stride_w=self.pool_stride_w,
            dilation_h=1,
            dilation_w=1,
            pad_top=self.pool_pad_top,
            pad_left=self.pool_pad_left,
            clamp_min=self.pool_clamp_min,
            clamp_max=self.pool_clamp_max,
        )

    @property
    def parts(self) -> tuple[QOp, ...]:
        return self.convolution, self.pool

    @property
    def calls(self) -> int:
        return self.pooled_h

    def evaluate(self, *inputs: IntArray) -> IntArray:
        return self.pool.evaluate(super().evaluate(inputs[0]))

    @property
    def work(self) -> Work:
        return super().work + self.pool.work

    @property
    def describe(self) -> str:
        return f"{super().describe}, max {window_text(self.pool)}"

    def verify(self) -> None:
        super().verify()
        needed = min(self.pool_kernel_h, self.output_h)
        prove(self, "strip_rows", self.strip_rows == needed, f"must be the {needed} rows of a pool's window, found {self.strip_rows}")
        prove_part(self, "pooled_h", self.pool)

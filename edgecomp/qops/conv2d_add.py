"""2-D convolution plus a residual: the convolution's own output never exists as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgecomp.qgraph import S8, S16, S32, U8, U16, IntArray, QOp, Work
from edgecomp.qops.add import Add
from edgecomp.qops.boxes import broadcast_box
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.proofs import prove, prove_part


@dataclass(frozen=True, eq=False)
class Conv2DAdd(Conv2D):
    """out = add(conv2d(inputs[0]), inputs[1]): the convolution with its own rescaling to int8, then the weighted sum of `Add`.

    The output may take the place of the residual, of which each element is read just before it is written. How many rows are computed
    together, `strip_rows`, changes no bit; a kernel chooses it when weights are laid out for it.
    """

    kernel: ClassVar[str] = "conv2d_add_s8"
    arity: ClassVar[int] = 2
    in_place: ClassVar[bool] = True
    in_place_from: ClassVar[int] = 1

    weight_conv: S16
    weight_residual: S16
    sum_bias: S32
    sum_right_shift: U8
    sum_clamp_min: S8
    sum_clamp_max: S8
    strip_rows: U16

    @classmethod
    def joined(cls, conv: Conv2D, add: Add, conv_is_first: bool) -> Conv2DAdd:
        """`add` of the convolution's output and a tensor of the same shape, in either order."""
        of_conv, of_residual = (add.weight_a, add.weight_b) if conv_is_first else (add.weight_b, add.weight_a)
        return cls(
            **conv.convolution_members,
            weight_conv=of_conv,
            weight_residual=of_residual,
            sum_bias=add.bias,
            sum_right_shift=add.right_shift,
            sum_clamp_min=add.clamp_min,
            sum_clamp_max=add.clamp_max,
            strip_rows=1,
        )

    @property
    def add(self) -> Add:
        """The sum alone."""
        size = (self.output_h * self.output_w * self.output_c,)
        weights = (self.weight_conv, self.weight_residual, self.sum_bias, self.sum_right_shift)
        return Add(*broadcast_box(size, size), *weights, self.sum_clamp_min, self.sum_clamp_max)

    @property
    def parts(self) -> tuple[QOp, ...]:
        return self.convolution, self.add

    @property
    def calls(self) -> int:
        return -(-self.output_h // self.strip_rows)

    def evaluate(self, *inputs: IntArray) -> IntArray:
        return self.add.evaluate(super().evaluate(inputs[0]), inputs[1])

    @property
    def work(self) -> Work:
        return super().work + self.add.work

    @property
    def describe(self) -> str:
        return f"{super().describe} + residual"

    def verify(self) -> None:
        super().verify()
        prove(self, "strip_rows", self.strip_rows >= 1, f"must be at least 1, found {self.strip_rows}")
        prove_part(self, "sum_bias", self.add)

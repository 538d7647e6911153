"""Leaky ReLU with a learned slope."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgecomp.graph import Array, Node
from edgecomp.ops.base import Imported, OnnxNode, Operator, refusal
from edgecomp.qops.prelu import PRelu as PReluKernel
from edgecomp.qops.prelu import prelu_weights

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering


@dataclass(frozen=True)
class PRelu(Operator):
    """x where x >= 0, slope * x elsewhere; the constant slope broadcasts to x."""

    limits: ClassVar[str] = "constant slope: one value, or one a channel"
    fuses_clamp: ClassVar[bool] = True

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        node.constant(1, "slope")
        return super().from_onnx(node)

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x, slope = inputs
        assert x is not None and slope is not None
        if slope.ndim == 1 and x.ndim > 2 and slope.size == x.shape[1] != x.shape[-1]:
            slope = slope.reshape(-1, *(1,) * (x.ndim - 2))  # opset 6: one value a channel
        return (np.where(x >= 0, x, slope * x),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        x = str(node.inputs[0])
        slope, shape = lowering.constant(node.inputs[1]), lowering.shape(x)
        assert slope is not None
        if slope.ndim == 1 and len(shape) > 2 and slope.size == shape[1] != shape[-1]:
            slope = slope.reshape(-1, *(1,) * (len(shape) - 2))
        aligned = (1,) * (len(shape) - slope.ndim) + slope.shape
        axes = [axis for axis, size in enumerate(aligned) if size != 1]
        if len(axes) > 1:
            raise refusal(node, f"a slope of shape {slope.shape}", "one value, or one a channel", "Relu and Mul")
        value = lowering.plain(x)
        order = value.permutation if not axes else (*(a for a in value.permutation if a != axes[0]), axes[0])
        source, result = lowering.quant(x), lowering.result(node)
        one, slopes, multiplier, shift = prelu_weights(slope, source.step, result.quant.step)
        op = PReluKernel(
            count=prod(shape),
            channels=slope.size,
            input_zero_point=source.zero,
            output_zero_point=result.quant.zero,
            clamp_min=result.clamp_min,
            clamp_max=result.clamp_max,
            one=one,
            slope=slopes,
            multiplier=multiplier,
            shift=shift,
        )
        lowering.emit(op, (lowering.ordered(x, order),), result, order)

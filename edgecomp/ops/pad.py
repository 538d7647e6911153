"""Padding with a constant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgecomp.graph import Array, Node, Shape
from edgecomp.ops.base import Imported, OnnxCall, OnnxNode, Operator
from edgecomp.qops.copy import Copy
from edgecomp.quant.scheme import Quant, from_range

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering

LARGEST_MEANT = 1e4
"""Padding beyond it is meant as infinite: below all values, or above."""


@dataclass(frozen=True)
class Pad(Operator):
    """`pads` (all begins, then all ends, one a tensor axis) elements of `value` around the input."""

    limits: ClassVar[str] = "mode constant; constant padding, none negative"
    keeps_scale: ClassVar[bool] = True

    pads: Shape
    value: float = 0.0

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        rank = len(node.shape(0))
        mode = node.attributes.get("mode", b"constant").decode()
        if mode != "constant":
            rewrite = "pad with zeros (padding_mode='zeros'), or build the border with Slice and Concat"
            raise node.reject(f"mode={mode!r}", "mode='constant'", rewrite)
        if node.opset < 11:
            given, value = node.attributes.get("pads", node.attributes.get("paddings", ())), node.attributes.get("value", 0.0)
            axes = list(range(rank))
        else:
            given, constant = node.constant(1, "padding"), node.constant(2, "value")
            value = 0.0 if constant is None or not constant.size else constant.reshape(-1)[0]
            chosen = node.constant(3, "axes")
            axes = list(range(rank)) if chosen is None else [int(axis) % rank for axis in chosen]
        amounts = [0] * (2 * rank)
        for index, axis in enumerate(axes):
            amounts[axis], amounts[axis + rank] = int(given[index]), int(given[index + len(axes)])
        if min(amounts) < 0:
            raise node.reject(f"pads={amounts}", "no negative padding", "crop with Slice")
        return cls(tuple(amounts), float(value)), node.inputs[:1]

    def to_onnx(self) -> OnnxCall:
        return OnnxCall("Pad", {"mode": "constant"}, (np.asarray(self.pads, np.int64), np.asarray(self.value, np.float32)))

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        amounts = tuple(zip(self.pads[: x.ndim], self.pads[x.ndim :], strict=True))
        return (np.pad(x, amounts, constant_values=self.value),)

    def kept_quant(self, quant: Quant) -> Quant:
        """Wide enough for the padding; what stands for minus or plus infinity saturates."""
        low, high = quant.range
        if low <= self.value <= high or abs(self.value) > LARGEST_MEANT:
            return quant
        return from_range(min(low, self.value), max(high, self.value))

    def lower(self, node: Node, lowering: Lowering) -> None:
        quant = lowering.quant(node.outputs[0])
        value = lowering.at_scale(node, lowering.plain(str(node.inputs[0])), quant)
        order, rank = value.permutation, len(value.shape)
        before, after = ([self.pads[axis + offset] for axis in order] for offset in (0, rank))
        fill = int(quant.quantize(np.clip(np.array(self.value, np.float64), -3e38, 3e38)))
        lowering.move(node, Copy.padded(value.stored, before, after, fill), value.tensor, order)

"""Between real numbers and integers: the markers of a quantized model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from onnx import helper

from edgecomp.graph import Array
from edgecomp.ops.base import Imported, OnnxCall, OnnxNode, Operator

QUANTIZED_TYPES = ("int8", "uint8", "int16", "uint16")
DEQUANTIZED_TYPES = (*QUANTIZED_TYPES, "int32")


@dataclass(frozen=True)
class QuantizeLinear(Operator):
    """saturate(round_to_even(x / scale) + zero_point); inputs x, constant scale, constant zero_point or none.

    scale and zero_point are one number, or one a channel along `axis`. `dtype` is the integer type of the output.
    """

    limits: ClassVar[str] = "int8, uint8, int16, uint16; per tensor or axis; constant scale"

    axis: int | None = None
    dtype: str = "uint8"

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        zero_point = node.constant(2, "zero point")
        wanted = int(node.attributes.get("output_dtype", 0))
        dtype = helper.tensor_dtype_to_np_dtype(wanted).name if wanted else "uint8"
        dtype = dtype if zero_point is None else zero_point.dtype.name
        if dtype not in QUANTIZED_TYPES:
            raise node.reject(f"type {dtype}", f"one of {', '.join(QUANTIZED_TYPES)}", "quantize to int8")
        return cls(_axis(node), dtype), node.inputs

    def to_onnx(self) -> OnnxCall:
        return OnnxCall("QuantizeLinear", {} if self.axis is None else {"axis": self.axis})

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x, scale, zero_point = (*inputs, None)[:3]
        assert x is not None and scale is not None
        limits = np.iinfo(self.dtype)
        steps = np.rint(x / _along(scale, self.axis, x.ndim))
        offset = 0 if zero_point is None else _along(zero_point.astype(np.int64), self.axis, x.ndim)
        return (np.clip(steps + offset, limits.min, limits.max).astype(self.dtype),)


@dataclass(frozen=True)
class DequantizeLinear(Operator):
    """(x - zero_point) * scale; inputs x, constant scale, constant zero_point or none, as in QuantizeLinear."""

    limits: ClassVar[str] = "int8, uint8, int16, uint16, int32; per tensor or axis; constant scale"

    axis: int | None = None

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        zero_point = node.constant(2, "zero point")
        if zero_point is not None and zero_point.dtype.name not in DEQUANTIZED_TYPES:
            raise node.reject(f"type {zero_point.dtype.name}", f"one of {', '.join(DEQUANTIZED_TYPES)}", "quantize to int8")
        return cls(_axis(node)), node.inputs

    def to_onnx(self) -> OnnxCall:
        return OnnxCall("DequantizeLinear", {} if self.axis is None else {"axis": self.axis})

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x, scale, zero_point = (*inputs, None)[:3]
        assert x is not None and scale is not None
        offset = 0 if zero_point is None else _along(zero_point.astype(np.int64), self.axis, x.ndim)
        return (((x.astype(np.int64) - offset) * _along(scale, self.axis, x.ndim)).astype(np.float32),)


def _axis(node: OnnxNode) -> int | None:
    """The quantized axis, None where one scale serves the whole tensor."""
    scale = node.constant(1, "scale")
    if scale is None:
        raise node.reject("no scale", "a constant scale", "give the scale")
    if int(node.attributes.get("block_size", 0)):
        raise node.reject("block_size > 0", "one scale a tensor or a channel", "quantize per tensor or per channel")
    if not (np.all(np.isfinite(scale)) and np.all(scale > 0)):
        raise node.reject("a scale that is not positive", "finite scales > 0", "calibrate the model again")
    rank = len(node.shape(0))
    axis = int(node.attributes.get("axis", 1)) % max(rank, 1)
    if scale.ndim == 0 or (scale.size == 1 and scale.ndim <= 1 and (not rank or node.shape(0)[axis] != 1)):
        return None
    if scale.ndim != 1 or scale.size != node.shape(0)[axis]:
        raise node.reject(
            f"a scale of shape {scale.shape} on axis {axis} of {node.shape(0)}", "one scale, or one a channel", "correct the scale"
        )
    return axis


def _along(values: Array, axis: int | None, rank: int) -> Array:
    """One value a channel, shaped to broadcast; float scales stay float32."""
    return values.reshape(()) if axis is None else values.reshape([-1 if index == axis else 1 for index in range(rank)])

"""A float network with the quantization of its tensors decided: what a QDQ ONNX file says, in one object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from edgecomp.graph import Array, Graph
from edgecomp.qgraph import IntArray

INT8_MIN, INT8_MAX = -128, 127
WEIGHT_MAX = 127  # weights are symmetric: -127..127


@dataclass(frozen=True, eq=False)
class Quant:
    """real = scale * (q - zero_point). `scale` is float32, one value or one a channel along `axis`; so is `zero_point`."""

    scale: Array
    zero_point: IntArray
    dtype: str = "int8"
    axis: int | None = None

    @property
    def step(self) -> float:
        """The scale of a tensor quantized as a whole."""
        return float(self.scale.reshape(()))

    @property
    def zero(self) -> int:
        """The zero point of a tensor quantized as a whole."""
        return int(self.zero_point.reshape(()))

    @property
    def range(self) -> tuple[float, float]:
        """Least and largest real value of a tensor quantized as a whole."""
        info = np.iinfo(self.dtype)
        return (info.min - self.zero) * self.step, (info.max - self.zero) * self.step

    def along(self, values: Array, rank: int) -> Array:
        """`scale` or `zero_point` shaped to broadcast over a tensor of this rank."""
        return values.reshape([-1 if axis == self.axis else 1 for axis in range(rank)]) if self.axis is not None else values.reshape(())

    def quantize(self, values: Array) -> IntArray:
        """Nearest integers (ties to even, as ONNX QuantizeLinear), saturated to the type."""
        info = np.iinfo(self.dtype)
        scaled = np.rint(values.astype(np.float64) / self.along(self.scale.astype(np.float64), values.ndim))
        q: IntArray = np.clip(scaled + self.along(self.zero_point, values.ndim), info.min, info.max).astype(self.dtype)
        return q

    def dequantize(self, integers: IntArray) -> Array:
        """The real values, float32."""
        offset = integers.astype(np.int64) - self.along(self.zero_point.astype(np.int64), integers.ndim)
        values: Array = (offset * self.along(self.scale.astype(np.float64), integers.ndim)).astype(np.float32)
        return values


def whole(scale: float, zero_point: int, dtype: str = "int8") -> Quant:
    """The quantization of a tensor as a whole; the scale is rounded to float32, as ONNX stores it."""
    return Quant(np.asarray(scale, np.float32), np.asarray(zero_point, dtype), dtype)


def from_range(low: float, high: float) -> Quant:
    """int8 over the whole range -128..127 so that real zero is exact; `low`..`high` is widened to hold 0."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = np.float32((high - low) / (INT8_MAX - INT8_MIN))
    if not np.isfinite(scale) or scale < np.finfo(np.float32).tiny:
        scale = np.float32(1.0)
    zero_point = int(np.clip(np.rint(INT8_MIN - low / float(scale)), INT8_MIN, INT8_MAX))
    return whole(float(scale), zero_point)


@dataclass(frozen=True, eq=False)
class Scheme:
    """`graph` holds no Quantize or Dequantize node; `quants` has an entry for every tensor that exists as integers.

    A tensor without an entry is computed inside its consumer's kernel (a convolution before its ReLU). `integers` holds the values of
    constants that came as integers or were quantized; their float values in the graph are the dequantized ones or the originals.
    """

    graph: Graph
    quants: Mapping[str, Quant]
    integers: Mapping[str, IntArray] = field(default_factory=dict)

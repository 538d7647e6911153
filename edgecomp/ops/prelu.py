"""Leaky ReLU with a learned slope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.graph import Array
from edgecomp.ops.base import Imported, OnnxNode, Operator


@dataclass(frozen=True)
class PRelu(Operator):
    """x where x >= 0, slope * x elsewhere; the constant slope broadcasts to x."""

    limits: ClassVar[str] = "constant slope: one value, or one a channel"

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

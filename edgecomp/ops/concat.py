"""Concatenation along an axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.graph import Array
from edgecomp.ops.base import Imported, OnnxNode, Operator


@dataclass(frozen=True)
class Concat(Operator):
    """The inputs behind one another along `axis`."""

    limits: ClassVar[str] = "any axis, any number of inputs"

    axis: int

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        return cls(int(node.attributes.get("axis", 1)) % len(node.shape(0))), node.inputs

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        return (np.concatenate([x for x in inputs if x is not None], axis=self.axis),)

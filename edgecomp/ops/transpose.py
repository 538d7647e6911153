"""Other order of the axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgecomp.graph import Array, Shape
from edgecomp.ops.base import Imported, OnnxNode, Operator


@dataclass(frozen=True)
class Transpose(Operator):
    """Axis i of the output is axis perm[i] of the input."""

    limits: ClassVar[str] = "any permutation"
    keeps_scale: ClassVar[bool] = True
    reorders: ClassVar[bool] = True

    perm: Shape

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        rank = len(node.shape(0))
        perm = tuple(int(axis) for axis in node.attributes.get("perm", range(rank)[::-1]))
        return cls(perm), node.inputs

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        return (x.transpose(self.perm),)

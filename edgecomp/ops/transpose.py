"""Other order of the axes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from edgecomp.graph import Array, Node, Shape
from edgecomp.ops.base import Imported, OnnxNode, Operator

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering


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

    def lower(self, node: Node, lowering: Lowering) -> None:
        value = lowering.plain(str(node.inputs[0]))
        shape = tuple(value.shape[axis] for axis in self.perm)
        order = tuple(self.perm.index(axis) for axis in value.permutation)
        lowering.relabel(node, replace(value, shape=shape, base=shape, permutation=order))

"""Change of element type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from onnx import TensorProto, helper

from edgecomp.errors import UnsupportedError
from edgecomp.graph import Array, Node
from edgecomp.ops.base import Imported, OnnxNode, Operator

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering


@dataclass(frozen=True)
class Cast(Operator):
    """`to` is an ONNX element type. All floating types are float32 inside edgecomp, so a cast among them is no change."""

    limits: ClassVar[str] = "between floating types (removed), or of constants"
    keeps_scale: ClassVar[bool] = True

    to: int

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        to = int(node.attributes["to"])
        floating = np.issubdtype(helper.tensor_dtype_to_np_dtype(to), np.floating)
        return cls(TensorProto.FLOAT if floating else to), node.inputs

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        return (x.astype(helper.tensor_dtype_to_np_dtype(self.to)),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        if self.to != TensorProto.FLOAT:
            name = TensorProto.DataType.Name(self.to)
            raise UnsupportedError(
                f"node {node.name!r} (Cast): found a cast of an activation to {name}; allowed: floating types; rewrite: remove it"
            )
        lowering.relabel(node, lowering.value(str(node.inputs[0])))

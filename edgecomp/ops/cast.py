"""Change of element type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from onnx import TensorProto, helper

from edgecomp.graph import Array, Node
from edgecomp.ops.base import Imported, OnnxNode, Operator, refusal
from edgecomp.ops.element_types import is_floating

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
        dtype = helper.tensor_dtype_to_np_dtype(to)
        if not is_floating(dtype) and dtype.kind not in "iub":
            found = f"a cast to {TensorProto.DataType.Name(to)}"
            raise node.reject(found, "floating types of 16 bits or more, integers of 8 bits or more", "quantize with QuantizeLinear")
        return cls(TensorProto.FLOAT if is_floating(dtype) else to), node.inputs

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        return (x.astype(helper.tensor_dtype_to_np_dtype(self.to)),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        if self.to != TensorProto.FLOAT:
            name = TensorProto.DataType.Name(self.to)
            raise refusal(node, f"a cast of an activation to {name}", "floating types", "remove it")
        lowering.relabel(node, lowering.value(str(node.inputs[0])))

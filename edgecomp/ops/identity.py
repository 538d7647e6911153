"""Operators that hand their input on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from edgecomp.graph import Array, Node
from edgecomp.ops.base import Imported, OnnxNode, Operator

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering


@dataclass(frozen=True)
class Identity(Operator):
    """The input."""

    limits: ClassVar[str] = "removed"
    keeps_scale: ClassVar[bool] = True

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        return (x,)

    def lower(self, node: Node, lowering: Lowering) -> None:
        lowering.relabel(node, lowering.value(str(node.inputs[0])))


@dataclass(frozen=True)
class Dropout(Identity):
    """Dropout at inference: the input."""

    limits: ClassVar[str] = "inference form; removed"

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        training = node.constants.get(node.input(2) or "")
        if (node.input(2) and training is None) or (training is not None and training.any()):
            raise node.reject("training_mode not constant false", "inference", "export in inference mode (model.eval() in PyTorch)")
        if len(node.outputs) > 1:
            raise node.reject("its second output (mask) in use", "the first output only", "remove what reads the mask")
        return cls(), node.inputs[:1]

"""Change of element type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from onnx import TensorProto, helper

from edgecomp.graph import Array
from edgecomp.ops.base import Imported, OnnxNode, Operator


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

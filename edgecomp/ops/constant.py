"""A value that stands in the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from onnx import numpy_helper

from edgecomp.graph import Array
from edgecomp.ops.base import Imported, OnnxCall, OnnxNode, Operator


@dataclass(frozen=True, eq=False)
class Constant(Operator):
    """ONNX Constant; import turns it into a constant tensor, so no `Graph` holds one."""

    limits: ClassVar[str] = "numbers; becomes a constant tensor"

    value: Array

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        for name, convert in _FORMS.items():
            if name in node.attributes:
                return cls(convert(node.attributes[name])), ()
        raise node.reject(f"attributes {sorted(node.attributes)}", f"one of {', '.join(_FORMS)}", "store a dense tensor of numbers")

    def to_onnx(self) -> OnnxCall:
        return OnnxCall("Constant", {"value": numpy_helper.from_array(self.value)})

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        return (self.value,)


_FORMS: dict[str, Callable[[Any], Array]] = {
    "value": numpy_helper.to_array,
    "value_float": lambda value: np.asarray(value, np.float32),
    "value_floats": lambda values: np.asarray(values, np.float32),
    "value_int": lambda value: np.asarray(value, np.int64),
    "value_ints": lambda values: np.asarray(values, np.int64),
}

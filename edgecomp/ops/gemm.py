"""Fully connected layers: Gemm and MatMul."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.graph import Array
from edgecomp.ops.base import Imported, OnnxNode, Operator


@dataclass(frozen=True)
class Gemm(Operator):
    """ONNX Gemm on matrices: alpha * A' B' + beta * C.

    `edgecomp.passes` makes it canonical: alpha = beta = 1, transA = 0, transB = 1, so weights are [outputs, inputs] and the bias [outputs].
    """

    limits: ClassVar[str] = "constant weights; alpha, beta, transA and transB are folded into them"

    alpha: float = 1.0
    beta: float = 1.0
    transA: int = 0
    transB: int = 0

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        if len(node.shape(0)) != 2 or len(node.shape(1)) != 2:
            raise node.reject(f"operands of shape {node.shape(0)} and {node.shape(1)}", "two matrices", "flatten the input first")
        return super().from_onnx(node)

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        a, b, c = (*inputs, None)[:3]
        assert a is not None and b is not None
        left = a.T if self.transA else a
        right = b.T if self.transB else b
        result = left.dtype.type(self.alpha) * np.matmul(left, right)
        return (result if c is None else result + left.dtype.type(self.beta) * c,)


@dataclass(frozen=True)
class MatMul(Operator):
    """ONNX MatMul: numpy's matrix product, batched over leading axes."""

    limits: ClassVar[str] = "constant right operand of rank 2"

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        a, b = inputs
        assert a is not None and b is not None
        return (np.matmul(a, b),)

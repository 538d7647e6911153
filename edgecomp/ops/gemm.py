"""Fully connected layers: Gemm and MatMul."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgecomp.errors import UnsupportedError
from edgecomp.graph import Array, Graph, Node
from edgecomp.ops.base import Imported, OnnxNode, Operator, refusal
from edgecomp.qgraph import IntArray
from edgecomp.qops.fully_connected import FullyConnected
from edgecomp.qops.matmul import MatMul as MatMulKernel
from edgecomp.qops.requantize import multiplier_and_shift

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering


@dataclass(frozen=True)
class Gemm(Operator):
    """ONNX Gemm on matrices: alpha * A' B' + beta * C.

    `edgecomp.passes` makes it canonical: alpha = beta = 1, transA = 0, transB = 1, so weights are [outputs, inputs] and the bias [outputs].
    """

    limits: ClassVar[str] = "constant weights; alpha, beta, transA and transB are folded into them"
    fuses_clamp: ClassVar[bool] = True
    has_weights: ClassVar[bool] = True

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

    def weight_axis(self, rank: int) -> int | None:
        return 0 if self.transB else 1

    def lower(self, node: Node, lowering: Lowering) -> None:
        if self.alpha != 1 or self.beta != 1 or self.transA:
            raise UnsupportedError(
                f"node {node.name!r} (Gemm): found alpha={self.alpha}, beta={self.beta}, transA={self.transA}; "
                "allowed in a quantized model: 1, 1, 0; rewrite: fold them into the weights before quantizing"
            )
        weights, scales = lowering.weights(str(node.inputs[1]), self.weight_axis(2))
        bias = node.inputs[2] if len(node.inputs) > 2 else None
        fully_connected(node, lowering, weights if self.transB else weights.T, scales, bias)


@dataclass(frozen=True)
class MatMul(Operator):
    """ONNX MatMul: numpy's matrix product, batched over leading axes."""

    limits: ClassVar[str] = "constant or computed operands; any number of leading axes"
    fuses_clamp: ClassVar[bool] = True
    has_weights: ClassVar[bool] = True

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        a, b = inputs
        assert a is not None and b is not None
        return (np.matmul(a, b),)

    def weight_axis(self, rank: int) -> int | None:
        return 1 if rank == 2 else None

    def integer_operands(self, node: Node, graph: Graph) -> tuple[str, ...]:
        return tuple(name for name in node.inputs[:1] if name is not None and graph.constant(name) is not None)

    def lower(self, node: Node, lowering: Lowering) -> None:
        a, b = (str(name) for name in node.inputs)
        if lowering.constant(b) is not None and len(lowering.shape(b)) == 2:
            weights, scales = lowering.weights(b, 1)
            fully_connected(node, lowering, weights.T, scales, None)
            return
        shapes = [lowering.shape(a), lowering.shape(b)]
        if min(map(len, shapes)) < 2:
            raise refusal(node, f"operands of shape {shapes[0]} and {shapes[1]}", "matrices", "Unsqueeze")
        leads = [prod(shape[:-2]) for shape in shapes]
        lead = lowering.shape(node.outputs[0])[:-2]
        if any(shape[:-2] != lead[len(lead) - len(shape) + 2 :] and n != 1 for shape, n in zip(shapes, leads, strict=True)):
            raise refusal(node, f"batches {shapes[0][:-2]} and {shapes[1][:-2]}", "equal, or one matrix", "Expand")
        operands = [lowering.operand(name, tuple(range(len(shape))), shape) for name, shape in zip((a, b), shapes, strict=True)]
        result = lowering.result(node)
        multiplier, shift = multiplier_and_shift(operands[0][1].step * operands[1][1].step / result.quant.step)
        rows, inner = shapes[0][-2:]
        columns = shapes[1][-1]
        op = MatMulKernel(
            batch=prod(lead),
            rows=rows,
            inner=inner,
            columns=columns,
            a_batch_stride=0 if leads[0] == 1 else rows * inner,
            b_batch_stride=0 if leads[1] == 1 else inner * columns,
            b_transposed=0,
            a_zero_point=operands[0][1].zero,
            b_zero_point=operands[1][1].zero,
            output_zero_point=result.quant.zero,
            clamp_min=result.clamp_min,
            clamp_max=result.clamp_max,
            multiplier=int(multiplier[0]),
            shift=shift,
        )
        lowering.emit(op, [buffer for buffer, _ in operands], result)


def fully_connected(node: Node, lowering: Lowering, weights: IntArray, scales: Array, bias: str | None) -> None:
    """Emit rows times constant `weights` [outputs, inputs]; a flattened image is read as it lies, its order put into the weights."""
    x = str(node.inputs[0])
    outputs, inputs = weights.shape
    rows = prod(lowering.shape(x)) // inputs
    value = lowering.value(x)
    if rows == 1 and not value.row_major:
        order = np.arange(inputs).reshape(value.base).transpose(value.permutation).reshape(-1)
        buffer, weights = value.tensor, weights[:, order]
    else:
        buffer = lowering.row_major(x)
    source, result = lowering.quant(x), lowering.result(node)
    plain = lowering.bias(bias, outputs, source.step, scales)
    multiplier, shift = multiplier_and_shift(np.broadcast_to(source.step * scales.astype(np.float64) / result.quant.step, outputs))
    op = FullyConnected(
        rows=rows,
        input_n=inputs,
        output_n=outputs,
        output_zero_point=result.quant.zero,
        clamp_min=result.clamp_min,
        clamp_max=result.clamp_max,
        weights=np.ascontiguousarray(weights),
        bias=(plain - source.zero * weights.sum(1, dtype=np.int64)).astype(np.int32),
        multiplier=multiplier,
        shift=shift,
    )
    lowering.emit(op, (buffer,), result)

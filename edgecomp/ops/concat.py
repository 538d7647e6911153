"""Concatenation along an axis."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgecomp.graph import Array, Graph, Node
from edgecomp.ops.base import Imported, OnnxNode, Operator
from edgecomp.qops.concat import Concat as ConcatKernel
from edgecomp.qops.rescale import concat_weights

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering


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

    def integer_operands(self, node: Node, graph: Graph) -> tuple[str, ...]:
        return tuple(name for name in node.inputs if name is not None and graph.constant(name) is not None)

    def lower(self, node: Node, lowering: Lowering) -> None:
        names = [str(name) for name in node.inputs]
        first = next((name for name in names if lowering.constant(name) is None), None)
        order = lowering.plain(first).permutation if first else tuple(range(len(lowering.shape(names[0]))))
        result = lowering.result(node, fuse=False)
        at = order.index(self.axis)
        shape = lowering.shape(node.outputs[0])
        operands = [lowering.operand(name, order, lowering.shape(name)) for name in names]
        weights = [concat_weights(quant.step, quant.zero, result.quant.step, result.quant.zero) for _, quant in operands]
        op = ConcatKernel(
            count=len(names),
            outer=prod(shape[axis] for axis in order[:at]),
            inner=np.array([prod(lowering.shape(name)[axis] for axis in order[at:]) for name in names], np.uint32),
            weight=np.array([w for w, _, _ in weights], np.int16),
            bias=np.array([b for _, b, _ in weights], np.int32),
            right_shift=np.array([s for _, _, s in weights], np.uint8),
        )
        lowering.emit(op, [buffer for buffer, _ in operands], result, order)

"""What is affine: a node that computes s * x + t with constants, as numbers or one value along one axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgecomp.graph import Array, Graph, Node, Shape
from edgecomp.ops.arithmetic import Add, Mul, Sub
from edgecomp.ops.batch_normalization import BatchNormalization
from edgecomp.ops.pointwise import Neg


@dataclass(frozen=True, eq=False)
class Affine:
    """scale * x + shift, both float64 of one length: 1 (`axis` None) or the size of `axis`."""

    source: str
    axis: int | None
    scale: Array
    shift: Array

    def then(self, after: Affine) -> Affine | None:
        """This, then `after`; None where they work along different axes."""
        if self.axis is not None and after.axis is not None and self.axis != after.axis:
            return None
        axis = after.axis if self.axis is None else self.axis
        return Affine(self.source, axis, after.scale * self.scale, after.scale * self.shift + after.shift)

    def along(self, values: Array, rank: int) -> Array:
        """`scale` or `shift` shaped to broadcast over a tensor of this rank."""
        return values if self.axis is None else values.reshape([-1 if axis == self.axis else 1 for axis in range(rank)])

    def full(self, size: int) -> tuple[Array, Array]:
        """(scale, shift) with one value for each of `size` places."""
        return np.broadcast_to(self.scale, size), np.broadcast_to(self.shift, size)


def read_affine(graph: Graph, node: Node) -> Affine | None:
    """The affine function a node computes, or None."""
    source = node.inputs[0]
    one, zero = np.ones(1), np.zeros(1)
    if source is None or graph.constant(source) is not None:
        return _read_reversed(graph, node)
    match node.op:
        case Neg():
            return Affine(source, None, -one, zero)
        case BatchNormalization():
            known = [value for name in node.inputs[1:5] if (value := graph.constant(name)) is not None]
            return Affine(source, 1, *node.op.scale_and_shift(*known)) if len(known) == 4 else None
        case Add() | Mul():
            operand = _operand(graph, node.inputs[1], graph.tensors[source].shape, graph.tensors[node.outputs[0]].shape)
            if operand is None:
                return None
            axis, values = operand
            ones = np.ones_like(values)
            return Affine(source, axis, ones, values) if isinstance(node.op, Add) else Affine(source, axis, values, 0 * ones)
        case _:
            return None


def _read_reversed(graph: Graph, node: Node) -> Affine | None:
    """c - x."""
    if not isinstance(node.op, Sub) or node.inputs[1] is None or graph.constant(node.inputs[1]) is not None:
        return None
    source = node.inputs[1]
    operand = _operand(graph, node.inputs[0], graph.tensors[source].shape, graph.tensors[node.outputs[0]].shape)
    if operand is None:
        return None
    axis, values = operand
    return Affine(source, axis, -np.ones_like(values), values)


def _operand(graph: Graph, name: str | None, shape: Shape, result: Shape) -> tuple[int | None, Array] | None:
    """(axis, values) of a constant that varies along one axis at most and does not change the shape."""
    values = graph.constant(name)
    if values is None or values.ndim > len(shape) or result != shape or not np.issubdtype(values.dtype, np.floating):
        return None
    long = [axis + len(shape) - values.ndim for axis, size in enumerate(values.shape) if size != 1]
    if len(long) > 1:
        return None
    return (long[0] if long else None), values.reshape(-1).astype(np.float64)

"""Arithmetic with a constant has one form: the constant last, Sub as Add, Div as Mul."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgecomp.graph import Graph, Node
from edgecomp.ops.arithmetic import Add, Div, Mul, Sub
from edgecomp.passes.rewrite import Replacement, constant, rewrite


def canonical_arithmetic(graph: Graph) -> Graph:
    """c + x becomes x + c, c * x becomes x * c, x - c becomes x + (-c), x / c becomes x * (1 / c)."""
    return rewrite(graph, _rule)


def _rule(graph: Graph, node: Node) -> Replacement | None:
    if not isinstance(node.op, (Add, Mul, Sub, Div)):
        return None
    left, right = node.inputs
    if isinstance(node.op, (Add, Mul)):
        if graph.constant(left) is None or graph.constant(right) is not None:
            return None
        return Replacement((node,), (replace(node, inputs=(right, left)),))
    value = graph.constant(right)
    if value is None or not np.issubdtype(value.dtype, np.floating):
        return None
    is_sub = isinstance(node.op, Sub)
    if not is_sub and not np.all(value):
        return None
    tensor = constant(graph, f"{right}__{'negative' if is_sub else 'inverse'}", -value if is_sub else 1 / value.astype(np.float64))
    op = Add() if is_sub else Mul()
    return Replacement((node,), (replace(node, op=op, inputs=(left, tensor.name)),), (tensor,))

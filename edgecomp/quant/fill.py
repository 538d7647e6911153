"""Quantization for the tensors that a partly quantized file leaves in float, from what bounds them: no data are needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import numpy as np

from edgecomp.errors import UnsupportedError
from edgecomp.graph import Array, Graph, Node
from edgecomp.ops.arithmetic import Add, Div, Mul, Sub
from edgecomp.ops.base import Operator
from edgecomp.ops.concat import Concat
from edgecomp.ops.global_pool import GlobalAveragePool
from edgecomp.ops.pointwise import Pointwise
from edgecomp.ops.pool import AveragePool
from edgecomp.ops.reduce import ReduceMean
from edgecomp.quant.quantize import inside_kernels, operator
from edgecomp.quant.scheme import Quant, Scheme, from_range, whole

Range = tuple[float, float]


def fill_gaps(scheme: Scheme) -> Scheme:
    """Give every activation that must exist as integers a quantization that its operator cannot leave.

    Raises:
        UnsupportedError: an input is not quantized, or an operator's output has no useful bound.
    """
    quants = dict(scheme.quants)
    hidden = inside_kernels(scheme.graph)
    for name in scheme.graph.inputs:
        quant = quants.get(name) or _ahead(scheme.graph, quants, name)
        if quant is None:
            raise UnsupportedError(f"input {name!r}: not quantized in a quantized model; take the float model to edgecomp quantize")
        quants[name] = quant
    for node in scheme.graph.nodes:
        for name in node.outputs:
            if name not in quants and name not in hidden:
                quants[name] = _follow(scheme.graph, quants, node, name)
    return replace(scheme, quants=quants)


def _ahead(graph: Graph, quants: Mapping[str, Quant], name: str) -> Quant | None:
    """The quantization that a tensor takes later, behind operators that only move or select its values."""
    for node in graph.consumers.get(name, ()):
        if operator(node).keeps_scale and node.inputs[0] == name:
            quant = quants.get(node.outputs[0]) or _ahead(graph, quants, node.outputs[0])
            if quant is not None:
                return quant
    return None


def _follow(graph: Graph, quants: Mapping[str, Quant], node: Node, name: str) -> Quant:
    op = operator(node)
    if op.keeps_scale and node.inputs[0] in quants:
        return op.kept_quant(quants[str(node.inputs[0])])
    if op.fixed_quant:
        return whole(*op.fixed_quant)
    return _ahead(graph, quants, name) or from_range(*_bounds(graph, quants, node, op))


def _range(graph: Graph, quants: Mapping[str, Quant], name: str) -> Range:
    data = graph.constant(name)
    if data is not None:
        return float(data.min()), float(data.max())
    if name in quants:
        return quants[name].range
    inside = graph.producers[name]  # computed inside a kernel, before its clamp
    return _bounds(graph, quants, inside, operator(inside))


def _bounds(graph: Graph, quants: Mapping[str, Quant], node: Node, op: Operator) -> Range:
    """Interval arithmetic on the operator's inputs."""
    names = [name for name in node.inputs if name is not None]
    if isinstance(op, Pointwise):
        values = op.function(np.linspace(*_range(graph, quants, names[0]), 257))
        return float(values.min()), float(values.max())
    if isinstance(op, (Add, Sub, Mul, Div)):
        ends = product(_range(graph, quants, names[0]), _range(graph, quants, names[1]))
        corners = [op.evaluate(np.asarray(a, np.float32), np.asarray(b, np.float32))[0] for a, b in ends]
        return float(min(corners)), float(max(corners))
    weights = graph.constant(names[1]) if op.has_weights and len(names) > 1 else None
    if weights is not None:
        bias = graph.constant(names[2]) if len(names) > 2 else None
        return _reach(weights, op.weight_axis(weights.ndim), _range(graph, quants, names[0]), bias)
    if isinstance(op, (Concat, AveragePool, GlobalAveragePool, ReduceMean)):
        ranges = [_range(graph, quants, name) for name in names]
        return min(low for low, _ in ranges), max(high for _, high in ranges)
    raise UnsupportedError(
        f"node {node.name!r} ({node.kind}): its output {node.outputs[0]!r} has no quantization in the file and no bound; "
        "quantize it as well, or start from the float model"
    )


def _reach(weights: Array, axis: int | None, inputs: Range, bias: Array | None) -> Range:
    """Least and largest sum of products with weights that have an output along `axis`, padding aside, which is zero."""
    rows = weights.reshape(1, -1) if axis is None else np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1)
    low, high = (bound * rows.astype(np.float64) for bound in (min(inputs[0], 0.0), max(inputs[1], 0.0)))
    offsets = np.zeros(1) if bias is None else bias.astype(np.float64).reshape(-1)
    least, most = np.minimum(low, high).sum(1).min() + offsets.min(), np.maximum(low, high).sum(1).max() + offsets.max()
    return float(least), float(most)

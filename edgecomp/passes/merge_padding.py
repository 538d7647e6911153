"""An explicit Pad goes into the padding of the window operator that reads it, where the function stays exact."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np

from edgecomp.graph import Graph, Node, Shape
from edgecomp.ops.conv import Conv
from edgecomp.ops.pad import Pad
from edgecomp.ops.pointwise import Clip, Relu, Sigmoid
from edgecomp.ops.pool import AveragePool, MaxPool
from edgecomp.passes.rewrite import Replacement, rewrite

LOWEST = float(np.finfo(np.float32).min)


def merge_padding(graph: Graph) -> Graph:
    """Pad with zeros before Conv and AveragePool; before MaxPool where zero (or the value) never wins."""
    return rewrite(graph, _rule)


def _rule(graph: Graph, node: Node) -> Replacement | None:
    if not isinstance(node.op, Pad):
        return None
    reader = graph.sole_consumer(node.outputs[0])
    source = node.inputs[0]
    rank = len(node.op.pads) // 2
    if reader is None or source is None or rank < 3 or reader.inputs[0] != node.outputs[0] or node.outputs[0] in reader.inputs[1:]:
        return None
    begins, ends = node.op.pads[:rank], node.op.pads[rank:]
    if any((*begins[:2], *ends[:2])):
        return None
    op = _with_padding(graph, reader, source, (*begins[2:], *ends[2:]), node.op.value)
    return None if op is None else Replacement((node, reader), (replace(reader, op=op, inputs=(source, *reader.inputs[1:])),))


def _with_padding(graph: Graph, reader: Node, source: str, extra: Shape, value: float) -> Conv | AveragePool | MaxPool | None:
    """The reader's operator with more padding, None where that is another function."""
    op = reader.op
    if isinstance(op, Conv) and value == 0:
        return replace(op, pads=_sum(op.pads, extra))
    if isinstance(op, AveragePool) and value == 0 and _overhangs_only(op):
        pads, counted = _sum(op.pads, extra), _sum(op.counted_pads, extra)
        return replace(op, pads=pads, counted_pads=counted) if _smaller(pads, op) else None
    if isinstance(op, MaxPool) and (value <= LOWEST or (value <= 0 and _is_never_negative(graph, source))):
        pads = _sum(op.pads, extra)
        return replace(op, pads=pads, ceil_pads=None) if _smaller(pads, op) else None
    return None


def _sum(pads: Shape, extra: Shape) -> Shape:
    return tuple(a + b for a, b in zip(pads, extra, strict=True))


def _overhangs_only(op: AveragePool) -> bool:
    """Whether the padding is counted, but for the end that ceil_mode adds."""
    rank = len(op.kernel_shape)
    return op.pads == op.counted_pads or (any(op.counted_pads) and op.pads[:rank] == op.counted_pads[:rank])


def _smaller(pads: Shape, op: AveragePool | MaxPool) -> bool:
    """Whether every window keeps a place inside the image; ONNX demands it of padding."""
    return all(pad < kernel for pad, kernel in zip(pads, op.kernel_shape * 2, strict=True)) and all(d == 1 for d in op.dilations)


def _is_never_negative(graph: Graph, name: str) -> bool:
    producer = graph.producers.get(name)
    if producer is None:
        return False
    low, _ = producer.op.clamp or (-inf, inf) if isinstance(producer.op, (Relu, Clip)) else (-inf, inf)
    return low >= 0 or isinstance(producer.op, Sigmoid)

"""Joins a convolution with what alone reads its output, a residual sum or a max pool, so that this output never lies in RAM.

The joined operators give the same bits; whether a plan is better with them is decided by `edgecomp.plan.planner`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from math import prod

from edgecomp.qgraph import QGraph, QNode, QOp
from edgecomp.qops.add import Add
from edgecomp.qops.boxes import broadcast_box
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv2d_add import Conv2DAdd
from edgecomp.qops.conv2d_max_pool import Conv2DMaxPool
from edgecomp.qops.conv2d_max_pool_spatial import Conv2DMaxPoolSpatial
from edgecomp.qops.conv2d_spatial import Conv2DSpatial
from edgecomp.qops.max_pool2d import MaxPool2D

READERS: tuple[type[QOp], ...] = (Add, MaxPool2D)
"""Operators into which the convolution before them may be drawn."""


def fuse(qgraph: QGraph, readers: Collection[type[QOp]] = READERS, apart: Collection[str] = ()) -> QGraph:
    """The network with every convolution joined to its only reader where that is one of `readers`; the network itself if there is none.

    Of a sum of two convolutions the later one is joined. The joined node stands where the reader stood; its layer is named after both.
    Readers whose output is in `apart` stay as they are.
    """
    kept = {port.tensor for port in qgraph.outputs}
    reads = Counter(name for node in qgraph.nodes for name in node.inputs)
    open_convolutions: dict[str, QNode] = {}
    nodes: dict[str, QNode] = {}
    for node in qgraph.nodes:
        joined = _joined(node, open_convolutions) if type(node.op) in readers and node.output not in apart else None
        if joined is not None:
            source, node = joined
            del nodes[source]
        if type(node.op) in (Conv2D, Conv2DSpatial) and reads[node.output] == 1 and node.output not in kept:
            open_convolutions[node.output] = node
        nodes[node.output] = node
    if len(nodes) == len(qgraph.nodes):
        return qgraph
    vanished = {node.output for node in qgraph.nodes} - nodes.keys()
    tensors = {name: tensor for name, tensor in qgraph.tensors.items() if name not in vanished}
    return replace(qgraph, nodes=tuple(nodes.values()), tensors=tensors).verify()


def _joined(reader: QNode, convolutions: dict[str, QNode]) -> tuple[str, QNode] | None:
    """The tensor that vanishes and the node that takes the place of `reader`, or None where nothing can be joined."""
    order = {name: position for position, name in enumerate(convolutions)}
    for name in sorted(set(reader.inputs) & convolutions.keys(), key=lambda name: -order[name]):
        convolution = convolutions[name]
        assert isinstance(convolution.op, Conv2D)
        op = _join(convolution.op, reader.op, reader.inputs.index(name))
        if op is not None:
            others = tuple(other for other in reader.inputs if other != name)
            layer, kind = f"{convolution.layer}+{reader.layer}", f"{convolution.kind}+{reader.kind}"
            return name, QNode(layer, kind, op, (*convolution.inputs, *others), reader.output)
    return None


def _join(conv: Conv2D, reader: QOp, position: int) -> QOp | None:
    size = (conv.output_h, conv.output_w, conv.output_c)
    if isinstance(reader, Add) and type(conv) is Conv2D:
        dense = broadcast_box((prod(size),), (prod(size),))
        return Conv2DAdd.joined(conv, reader, position == 0) if (reader.dims, reader.a_steps, reader.b_steps) == dense else None
    if isinstance(reader, MaxPool2D):
        same = (reader.input_h, reader.input_w, reader.input_c) == size and reader.dilation_h == reader.dilation_w == 1
        joined = Conv2DMaxPool.joined(conv, reader) if same else None
        if joined is None or not isinstance(conv, Conv2DSpatial):
            return joined
        return Conv2DMaxPoolSpatial.following(conv, joined) if Conv2DMaxPoolSpatial.joins(joined, conv.patch) else None
    return None

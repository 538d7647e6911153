"""A graph with some places along the axis of channels of each tensor left out: shapes, attributes and constants follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgecomp.graph import Array, Graph, Node, Shape, Tensor
from edgecomp.ops.arithmetic import Add, Div, Max, Min, Mul, Sub
from edgecomp.ops.base import Operator
from edgecomp.ops.batch_normalization import BatchNormalization
from edgecomp.ops.conv import Conv
from edgecomp.ops.conv_transpose import ConvTranspose
from edgecomp.ops.expand import Expand
from edgecomp.ops.gemm import Gemm, MatMul
from edgecomp.ops.pad import Pad
from edgecomp.ops.prelu import PRelu
from edgecomp.ops.reshape import Reshape
from edgecomp.ops.slice import Slice
from edgecomp.ops.split import Split

Mask = tuple[int, Array]
"""The axis of channels, and which places along it stay, bool."""


def resized(graph: Graph, masks: Mapping[str, Mask]) -> Graph:
    """The graph with every tensor cut down to its mask; a tensor without one stays whole."""
    return _Resizing(graph, masks).graph()


class _Resizing:
    """The work on one graph; constants that are cut for several readers in the same way stay one."""

    def __init__(self, old: Graph, masks: Mapping[str, Mask]) -> None:
        self.old, self.masks = old, masks
        self.cut: dict[tuple[str, bytes], Tensor] = {}

    def graph(self) -> Graph:
        """Nodes in the same order under the same names; constants keep their names where they are cut in one way only."""
        nodes = [self.node(node) for node in self.old.nodes]
        used = {name for node in nodes for name in node.inputs}
        ways = Counter(name for name, _ in self.cut)
        own = {tensor.name: name for (name, _), tensor in self.cut.items() if ways[name] == 1 and name not in used}
        renamed = [replace(node, inputs=tuple(own.get(name, name) if name else name for name in node.inputs)) for node in nodes]
        cut = [replace(tensor, name=own.get(tensor.name, tensor.name)) for tensor in self.cut.values()]
        computed = [replace(t, shape=self.shape(t.name)) for t in self.old.tensors.values() if t.data is None and t.name in self.masks]
        return self.old.rebuilt(renamed, [*computed, *cut])

    def shape(self, name: str) -> Shape:
        """Of a computed tensor in the new graph."""
        shape = self.old.tensors[name].shape
        axis, mask = self.masks[name]
        return (*shape[:axis], int(mask.sum()), *shape[axis + 1 :]) if shape else shape

    def node(self, node: Node) -> Node:
        """The node with what it needs to know of the new widths."""
        op = node.op
        if isinstance(op, (Conv, ConvTranspose)):
            return self.convolution(node, op)
        if isinstance(op, (Gemm, MatMul)):
            return self.product(node)
        if isinstance(op, BatchNormalization):
            return replace(node, inputs=(node.inputs[0], *(self.constant(name, [self.places(node.inputs[0])]) for name in node.inputs[1:])))
        if isinstance(op, (Add, Sub, Mul, Div, Max, Min, PRelu)):
            return self.elementwise(node)
        change = _ATTRIBUTES.get(type(op))
        inputs = tuple(self.along(name) for name in node.inputs)
        return replace(node, inputs=inputs, op=op if change is None else change(self, node))

    def places(self, name: str | None) -> Array:
        """Indices that stay along a tensor's axis of channels."""
        return np.flatnonzero(self.masks[str(name)][1])

    def convolution(self, node: Node, op: Conv | ConvTranspose) -> Node:
        """Weights [O, I / group] of a convolution, [I, O / group] of a transposed one."""
        weights = self.old.tensors[str(node.inputs[1])]
        if weights.data is None or node.inputs[0] not in self.masks:
            return node
        read, made = self.places(node.inputs[0]), self.places(node.outputs[0])
        whole_read, whole_made = (len(self.masks[str(name)][1]) for name in (node.inputs[0], node.outputs[0]))
        if op.group == whole_read > 1:
            group = len(read)
            outer, inner = (made, np.arange(weights.shape[1])) if isinstance(op, Conv) else (read, np.arange(weights.shape[1]))
        else:
            group = op.group
            per_read, per_made = read[read < whole_read // group], made[made < whole_made // group]
            outer, inner = (made, per_read) if isinstance(op, Conv) else (read, per_made)
        bias = [self.constant(name, [made]) for name in node.inputs[2:]]
        return replace(node, op=replace(op, group=group), inputs=(node.inputs[0], self.constant(node.inputs[1], [outer, inner]), *bias))

    def product(self, node: Node) -> Node:
        """Weights of a fully connected layer, and its bias along the last axis."""
        weights = self.old.tensors[str(node.inputs[1])]
        if weights.data is None or len(weights.shape) != 2 or node.inputs[0] not in self.masks:
            return node
        read, made = self.places(node.inputs[0]), self.places(node.outputs[0])
        rank = len(self.old.tensors[node.outputs[0]].shape)
        if (
            self.masks[str(node.inputs[0])][0] != len(self.old.tensors[str(node.inputs[0])].shape) - 1
            or self.masks[node.outputs[0]][0] != rank - 1
        ):
            return node
        transposed = isinstance(node.op, Gemm) and node.op.transB
        bias = [self.broadcast(name, rank, rank - 1, made) for name in node.inputs[2:]]
        cut = self.constant(node.inputs[1], [made, read] if transposed else [read, made])
        return replace(node, inputs=(node.inputs[0], cut, *bias))

    def elementwise(self, node: Node) -> Node:
        """Constants as wide as the result."""
        axis, _ = self.masks[node.outputs[0]]
        rank = len(self.old.tensors[node.outputs[0]].shape)
        made = self.places(node.outputs[0])
        slope_a_channel = isinstance(node.op, PRelu) and self._is_slope_a_channel(node)
        names = [
            self.constant(name, [made]) if slope_a_channel and index == 1 else self.broadcast(name, rank, axis, made)
            for index, name in enumerate(node.inputs)
        ]
        return replace(node, inputs=tuple(names))

    def _is_slope_a_channel(self, node: Node) -> bool:
        """The old form of PRelu: one slope a channel, aligned with axis 1."""
        shape, slope = (self.old.tensors[str(name)].shape for name in node.inputs)
        return len(slope) == 1 and len(shape) > 2 and slope[0] == shape[1] != shape[-1]

    def broadcast(self, name: str | None, rank: int, axis: int, made: Array) -> str | None:
        """A constant that spreads over a result of `rank` axes, cut along one of them if it is not spread there."""
        if self.old.constant(name) is None:
            return name
        shape = self.old.tensors[str(name)].shape
        own = axis - (rank - len(shape))
        if own < 0 or shape[own] == 1:
            return name
        return self.constant(name, [np.arange(size) if at != own else made for at, size in enumerate(shape)])

    def along(self, name: str | None) -> str | None:
        """An operand of a node that only moves or joins: a constant is cut as its mask says."""
        if name is None or self.old.constant(name) is None or name not in self.masks:
            return name
        axis, _ = self.masks[name]
        return self.constant(
            name, [np.arange(size) if at != axis else self.places(name) for at, size in enumerate(self.old.tensors[name].shape)]
        )

    def constant(self, name: str | None, places: Sequence[Array]) -> str | None:
        """A constant with the places that stay along its first axes; under its own name if it is cut in one way only."""
        data = self.old.constant(name)
        if name is None or data is None:
            return name
        if all(len(index) == size for index, size in zip(places, data.shape, strict=False)):
            return name
        key = (name, b"|".join(index.tobytes() for index in places))
        if key not in self.cut:
            ways = sum(other == name for other, _ in self.cut)
            for axis, index in enumerate(places):
                data = data.take(index, axis)
            self.cut[key] = Tensor(f"{name}__kept{ways or ''}", data.shape, str(data.dtype), data)
        return self.cut[key].name


def _reshape(resizing: _Resizing, node: Node) -> Operator:
    return Reshape(resizing.shape(node.outputs[0]))


def _expand(resizing: _Resizing, node: Node) -> Operator:
    return Expand(resizing.shape(node.outputs[0]))


def _split(resizing: _Resizing, node: Node) -> Operator:
    op = node.op
    assert isinstance(op, Split)
    return replace(op, split=tuple(resizing.shape(name)[op.axis] for name in node.outputs))


def _slice(resizing: _Resizing, node: Node) -> Operator:
    """The same channels, counted among those that stay."""
    op = node.op
    assert isinstance(op, Slice)
    axis, mask = resizing.masks[str(node.inputs[0])]
    before = np.concatenate([[0], np.cumsum(mask)])
    taken = list(zip(op.axes, op.starts, op.ends, strict=True))
    starts = tuple(int(before[start]) if at == axis else start for at, start, _ in taken)
    return replace(op, starts=starts, ends=tuple(int(before[end]) if at == axis else end for at, _, end in taken))


def _pad(resizing: _Resizing, node: Node) -> Operator:
    op = node.op
    assert isinstance(op, Pad)
    axis, mask = resizing.masks[node.outputs[0]]
    pads, rank = list(op.pads), len(op.pads) // 2
    before, after = pads[axis], pads[axis + rank]
    pads[axis], pads[axis + rank] = int(mask[:before].sum()), int(mask[len(mask) - after :].sum())
    return replace(op, pads=tuple(pads))


_ATTRIBUTES: Mapping[type, Callable[[_Resizing, Node], Operator]] = {
    Reshape: _reshape,
    Expand: _expand,
    Split: _split,
    Slice: _slice,
    Pad: _pad,
}
"""Operators whose attributes know widths."""

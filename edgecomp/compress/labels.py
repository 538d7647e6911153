"""Which channels of a graph are one and the same: labels that nodes hand on, joined where a node needs them to stay together.

Every tensor has one axis of channels, and a label for each place along it. What only moves elements (Reshape, Split, Concat, ...) is
applied to the labels themselves: `evaluate` of the operator on an array of labels says where each channel goes. Where labels then vary
along more than one axis, as in a channel shuffle or behind DepthToSpace, those that differ along the others are joined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgecomp.graph import Array, Graph, Node, Shape
from edgecomp.ops.arithmetic import Add, Div, Max, Min, Mul, Sub
from edgecomp.ops.batch_normalization import BatchNormalization
from edgecomp.ops.cast import Cast
from edgecomp.ops.concat import Concat
from edgecomp.ops.conv import Conv
from edgecomp.ops.conv_transpose import ConvTranspose
from edgecomp.ops.depth_to_space import DepthToSpace, SpaceToDepth
from edgecomp.ops.expand import Expand
from edgecomp.ops.gemm import Gemm, MatMul
from edgecomp.ops.global_pool import GlobalAveragePool, GlobalMaxPool
from edgecomp.ops.identity import Dropout, Identity
from edgecomp.ops.pad import Pad
from edgecomp.ops.pointwise import Pointwise
from edgecomp.ops.pool import AveragePool, MaxPool
from edgecomp.ops.prelu import PRelu
from edgecomp.ops.reduce import Reduce
from edgecomp.ops.reshape import Flatten, Reshape, Squeeze, Unsqueeze
from edgecomp.ops.resize import Resize
from edgecomp.ops.slice import Slice
from edgecomp.ops.softmax import LogSoftmax, Softmax
from edgecomp.ops.split import Split
from edgecomp.ops.transpose import Transpose

MOVES = (Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Slice, Split, Expand, DepthToSpace, SpaceToDepth, Concat)
ELEMENTWISE = (Add, Sub, Mul, Div, Max, Min, PRelu)
PASSES = (Pointwise, AveragePool, MaxPool, GlobalAveragePool, GlobalMaxPool, BatchNormalization, Cast, Identity, Dropout, Resize)


@dataclass(frozen=True, eq=False)
class Place:
    """Where a tensor has its channels: the axis, and a label for each place along it."""

    axis: int
    labels: Array


class Labels:
    """The labels of all tensors of a graph; `root` says which are one."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.parents: list[int] = []
        self.places: dict[str, Place] = {}
        self.fixed: dict[int, str] = {}
        """Label -> why it must stay."""
        self.made: dict[str, Array] = {}
        """Layer -> the labels of its outputs, where it makes new channels."""
        for name in graph.inputs:
            self.fresh(name, f"{name!r} is an input of the network")
        for node in graph.nodes:
            _rule(node)(self, node)
        for name in graph.outputs:
            self.fix(self.places[name].labels, f"{name!r} is an output of the network")

    def root(self, label: int) -> int:
        """The one that stands for all that are joined with a label."""
        while self.parents[label] != label:
            self.parents[label] = self.parents[self.parents[label]]
            label = self.parents[label]
        return label

    def join(self, first: Array, second: Array) -> None:
        """Make labels one, pair by pair."""
        for one, other in set(zip(first.reshape(-1).tolist(), second.reshape(-1).tolist(), strict=True)):
            low, high = sorted((self.root(one), self.root(other)))
            self.parents[high] = low

    def fix(self, labels: Array, why: str) -> None:
        """Say why labels must stay."""
        for label in set(labels.reshape(-1).tolist()):
            self.fixed.setdefault(label, why)

    def new(self, count: int) -> Array:
        """Labels that no tensor has."""
        first = len(self.parents)
        self.parents += range(first, first + count)
        return np.arange(first, first + count)

    def shape(self, name: str | None) -> Shape:
        """Of a tensor."""
        return self.graph.tensors[str(name)].shape

    def fresh(self, name: str, why: str = "", axis: int = 1) -> Place:
        """New labels along an axis of a tensor, which must stay if there is a reason."""
        shape = self.shape(name)
        axis = min(axis, len(shape) - 1)
        place = Place(axis, self.new(shape[axis] if shape else 1))
        if why:
            self.fix(place.labels, why)
        self.places[name] = place
        return place

    def refuse(self, node: Node, why: str) -> None:
        """Fix all that a node reads, and give it outputs that stay."""
        reason = f"{node.name!r} ({node.kind}) {why}"
        for name in self.computed(node):
            self.fix(self.places[name].labels, reason)
        for name in node.outputs:
            self.fresh(name, reason)

    def computed(self, node: Node) -> list[str]:
        """The inputs of a node that are no constants."""
        return [name for name in node.inputs if name is not None and name in self.places]

    def full(self, name: str) -> Array:
        """The label of every element of a tensor; new ones, which stay, for a constant."""
        shape = self.shape(name)
        place = self.places.get(name) or self.fresh(name, f"{name!r} is constant")
        spread = [len(place.labels) if axis == place.axis else 1 for axis in range(len(shape))]
        return np.broadcast_to(place.labels.reshape(spread), shape)


Rule = Callable[[Labels, Node], None]


def _rule(node: Node) -> Rule:
    for kinds, rule in RULES:
        if isinstance(node.op, kinds):
            return rule
    return lambda labels, node: labels.refuse(node, "has no rule for other widths")


def _convolution(labels: Labels, node: Node) -> None:
    """New channels; those of a grouped convolution stay in step over its groups, a depthwise one hands on what it reads."""
    op = node.op
    assert isinstance(op, (Conv, ConvTranspose))
    source, result = str(node.inputs[0]), node.outputs[0]
    if labels.graph.constant(node.inputs[1]) is None or labels.graph.constant(source) is not None or labels.places[source].axis != 1:
        labels.refuse(node, "does not read channels on axis 1 with constant weights")
        return
    read, channels, outputs = labels.places[source].labels, labels.shape(source)[1], labels.shape(result)[1]
    if op.group == channels > 1:
        labels.places[result] = Place(1, np.repeat(read, outputs // channels))
        return
    made = labels.fresh(result).labels
    labels.made[node.name] = made
    for own in (read, made):
        by_group = own.reshape(op.group, -1)
        labels.join(by_group[1:], np.broadcast_to(by_group[:1], by_group[1:].shape))


def _product(labels: Labels, node: Node) -> None:
    """New channels on the last axis."""
    source, result = str(node.inputs[0]), node.outputs[0]
    weights = labels.graph.constant(node.inputs[1])
    transposed = isinstance(node.op, Gemm) and node.op.transA
    rank = len(labels.shape(source))
    constant_bias = all(labels.graph.constant(name) is not None for name in node.inputs[2:] if name)
    place = labels.places.get(source)
    if weights is None or weights.ndim != 2 or transposed or not constant_bias or place is None or place.axis != rank - 1:
        labels.refuse(node, "does not read channels on its last axis with constant weights")
        return
    labels.made[node.name] = labels.fresh(result, axis=rank - 1).labels


def _move(labels: Labels, node: Node) -> None:
    """What only moves elements moves labels."""
    op = node.op
    if isinstance(op, Slice) and dict(zip(op.axes, op.steps, strict=True)).get(labels.places[str(node.inputs[0])].axis, 1) != 1:
        labels.refuse(node, "takes every so many channels")
        return
    found = op.evaluate(*(labels.full(str(name)) for name in node.inputs))
    for name, moved in zip(node.outputs, found, strict=True):
        labels.places[name] = _along_one_axis(labels, moved)


def _along_one_axis(labels: Labels, moved: Array) -> Place:
    """The axis that tells most channels apart, and the labels along it; what differs along others is joined."""
    if not moved.ndim:
        return Place(0, moved.reshape(1))
    varying = [axis for axis in range(moved.ndim) if np.any(moved != moved.take([0], axis))]
    axis = max(varying, key=lambda axis: (_distinct(moved, axis), -axis), default=min(1, moved.ndim - 1))
    rows = _rows(moved, axis)
    if len(varying) > 1:
        labels.join(rows, np.broadcast_to(rows[:, :1], rows.shape))
    return Place(axis, rows[:, 0].copy())


def _rows(moved: Array, axis: int) -> Array:
    """One row for each place along an axis."""
    return np.moveaxis(moved, axis, 0).reshape(moved.shape[axis], -1)


def _distinct(moved: Array, axis: int) -> int:
    """How many sets of labels there are along an axis."""
    return len({tuple(np.unique(row).tolist()) for row in _rows(moved, axis)})


def _elementwise(labels: Labels, node: Node) -> None:
    """Channels of equal number on one axis are joined; a single one is spread over all."""
    result = node.outputs[0]
    rank = len(labels.shape(result))
    places = {name: _aligned(labels, name, rank) for name in labels.computed(node)}
    taking = [place for name, place in places.items() if len(place.labels) == labels.shape(result)[place.axis]]
    if not taking:
        labels.refuse(node, "spreads all that it reads")
        return
    first = taking[0]
    for name, place in places.items():
        shape = (1,) * (rank - len(labels.shape(name))) + labels.shape(name)
        if place.axis == first.axis and len(place.labels) == len(first.labels):
            labels.join(first.labels, place.labels)
        elif len(place.labels) > 1 or shape[first.axis] != 1:
            labels.refuse(node, "joins channels of different axes")
            return
    labels.places[result] = first


def _aligned(labels: Labels, name: str, rank: int) -> Place:
    """Where the channels of an operand are in a result of more axes."""
    place = labels.places[name]
    return Place(place.axis + rank - len(labels.shape(name)), place.labels)


def _pass(labels: Labels, node: Node) -> None:
    """Channels stay where they are."""
    source, result = str(node.inputs[0]), node.outputs[0]
    place = labels.places.get(source)
    if place is None or len(node.outputs) > 1 or labels.shape(result)[place.axis : place.axis + 1] != (len(place.labels),):
        labels.refuse(node, "changes the number of channels")
    elif isinstance(node.op, BatchNormalization) and place.axis != 1:
        labels.refuse(node, "normalizes another axis than that of the channels")
    else:
        labels.places[result] = place


def _softmax(labels: Labels, node: Node) -> None:
    op = node.op
    assert isinstance(op, (Softmax, LogSoftmax))
    rank = len(labels.shape(node.inputs[0]))
    if labels.places[str(node.inputs[0])].axis == op.axis % rank:
        labels.refuse(node, "compares all channels")
    else:
        _pass(labels, node)


def _pad(labels: Labels, node: Node) -> None:
    """Padding of channels makes channels that may go with what they are added to."""
    op = node.op
    assert isinstance(op, Pad)
    place = labels.places[str(node.inputs[0])]
    rank = len(labels.shape(node.inputs[0]))
    before, after = op.pads[place.axis], op.pads[place.axis + rank]
    labels.places[node.outputs[0]] = Place(place.axis, np.concatenate([labels.new(before), place.labels, labels.new(after)]))


def _reduce(labels: Labels, node: Node) -> None:
    op = node.op
    assert isinstance(op, Reduce)
    place = labels.places[str(node.inputs[0])]
    if place.axis in op.axes:
        labels.refuse(node, "sums over all channels")
        return
    gone = 0 if op.keepdims else sum(axis < place.axis for axis in op.axes)
    labels.places[node.outputs[0]] = Place(place.axis - gone, place.labels)


RULES: Sequence[tuple[tuple[type, ...], Rule]] = (
    ((Conv, ConvTranspose), _convolution),
    ((Gemm, MatMul), _product),
    (MOVES, _move),
    (ELEMENTWISE, _elementwise),
    ((Softmax, LogSoftmax), _softmax),
    ((Pad,), _pad),
    ((Reduce,), _reduce),
    (PASSES, _pass),
)
"""Operators and what they do with channels; the first that fits."""

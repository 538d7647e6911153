"""The rules of a whole network, and the largest set of channels that all of its operators can do without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from edgecomp.qgraph import QGraph, QNode, QTensor
from edgecomp.qops.add import Add
from edgecomp.qops.mul import Mul
from edgecomp.removal.channels import Rule, fixed
from edgecomp.removal.elementwise import with_constant
from edgecomp.removal.ranges import Mask, Range, held, whole
from edgecomp.removal.rules import RULES


@dataclass(frozen=True, eq=False)
class Analysis:
    """The range of every tensor by name, and the rule of every node by its output."""

    ranges: Mapping[str, Range]
    rules: Mapping[str, Rule]


def analyze(qgraph: QGraph) -> Analysis:
    """Ranges from the inputs, of which any integer may come, to the outputs."""
    ranges = {port.tensor: whole(_innermost(qgraph.tensors[port.tensor])) for port in qgraph.inputs}
    for name, tensor in qgraph.tensors.items():
        if tensor.data is not None:
            ranges[name] = held(tensor.data, _innermost(tensor))
    rules = {}
    for node in qgraph.nodes:
        inputs = [ranges[name] for name in node.inputs]
        rules[node.output] = RULES.get(node.op.kernel, fixed)(node.op, inputs, qgraph.tensors[node.output])
        ranges[node.output] = rules[node.output].range
    return Analysis(ranges, rules)


def _innermost(tensor: QTensor) -> int:
    return tensor.shape[-1] if tensor.shape else 1


def settle(qgraph: QGraph) -> QGraph:
    """The same network, in which nothing is read for channels that are constant, and nothing computed that nobody reads.

    Filters of constant channels become zero, and an operand of which every channel is constant a row of integers in flash.
    """
    found = analyze(qgraph)
    tensors = dict(qgraph.tensors)
    nodes = []
    for node in qgraph.nodes:
        settled = replace(node, op=found.rules[node.output].settled())
        nodes.append(_with_constants(settled, tensors, found.ranges))
    return _read_only(replace(qgraph, tensors=tensors, nodes=tuple(nodes)))


def _with_constants(node: QNode, tensors: dict[str, QTensor], ranges: Mapping[str, Range]) -> QNode:
    """The node with its constant operands in flash; adds them to `tensors`."""
    known = [ranges[name] for name in node.inputs]
    for i, name in enumerate(node.inputs):
        tensor = tensors[name]
        if not isinstance(node.op, Add | Mul) or tensor.data is not None or not known[i].constant.all():
            continue
        replaced = with_constant(node.op, known, i)
        if replaced:
            op, row = replaced
            key = f"{name}__constant"
            while key in ranges:  # a tensor of the network itself
                key += "_"
            tensors[key] = QTensor(key, (len(row),), tensor.scale, tensor.zero_point, tensor.dtype, row)
            node = replace(node, op=op, inputs=(*node.inputs[:i], key, *node.inputs[i + 1 :]))
    return node


def _read_only(qgraph: QGraph) -> QGraph:
    """The network without nodes and constants of which no output has need."""
    needed = {port.tensor for port in qgraph.outputs}
    nodes: list[QNode] = []
    for node in reversed(qgraph.nodes):
        if node.output in needed:
            nodes.insert(0, node)
            needed.update(node.inputs)
    kept = needed | {port.tensor for port in qgraph.inputs}
    return replace(qgraph, tensors={name: tensor for name, tensor in qgraph.tensors.items() if name in kept}, nodes=tuple(nodes))


def droppable(qgraph: QGraph, found: Analysis) -> Mapping[str, Mask]:
    """The channels of each tensor that may be dropped, all together; at least one stays, and all of the model's inputs and outputs.

    Starts from all channels and takes back what a node needs until every node agrees: what remains is the largest such set, so far
    as operators leave no choice (groups of a convolution, which lose equally many, do).
    """
    ports = {port.tensor for port in chain(qgraph.inputs, qgraph.outputs)}
    dropped = {name: np.full(found.ranges[name].channels, name not in ports) for name in qgraph.tensors}
    while True:
        _agree(qgraph, found, dropped)
        empty = [name for name, mask in dropped.items() if mask.all()]
        if not empty:
            return dropped
        for name in empty:
            dropped[name][int(np.argmax(found.ranges[name].constant))] = False


def _agree(qgraph: QGraph, found: Analysis, dropped: dict[str, Mask]) -> None:
    """Let every node take back channels until none does."""
    changed = True
    while changed:
        changed = False
        for node in chain(reversed(qgraph.nodes), qgraph.nodes):
            names = (*node.inputs, node.output)
            inputs, output = found.rules[node.output].agree([dropped[name] for name in node.inputs], dropped[node.output])
            for name, mask in zip(names, (*inputs, output), strict=True):
                if np.any(dropped[name] & ~mask):
                    dropped[name] = dropped[name] & mask
                    changed = True

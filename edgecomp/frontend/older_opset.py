"""Operators that opset 17 does not have, written with those it has. `edgecomp.passes` recognises them again."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import pi, sqrt

import numpy as np

from edgecomp.graph import Graph, Node, Tensor
from edgecomp.ops.arithmetic import Add, Mul
from edgecomp.ops.base import Operator
from edgecomp.ops.pointwise import Erf, Gelu, Mish, Pow, Softplus, Tanh


def without_newer_operators(graph: Graph) -> Graph:
    """The same function without Gelu and Mish; the tensors they write keep their names."""
    if not any(isinstance(node.op, (Gelu, Mish)) for node in graph.nodes):
        return graph
    nodes: list[Node] = []
    tensors: list[Tensor] = []
    for node in graph.nodes:
        if isinstance(node.op, (Gelu, Mish)):
            parts = _Parts(graph, node)
            parts.write(node.op)
            nodes += parts.nodes
            tensors += parts.tensors
        else:
            nodes.append(node)
    return graph.rebuilt(nodes, tensors)


@dataclass
class _Parts:
    """The nodes that stand for one, while they are being written."""

    graph: Graph
    whole: Node
    nodes: list[Node] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)

    def write(self, op: Gelu | Mish) -> None:
        """Write the operator's formula."""
        x = str(self.whole.inputs[0])
        if isinstance(op, Mish):
            self._apply(Mul(), x, self._apply(Tanh(), self._apply(Softplus(), x)), last=True)
            return
        if op.approximate == "tanh":
            cubic = self._apply(Mul(), self._apply(Pow(3.0), x), self._number(0.044715))
            inner = self._apply(Mul(), self._apply(Add(), x, cubic), self._number(sqrt(2 / pi)))
            share = self._apply(Tanh(), inner)
        else:
            share = self._apply(Erf(), self._apply(Mul(), x, self._number(1 / sqrt(2))))
        doubled = self._apply(Mul(), x, self._apply(Add(), share, self._number(1.0)))
        self._apply(Mul(), doubled, self._number(0.5), last=True)

    def _apply(self, op: Operator, *inputs: str, last: bool = False) -> str:
        """Append one node; the last one takes the name and the output of the node that it replaces."""
        result = self.whole.outputs[0]
        if last:
            self.nodes.append(Node(self.whole.name, op, inputs, (result,)))
            return result
        part = f"{result}__part_{len(self.nodes)}"
        self.tensors.append(Tensor(part, self.graph.tensors[result].shape))
        self.nodes.append(Node(f"{self.whole.name}__part_{len(self.nodes)}", op, inputs, (part,)))
        return part

    def _number(self, value: float) -> str:
        name = f"{self.whole.outputs[0]}__number_{len(self.tensors)}"
        self.tensors.append(Tensor(name, (), data=np.asarray(value, np.float32)))
        return name

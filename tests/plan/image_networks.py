"""Made-up integer networks of convolutions, sums and max pools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np
from hypothesis import strategies as st

from edgecomp.qgraph import Port, QGraph, QNode, QOp, QTensor
from edgecomp.qops import Add, Conv2D, MaxPool2D
from edgecomp.qops.boxes import broadcast_box
from edgecomp.qops.rescale import add_weights

Image = tuple[int, int, int]


class Builder:
    """Integer networks of convolutions, sums and pools over images [height, width, channels]."""

    def __init__(self, seed: int, *shape: int) -> None:
        self.random = np.random.default_rng(seed)
        self.shapes: dict[str, Image] = {"in": (shape[0], shape[1], shape[2])}
        self.nodes: list[QNode] = []

    def add_node(self, op: QOp, shape: Image, *inputs: str) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(QNode(f"layer{len(self.nodes)}", type(op).__name__, op, inputs, name))
        self.shapes[name] = shape
        return name

    def conv(self, source: str, channels: int, kernel: int = 3, stride: int = 1) -> str:
        """Same padding."""
        h, w, c = self.shapes[source]
        rows, columns = -(-h // stride), -(-w // stride)
        op = Conv2D(
            **self._window(h, w, rows, columns, kernel, stride, (kernel - 1) // 2), input_c=c, output_c=channels, groups=1,
            input_zero_point=-3, output_zero_point=5, clamp_min=-100, clamp_max=120,
            weights=self.random.integers(-127, 128, channels * kernel * kernel * c).astype(np.int8),
            bias=self.random.integers(-4000, 4000, channels).astype(np.int32),
            multiplier=self.random.integers(1 << 18, 1 << 21, channels).astype(np.int32), shift=0,
        )  # fmt: skip
        return self.add_node(op, (rows, columns, channels), source)

    def pool(self, source: str, kernel: int, stride: int, pad: int = 0, dilation: int = 1) -> str:
        h, w, c = self.shapes[source]
        rows, columns = ((size + 2 * pad - (kernel - 1) * dilation - 1) // stride + 1 for size in (h, w))
        geometry = self._window(h, w, rows, columns, kernel, stride, pad) | {"dilation_h": dilation, "dilation_w": dilation}
        return self.add_node(MaxPool2D(**geometry, input_c=c, clamp_min=-128, clamp_max=110), (rows, columns, c), source)

    def sum(self, a: str, b: str) -> str:
        size = (prod(self.shapes[a]),)
        other = (prod(self.shapes[b]),)
        op = Add(*broadcast_box(size, other), *add_weights(0.02, 0.03, -3, 4, 0.05, 1), -128, 127)
        return self.add_node(op, self.shapes[a], a, b)

    def graph(self, *outputs: str) -> QGraph:
        tensors = {name: QTensor(name, (prod(shape),), 1.0, 0) for name, shape in self.shapes.items()}
        ports = [Port(name, name, (prod(self.shapes[name]),), (0,)) for name in ("in", *outputs)]
        return QGraph("network", tensors, tuple(self.nodes), (ports[0],), tuple(ports[1:])).verify()

    @staticmethod
    def _window(h: int, w: int, rows: int, columns: int, kernel: int, stride: int, pad: int) -> dict[str, int]:
        sizes = {"input_h": h, "input_w": w, "output_h": rows, "output_w": columns, "pad_top": pad, "pad_left": pad}
        each = {"kernel": kernel, "stride": stride, "dilation": 1}
        return sizes | {f"{name}_{axis}": value for name, value in each.items() for axis in "hw"}


@st.composite
def networks(draw: st.DrawFn) -> QGraph:
    """Layers of which each reads one of the last tensors; sums join equal shapes."""
    net = Builder(draw(st.integers(0, 999)), draw(st.integers(4, 9)), draw(st.integers(4, 9)), draw(st.integers(1, 5)))
    names = ["in"]
    for _ in range(draw(st.integers(2, 6))):
        source = draw(st.sampled_from(names[-2:]))
        kind = draw(st.sampled_from(["conv", "conv", "sum", "sum", "pool"]))
        partners = [name for name in names if net.shapes[name] == net.shapes[source]]
        if kind == "sum":
            names.append(net.sum(*draw(st.permutations([source, draw(st.sampled_from(partners))]))))
        elif kind == "pool" and min(net.shapes[source][:2]) >= 3:
            names.append(net.pool(source, draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(0, 1))))
        else:
            channels = draw(st.sampled_from([net.shapes[source][2], draw(st.integers(1, 6))]))
            names.append(net.conv(source, channels, draw(st.sampled_from([1, 3])), draw(st.sampled_from([1, 1, 2]))))
    return net.graph(*draw(st.sampled_from([names[-1:], names[-2:]])))


def block(residual_first: bool = False) -> QGraph:
    """x -> conv -> conv, plus x."""
    net = Builder(0, 8, 8, 4)
    x = net.conv("in", 6)
    branch = net.conv(net.conv(x, 6), 6)
    return net.graph(net.sum(x, branch) if residual_first else net.sum(branch, x))


def pooled() -> QGraph:
    """conv -> conv -> pool, twice, with windows that overlap and ones that leave rows out."""
    net = Builder(1, 13, 10, 3)
    half = net.pool(net.conv(net.conv("in", 8), 8), 3, 2, 1)
    return net.graph(net.pool(net.conv(net.conv(half, 12), 5), 1, 2))


def renamed(graph: QGraph, prefix: str) -> QGraph:
    """Every name with `prefix` in front."""

    def port(given: Port) -> Port:
        return replace(given, name=prefix + given.name, tensor=prefix + given.tensor)

    def node(given: QNode) -> QNode:
        names = tuple(prefix + name for name in given.inputs)
        return replace(given, layer=prefix + given.layer, inputs=names, output=prefix + given.output)

    return replace(
        graph,
        tensors={prefix + name: replace(tensor, name=prefix + name) for name, tensor in graph.tensors.items()},
        nodes=tuple(map(node, graph.nodes)),
        inputs=tuple(map(port, graph.inputs)),
        outputs=tuple(map(port, graph.outputs)),
    )


def side_by_side(graphs: Sequence[QGraph]) -> QGraph:
    """One network of several, each with inputs and outputs of its own."""
    parts = [renamed(graph, f"n{number}_") for number, graph in enumerate(graphs)]
    return QGraph(
        "side_by_side",
        {name: tensor for part in parts for name, tensor in part.tensors.items()},
        tuple(node for part in parts for node in part.nodes),
        tuple(port for part in parts for port in part.inputs),
        tuple(port for part in parts for port in part.outputs),
    ).verify()

"""Hypothesis draws of whole networks: layers one behind the other, branches, several outputs."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hypothesis import strategies as st
from onnx import GraphProto, ModelProto, printer

from tests.property.layers import LAYERS, Draw, pick, whole
from tests.property.onnx_builder import NetworkBuilder, Shape

INPUT_SHAPES: tuple[Shape, ...] = (
    (1, 3, 7, 5),
    (1, 1, 9, 4),
    (1, 5, 6, 6),
    (1, 8, 3, 3),
    (1, 4, 8, 8),
    (1, 16, 5, 7),
    (1, 3, 12, 12),
    (1, 6, 11),
    (1, 4, 16),
    (1, 12),
    (1, 7, 4, 1),
    (1, 2, 3, 4, 2),
)


@dataclass(frozen=True)
class Drawn:
    """A network, and a seed for data."""

    proto: ModelProto
    seed: int

    def __str__(self) -> str:
        """The network's nodes as ONNX writes them as text; small constants with their values."""
        short = GraphProto()
        short.CopyFrom(self.proto.graph)
        large = [tensor for tensor in short.initializer if prod(tensor.dims) > 8]
        for tensor in large:
            short.initializer.remove(tensor)
        return f"seed {self.seed}, {printer.to_text(short)}"


@st.composite
def single_layers(draw: Draw, kind: str) -> Drawn:
    """A network of one layer of a kind in `LAYERS`."""
    layer = LAYERS[kind]
    seed = whole(draw, 0, 2**16)
    net = NetworkBuilder(pick(draw, *(shape for shape in INPUT_SHAPES if layer.takes(shape))), seed)
    return _finished(net, [layer.add(draw, net, "x")], seed)


@st.composite
def networks(draw: Draw, heads: int = 1, most_layers: int = 5) -> Drawn:
    """`heads` chains of layers on one input, that may also branch and join; the ends are outputs, and some inner tensors too."""
    seed = whole(draw, 0, 2**16)
    net = NetworkBuilder(pick(draw, *INPUT_SHAPES[:-1]), seed)
    ends = []
    for _ in range(heads):
        name = "x" if draw(st.booleans()) else pick(draw, *net.tensors)
        for _ in range(whole(draw, 1, most_layers)):
            shape = net.shape(name)
            kinds = [kind for kind, layer in LAYERS.items() if layer.takes(shape)]
            if not kinds:  # a single number, or too large to go on with
                break
            name = LAYERS[pick(draw, *kinds)].add(draw, net, name)
        ends.append(name)
    inner = [name for name in net.tensors if name not in (*ends, "x")]
    if inner and draw(st.booleans()):
        ends.append(pick(draw, *inner))
    return _finished(net, [name for name in dict.fromkeys(ends) if name != "x"], seed)


def _finished(net: NetworkBuilder, outputs: list[str], seed: int) -> Drawn:
    return Drawn(net.model(outputs), seed)

"""Standard QDQ ONNX: `insert_qdq` writes a Scheme as QuantizeLinear/DequantizeLinear pairs, `absorb_qdq` reads such pairs back.

What is written comes back to the same bits: scales are float32 on both sides, weights and biases stand as integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edgecomp.errors import UnsupportedError
from edgecomp.graph import Array, Graph, Node, Tensor
from edgecomp.ops.base import refusal
from edgecomp.ops.identity import Identity
from edgecomp.ops.quantize_linear import DequantizeLinear, QuantizeLinear
from edgecomp.qgraph import IntArray
from edgecomp.quant.join_bias import join_bias
from edgecomp.quant.quantize import operator
from edgecomp.quant.scheme import Quant, Scheme

INTEGER_INPUT_KEY = "edgecomp.integer_input."
"""Metadata key + input name: the model's input was this integer type, so data are rounded to it and not scaled."""


def insert_qdq(scheme: Scheme) -> Graph:
    """The network with a QuantizeLinear and a DequantizeLinear node on every quantized activation and integer constants."""
    graph = scheme.graph
    nodes: list[Node] = []
    tensors: list[Tensor] = []

    def parameters(name: str, quant: Quant) -> tuple[str, str]:
        tensors.append(Tensor(f"{name}_scale", quant.scale.shape, "float32", quant.scale.astype(np.float32)))
        zero_point = np.broadcast_to(quant.zero_point, quant.scale.shape).astype(quant.dtype, order="C")
        tensors.append(Tensor(f"{name}_zero_point", zero_point.shape, quant.dtype, zero_point))
        return f"{name}_scale", f"{name}_zero_point"

    def pair(name: str, written: str, read: str) -> None:
        quant = scheme.quants[name]
        shape = graph.tensors[name].shape
        names = parameters(name, quant)
        tensors.append(Tensor(f"{name}_quantized", shape, quant.dtype))
        tensors.append(Tensor(read, shape))
        nodes.append(Node(f"{name}_QuantizeLinear", QuantizeLinear(), (written, *names), (f"{name}_quantized",)))
        nodes.append(Node(f"{name}_DequantizeLinear", DequantizeLinear(), (f"{name}_quantized", *names), (read,)))

    reads: dict[str, str] = {}
    for name, integers in scheme.integers.items():
        quant = scheme.quants[name]
        tensors.append(Tensor(f"{name}_quantized", integers.shape, quant.dtype, integers))
        tensors.append(Tensor(f"{name}_dequantized", integers.shape))
        names = parameters(name, quant)
        op = DequantizeLinear(axis=quant.axis)
        nodes.append(Node(f"{name}_DequantizeLinear", op, (f"{name}_quantized", *names), (f"{name}_dequantized",)))
        reads[name] = f"{name}_dequantized"
    for name in graph.inputs:
        pair(name, name, f"{name}_dequantized")
        reads[name] = f"{name}_dequantized"
    for node in graph.nodes:
        outputs = []
        for name in node.outputs:
            is_output = name in graph.outputs and name in scheme.quants
            outputs.append(f"{name}_float" if is_output else name)
            if is_output:
                tensors.append(Tensor(f"{name}_float", graph.tensors[name].shape))
        nodes.append(replace(node, inputs=tuple(None if n is None else reads.get(n, n) for n in node.inputs), outputs=tuple(outputs)))
        for name, written in zip(node.outputs, outputs, strict=True):
            if name in scheme.quants:
                reads[name] = f"{name}_dequantized" if written == name else name
                pair(name, written, reads[name])
    return graph.rebuilt(nodes, tensors)


def has_qdq(graph: Graph) -> bool:
    """Whether the model came quantized."""
    return any(isinstance(node.op, (QuantizeLinear, DequantizeLinear)) for node in graph.nodes)


def signed(quant: Quant, integers: IntArray | None, where: str) -> tuple[Quant, IntArray | None]:
    """uint8 as int8: the same real values, 128 lower.

    Raises:
        UnsupportedError: another type.
    """
    if quant.dtype in ("int8", "int32"):
        return quant, integers
    if quant.dtype != "uint8":
        raise UnsupportedError(f"{where}: quantized to {quant.dtype}; allowed: int8, uint8, int32 for biases; quantize it to 8 bits")
    moved = Quant(quant.scale, (quant.zero_point.astype(np.int16) - 128).astype(np.int8), "int8", quant.axis)
    return moved, None if integers is None else (integers.astype(np.int16) - 128).astype(np.int8)


class _Absorber:
    """The state of one walk over a QDQ graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.quants: dict[str, Quant] = {}
        self.integers: dict[str, IntArray] = {}
        self.floats: dict[str, Tensor] = {}
        self.alias: dict[str, str] = {}  # tensor of the QDQ graph -> tensor of the float graph
        self.pending: dict[str, tuple[str, Quant]] = {}  # integer tensor -> (float tensor, quantization)
        self.nodes: list[Node] = []
        self.metadata: dict[str, str] = dict(graph.metadata)

    def name(self, name: str) -> str:
        return self.alias.get(name, name)

    def read_quant(self, node: Node) -> Quant:
        """Scale and zero point of a Q or DQ node; both must be constants."""
        scale = self.graph.constant(node.inputs[1])
        if scale is None:
            raise refusal(node, "a scale computed at run time", "a constant scale", "quantize statically")
        zero_name = node.inputs[2] if len(node.inputs) > 2 else None
        zero = self.graph.constant(zero_name)
        dtype = "uint8" if isinstance(node.op, QuantizeLinear) else self.graph.tensors[str(node.inputs[0])].dtype
        if zero is None:
            zero = np.zeros(scale.shape, dtype)
        assert isinstance(node.op, (QuantizeLinear, DequantizeLinear))
        if scale.size == 1:
            return Quant(scale.reshape(()).astype(np.float32), zero.reshape(()), str(zero.dtype), None)
        return Quant(scale.reshape(-1).astype(np.float32), zero.reshape(-1), str(zero.dtype), node.op.axis)

    def quantize(self, node: Node) -> None:
        source, target = self.name(str(node.inputs[0])), node.outputs[0]
        quant, _ = signed(self.read_quant(node), None, f"node {node.name!r}")
        data = self.graph.constant(str(node.inputs[0]))
        if data is not None:
            self.integers_of(node.outputs[0], quant, quant.quantize(data))
            return
        if quant.axis is not None:
            raise refusal(node, "an activation quantized per channel", "one scale", "quantize activations per tensor")
        if source in self.quants and not same(self.quants[source], quant):
            copy = f"{target}__rescaled"
            self.nodes.append(Node(node.name, Identity(), (source,), (copy,)))
            self.floats[copy] = Tensor(copy, self.graph.tensors[str(node.inputs[0])].shape)
            source = copy
        self.quants[source] = quant
        self.pending[target] = (source, quant)
        self.alias[target] = source

    def integers_of(self, name: str, quant: Quant, integers: IntArray) -> None:
        self.quants[name], self.integers[name] = quant, integers
        self.floats[name] = Tensor(name, integers.shape, "float32", quant.dequantize(integers))

    def dequantize(self, node: Node) -> None:
        source, target = str(node.inputs[0]), node.outputs[0]
        if source in self.pending:
            self.alias[target] = self.pending[source][0]
            return
        if source in self.integers:
            self.alias[target] = source
            return
        data = self.graph.constant(source)
        read = self.read_quant(node)
        if data is not None:
            quant, integers = signed(read, data, f"node {node.name!r}")
            assert integers is not None
            self.integers_of(target, quant, integers)
        else:
            self.integer_input(node, source, read)

    def integer_input(self, node: Node, source: str, read: Quant) -> None:
        """A DQ node behind an integer input of the model, or behind operators that only move its integers."""
        chain = [source]
        while (producer := self.graph.producers.get(chain[-1])) and operator(producer).keeps_scale:
            chain.append(str(producer.inputs[0]))
        origin = chain[-1]
        quant, _ = signed(read, None, f"node {node.name!r}")
        if origin not in self.graph.inputs or (origin in self.quants and not same(self.quants[origin], quant)):
            raise refusal(node, f"input {source!r} that no QuantizeLinear writes", "Q/DQ pairs", "quantize with Q/DQ pairs on every tensor")
        self.metadata[INTEGER_INPUT_KEY + origin] = self.graph.tensors[origin].dtype
        for name in chain:
            self.quants[name] = quant
            self.floats[name] = Tensor(name, self.graph.tensors[name].shape)
        self.alias[node.outputs[0]] = source

    def operator(self, node: Node) -> None:
        """Any other node; one that only moves values may stand between Q and DQ, where it moves integers."""
        inputs = tuple(None if name is None else self.name(name) for name in node.inputs)
        self.nodes.append(replace(node, inputs=inputs))
        moved = next((self.pending[name] for name in node.inputs if name in self.pending), None)
        if moved is None:
            return
        if not operator(node).keeps_scale:
            raise refusal(node, "integer inputs", "operators that only move values between Q and DQ", "put DequantizeLinear before it")
        for name in node.outputs:
            self.quants[name] = moved[1]
            self.pending[name] = (name, moved[1])
            self.floats[name] = Tensor(name, self.graph.tensors[name].shape)

    def outputs(self) -> tuple[str, ...]:
        """The model's outputs, each a tensor of its own: Identity stands where two are one, or one is an input."""
        found: list[str] = []
        for wanted in self.graph.outputs:
            name = self.name(wanted)
            if name in found or (name in self.graph.inputs and name != wanted):
                copy = f"{wanted}__output"
                self.nodes.append(Node(copy, Identity(), (name,), (copy,)))
                self.floats[copy] = Tensor(copy, self.graph.tensors[wanted].shape)
                if name in self.quants:
                    self.quants[copy] = self.quants[name]
                name = copy
            found.append(name)
        return tuple(found)


def same(a: Quant, b: Quant) -> bool:
    """Whether two tensors mean the same real values by the same integers."""
    return a.dtype == b.dtype and a.axis == b.axis and np.array_equal(a.scale, b.scale) and np.array_equal(a.zero_point, b.zero_point)


def absorb_qdq(graph: Graph) -> Scheme:
    """The float network without its Q and DQ nodes, and the quantization they state.

    Raises:
        UnsupportedError: a scale is computed at run time, an activation has a scale per channel, or a type is not 8 bits.
    """
    walk = _Absorber(graph)
    for node in graph.nodes:
        if isinstance(node.op, QuantizeLinear):
            walk.quantize(node)
        elif isinstance(node.op, DequantizeLinear):
            walk.dequantize(node)
        else:
            walk.operator(node)
    outputs = walk.outputs()
    tensors = {**graph.tensors, **walk.floats}
    bare = replace(graph, tensors=tensors, nodes=tuple(walk.nodes), outputs=outputs, metadata=walk.metadata)
    scheme = Scheme(bare.rebuilt(walk.nodes, walk.floats.values()), walk.quants, walk.integers)
    return renamed(join_bias(scheme), dict(zip(outputs, graph.outputs, strict=True)))


def renamed(scheme: Scheme, names: Mapping[str, str]) -> Scheme:
    """The scheme with tensors renamed: outputs get the names that the file gave them."""
    taken = set(scheme.graph.tensors)
    names = {old: new for old, new in names.items() if new not in taken}
    if not names:
        return scheme

    def of(name: str) -> str:
        return names.get(name, name)

    graph = scheme.graph
    nodes = [
        replace(n, inputs=tuple(None if i is None else of(i) for i in n.inputs), outputs=tuple(map(of, n.outputs))) for n in graph.nodes
    ]
    tensors = {of(name): replace(tensor, name=of(name)) for name, tensor in graph.tensors.items()}
    fresh = replace(graph, tensors=tensors, nodes=tuple(nodes), outputs=tuple(map(of, graph.outputs))).verify()
    return Scheme(fresh, {of(n): q for n, q in scheme.quants.items()}, {of(n): i for n, i in scheme.integers.items()})


def float_values(scheme: Scheme) -> Mapping[str, Array]:
    """Constants of the network as the integers mean them."""
    return {name: scheme.quants[name].dequantize(integers) for name, integers in scheme.integers.items()}

"""Deciding the quantization of every tensor of a float network: `quantize(graph, ranges) -> Scheme`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from edgecomp.errors import UnsupportedError
from edgecomp.graph import Array, Graph, Node, Tensor
from edgecomp.ops.base import Operator
from edgecomp.qgraph import IntArray
from edgecomp.quant.scheme import Quant, Scheme, from_range, whole
from edgecomp.quant.weights import quantize_bias, quantize_weights, rounding_shift


def operator(node: Node) -> Operator:
    """The node's operator with its quantization traits."""
    assert isinstance(node.op, Operator)
    return node.op


def inside_kernels(graph: Graph) -> frozenset[str]:
    """Activations that never exist as integers: a kernel computes them and applies the Relu or Clip that follows."""
    names: set[str] = set()
    for node in graph.nodes:
        name = node.outputs[0]
        clamps_on = operator(node).fuses_clamp or (operator(node).clamp is not None and node.inputs[0] in names)
        reader = graph.sole_consumer(name)
        if clamps_on and reader is not None and operator(reader).clamp is not None:
            names.add(name)
    return frozenset(names)


def needs_range(graph: Graph) -> tuple[str, ...]:
    """Activations whose range must be measured, in order: not those whose quantization follows from their operator or input."""
    hidden = inside_kernels(graph)
    names = list(graph.inputs)
    for node in graph.nodes:
        if operator(node).keeps_scale or operator(node).fixed_quant:
            continue
        names.extend(name for name in node.outputs if name not in hidden)
    return tuple(names)


def corrected_inputs(graph: Graph) -> tuple[str, ...]:
    """Activations whose channel means tell how the rounding of weights shifts their consumers' outputs."""
    return tuple(dict.fromkeys(str(node.inputs[0]) for node, _, bias in weighted_nodes(graph) if bias is not None))


def quantize(graph: Graph, ranges: Mapping[str, tuple[float, float]], input_means: Mapping[str, Array] | None = None) -> Scheme:
    """Quantize activations from their ranges, then weights and biases.

    With `input_means` (channel means of `corrected_inputs`) biases take back the mean shift that rounding the weights causes
    (Nagel et al., "Data-free quantization through weight equalization and bias correction", 2019, section 4.2).

    Raises:
        UnsupportedError: a tensor has no range and no rule gives one.
    """
    graph = unshared_weights(graph)
    quants: dict[str, Quant] = {}
    hidden = inside_kernels(graph)

    def assign(name: str, node: Node | None) -> None:
        if name in hidden:
            return
        if node is not None and operator(node).keeps_scale and node.inputs[0] in quants:
            quants[name] = operator(node).kept_quant(quants[str(node.inputs[0])])
        elif node is not None and (fixed := operator(node).fixed_quant):
            quants[name] = whole(*fixed)
        elif name in ranges:
            quants[name] = from_range(*ranges[name])
        else:
            raise UnsupportedError(f"tensor {name!r}: no range was measured and none follows from its operator")

    for name in graph.inputs:
        assign(name, None)
    for node in graph.nodes:
        for name in node.outputs:
            assign(name, node)
    return quantize_constants(Scheme(graph, quants), input_means or {})


def weighted_nodes(graph: Graph) -> Iterator[tuple[Node, str, str | None]]:
    """Nodes with constant weights: node, name of the weights, name of the constant bias or None."""
    for node in graph.nodes:
        if operator(node).has_weights and graph.constant(node.inputs[1]) is not None:
            bias = node.inputs[2] if len(node.inputs) > 2 else None
            yield node, str(node.inputs[1]), bias if graph.constant(bias) is not None else None


def quantize_constants(scheme: Scheme, input_means: Mapping[str, Array] | None = None) -> Scheme:
    """Add the constants that are not integers yet, biases corrected where the mean of the node's input is given."""
    quants: dict[str, Quant] = dict(scheme.quants)
    integers: dict[str, IntArray] = dict(scheme.integers)
    for name in dict.fromkeys(name for node in scheme.graph.nodes for name in operator(node).integer_operands(node, scheme.graph)):
        if name not in integers:
            operand = scheme.graph.tensors[name].data
            assert operand is not None
            quants[name] = from_range(float(operand.min(initial=0)), float(operand.max(initial=0)))
            integers[name] = quants[name].quantize(operand)
    for node, weights, bias in weighted_nodes(scheme.graph):
        values = scheme.graph.constant(weights)
        assert values is not None
        axis = operator(node).weight_axis(values.ndim)
        source = quants.get(str(node.inputs[0]))
        if source is None:
            continue
        offsets = scheme.graph.constant(bias)
        if weights not in integers:
            channels = 1 if axis is None else values.shape[axis]
            plain = None if offsets is None else np.resize(offsets, max(offsets.size, channels))
            result = quants.get(final_output(scheme, node))
            scale_out = None if result is None else result.step
            quants[weights], integers[weights] = quantize_weights(
                values, axis, scale_in=source.step, zero_point_in=source.zero, bias=plain, scale_out=scale_out
            )
        if bias is not None and offsets is not None and bias not in integers and offsets.ndim == 1:
            scale = np.float32(source.step) * np.resize(quants[weights].scale.reshape(-1), offsets.size)
            quants[bias] = Quant(scale.astype(np.float32), np.zeros(offsets.size, np.int32), "int32", 0)
            shift = mean_shift(node, values, quants[weights], integers[weights], (input_means or {}).get(str(node.inputs[0])))
            integers[bias] = quantize_bias(offsets - shift, source.step, quants[weights].scale)
    return replace(scheme, quants=quants, integers=integers)


def mean_shift(node: Node, values: Array, quant: Quant, integers: IntArray, means: Array | None) -> Array | float:
    """How far rounding the weights moves each output on average; 0 where that is not known for the node's form."""
    groups = getattr(node.op, "group", 1)
    if means is None or quant.axis is None or (quant.axis == 1 and values.ndim > 2):
        return 0.0
    inputs = values.shape[1 - quant.axis] * groups
    return rounding_shift(values, quant, integers, means, groups) if means.size == inputs else 0.0


def final_output(scheme: Scheme, node: Node) -> str:
    """The integer tensor that the node's kernel writes: behind the clamps it applies."""
    name = node.outputs[0]
    while name not in scheme.quants:
        reader = scheme.graph.sole_consumer(name)
        if reader is None or operator(reader).clamp is None:
            break
        name = reader.outputs[0]
    return name


def unshared_weights(graph: Graph) -> Graph:
    """Give every node weights, a bias and integer operands of its own, since their scales depend on where they are used."""
    renamed: list[Tensor] = []
    nodes = []
    for node in graph.nodes:
        inputs = list(node.inputs)
        read = operator(node).integer_operands(node, graph)
        for position, name in enumerate(node.inputs):
            data = graph.constant(name)
            if name is None or data is None or not (name in read or (position and operator(node).has_weights)):
                continue
            if len(graph.consumers[name]) > 1:
                inputs[position] = f"{name}__{node.outputs[0]}"
                renamed.append(Tensor(f"{name}__{node.outputs[0]}", data.shape, graph.tensors[name].dtype, data))
        nodes.append(replace(node, inputs=tuple(inputs)))
    return graph.rebuilt(nodes, renamed) if renamed else graph

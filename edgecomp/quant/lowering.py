"""From a float network with decided quantization to the integer network: `lower(scheme) -> QGraph`.

Each operator lowers itself (`Operator.lower`) with the services of `Lowering`. Two things are decided here once for all of them.

Layout. ONNX tensors are channels-first; kernels want channels last. A `Value` says in which order a tensor's elements lie in its
buffer, so a Transpose only relabels, and elements are moved by a Copy only where a kernel demands another order. Since kernels hold
their own dimensions, a Reshape relabels too, where the order allows it.

Fusion. A tensor without quantization exists only inside a kernel: a Relu or Clip after a convolution becomes the clamp of its kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from edgecomp.errors import UnsupportedError
from edgecomp.graph import Array, Graph, Node, Shape
from edgecomp.ops.base import Operator, refusal
from edgecomp.qgraph import IntArray, Port, QGraph, QNode, QOp, QTensor
from edgecomp.qops.copy import Copy
from edgecomp.qops.lut import Lut
from edgecomp.quant.layout import Permutation, Value, channels_last, in_order, relabelled, reordering, wants_channels_last
from edgecomp.quant.scheme import INT8_MAX, INT8_MIN, Quant, Scheme, from_range
from edgecomp.quant.weights import quantize_bias, quantize_weights


@dataclass(frozen=True)
class Result:
    """Where a kernel's output goes: after the fused clamps, in which quantization, clamped to which integers."""

    name: str
    quant: Quant
    clamp_min: int
    clamp_max: int
    layer: str
    kind: str


def fused_clamps(graph: Graph, quants: Mapping[str, Quant], name: str) -> tuple[Node, ...]:
    """The Relu and Clip nodes that the kernel which computes tensor `name` applies itself."""
    chain: list[Node] = []
    while name not in quants:
        node = graph.sole_consumer(name)
        if node is None or not isinstance(node.op, Operator) or node.op.clamp is None:
            break
        chain.append(node)
        name = node.outputs[0]
    return tuple(chain)


class Lowering:
    """The integer network while it is being written; operators call these services."""

    def __init__(self, scheme: Scheme) -> None:
        self.scheme = scheme
        self.graph = scheme.graph
        self.values: dict[str, Value] = {}
        self.tensors: dict[str, QTensor] = {}
        self.nodes: list[QNode] = []
        self.fused: set[str] = set()  # outputs already computed inside another kernel
        self.moved: dict[tuple[str, Shape, Permutation], str] = {}

    # What an operator asks about its tensors

    def shape(self, name: str) -> Shape:
        """Static ONNX shape."""
        return self.graph.tensors[name].shape

    def constant(self, name: str | None) -> Array | None:
        """Float values of a constant, None for an activation."""
        return self.graph.constant(name)

    def quant(self, name: str) -> Quant:
        """Quantization of an activation.

        Raises:
            UnsupportedError: the tensor exists in float only.
        """
        if name not in self.scheme.quants:
            node = self.graph.producers.get(name)
            where = f"node {node.name!r} ({node.kind})" if node else "the model's input"
            raise UnsupportedError(f"{where}: its output {name!r} is used in integers but has no quantization; quantize it as well")
        return self.scheme.quants[name]

    def result(self, node: Node, fuse: bool = True) -> Result:
        """Where the node's output goes, following the Relu and Clip nodes its kernel applies."""
        chain = fused_clamps(self.graph, self.scheme.quants, node.outputs[0]) if fuse else ()
        name = chain[-1].outputs[0] if chain else node.outputs[0]
        quant = self.quant(name)
        low, high = INT8_MIN, INT8_MAX
        for clamp in chain:
            assert isinstance(clamp.op, Operator) and clamp.op.clamp is not None
            bounds = quant.quantize(np.clip(np.array(clamp.op.clamp, np.float64), -3e38, 3e38))
            low, high = max(low, int(bounds[0])), min(high, int(bounds[1]))
            self.fused.add(clamp.outputs[0])
        layer = "+".join(n.name for n in (node, *chain))
        return Result(name, quant, low, max(low, high), layer, "+".join(n.kind for n in (node, *chain)))

    def weights(self, name: str, axis: int | None) -> tuple[IntArray, Array]:
        """Integers -127..127 (or as they came) and scales (one, or one a channel along `axis`) of a constant."""
        if name in self.scheme.integers:
            quant = self.scheme.quants[name]
            if np.any(quant.zero_point) or quant.axis not in (None, axis):
                values = quant.dequantize(self.scheme.integers[name])
                fresh, integers = quantize_weights(values, axis)
                return integers, fresh.scale
            return self.scheme.integers[name], quant.scale
        constant = self.constant(name)
        if constant is None:
            raise UnsupportedError(f"tensor {name!r}: weights computed at run time; only constant weights are supported here")
        fresh, integers = quantize_weights(constant, axis)
        return integers, fresh.scale

    def bias(self, name: str | None, count: int, scale_in: float, weight_scales: Array) -> IntArray:
        """int32 bias at scale_in * weight scale, [count]; zeros where there is none."""
        if name is None:
            return np.zeros(count, np.int32)
        if name in self.scheme.integers:
            came = np.broadcast_to(self.scheme.quants[name].scale.astype(np.float64).reshape(-1), count)
            wanted = np.resize(scale_in * weight_scales.astype(np.float64).reshape(-1), count)
            if np.allclose(came, wanted, rtol=1e-5, atol=0):
                return np.broadcast_to(self.scheme.integers[name].astype(np.int32).reshape(-1), count)
        values = self.constant(name)
        if values is None:
            raise UnsupportedError(f"tensor {name!r}: a bias computed at run time; only a constant bias is supported")
        if values.size not in (1, count):
            raise UnsupportedError(f"tensor {name!r}: a bias of shape {values.shape} for {count} outputs; give one value an output")
        return quantize_bias(np.broadcast_to(values.reshape(-1), count), scale_in, weight_scales)

    # Where the elements of a tensor lie

    def value(self, name: str) -> Value:
        """The tensor in whatever order it lies."""
        return self.values[name]

    def ordered(self, name: str, permutation: Permutation) -> str:
        """A buffer that holds the tensor's elements in row-major order of `array.transpose(permutation)`."""
        value = self.values[name]
        if value.row_major:
            value = in_order(value.tensor, value.shape)
        if value.reshaped and reordering(value, permutation) is None:
            whole = replace(value, shape=value.base)
            value = in_order(self._moved(whole, range(len(value.base))), value.shape)
        found = reordering(value, permutation)
        assert found is not None  # an array that is not reshaped has one
        order = [axis for axis in found[1] if found[0][axis] != 1]
        return value.tensor if order == sorted(order) else self._moved(value, permutation)

    def row_major(self, name: str) -> str:
        """A buffer that holds the tensor's elements in ONNX order."""
        return self.ordered(name, tuple(range(len(self.values[name].shape))))

    def channels_last(self, name: str) -> str:
        """A buffer that holds the tensor with its channels innermost."""
        return self.ordered(name, channels_last(len(self.values[name].shape)))

    def plain(self, name: str) -> Value:
        """The tensor in any order of its own axes (a reshaped one is put in order first)."""
        value = self.values[name]
        return in_order(self.row_major(name), value.shape) if value.reshaped else value

    def written(self, name: str) -> Value:
        """An output of the model, in a buffer that some kernel writes: a copy where it is an input.

        Raises:
            UnsupportedError: it is constant.
        """
        if name not in self.values:
            raise UnsupportedError(f"output {name!r}: is constant; allowed: outputs that depend on an input; rewrite: remove the output")
        value = self.plain(name)
        if value.tensor not in self.graph.inputs:
            return value
        source, copy = self.tensors[value.tensor], f"{value.tensor}__output"
        if copy not in self.tensors:
            self.tensors[copy] = QTensor(copy, value.stored, source.scale, source.zero_point, source.dtype)
            op = Copy.transposed(value.stored, range(len(value.stored)))
            self.nodes.append(QNode(f"{name} copied", "Identity", op, (value.tensor,), copy))
        return replace(value, tensor=copy)

    def _moved(self, value: Value, permutation: Sequence[int]) -> str:
        """A Copy of a value in row-major order of its array `.transpose(permutation)`."""
        found = reordering(value, tuple(permutation))
        assert found is not None
        key = (value.tensor, *found)
        if key not in self.moved:
            source = self.tensors[value.tensor]
            try:
                op = Copy.transposed(*found)
            except ValueError as error:
                raise UnsupportedError(f"tensor {value.tensor!r} of shape {value.base}: cannot be put in another order: {error}") from error
            name = f"{value.tensor}__order_{''.join(map(str, permutation))}"
            while name in self.tensors:  # the same order of other axes
                name += "_"
            dims = tuple(value.shape[axis] for axis in permutation)
            self.tensors[name] = QTensor(name, dims, source.scale, source.zero_point, source.dtype)
            self.nodes.append(QNode(f"{value.tensor} reordered", "Transpose", op, (value.tensor,), name))
            self.moved[key] = name
        return self.moved[key]

    # What an operator writes

    def emit(self, op: QOp, inputs: Sequence[str], result: Result, permutation: Permutation | None = None) -> None:
        """Append one kernel call whose output is the tensor `result.name`, stored in the given order (default: ONNX order)."""
        shape = self.shape(result.name)
        permutation = tuple(range(len(shape))) if permutation is None else permutation
        value = Value(result.name, shape, shape, permutation)
        self.tensors[result.name] = QTensor(result.name, value.stored, result.quant.step, result.quant.zero, permutation=permutation)
        self.nodes.append(QNode(result.layer, result.kind, op, tuple(inputs), result.name))
        self.values[result.name] = value

    def emit_inner(self, op: QOp, inputs: Sequence[str], name: str, shape: Shape, scale: float, zero_point: int, node: Node) -> str:
        """Append one kernel call whose output is an intermediate of the node's own; returns its buffer."""
        self.tensors[name] = QTensor(name, shape, scale, zero_point)
        self.nodes.append(QNode(node.name, node.kind, op, tuple(inputs), name))
        return name

    def relabel(self, node: Node, value: Value) -> None:
        """The node's output is its input's buffer under other dimensions: no kernel, unless the file gives it another scale."""
        name = node.outputs[0]
        if self._has_scale_of(name, value.tensor):
            self.values[name] = value
        else:
            self._table(value, self.result(node, fuse=False), lambda real: real)

    def reshape(self, node: Node) -> None:
        """The node's output is its input under another shape."""
        self.relabel(node, relabelled(self.values[str(node.inputs[0])], self.shape(node.outputs[0])))

    def rescaled(self, node: Node, op: QOp, source: str, permutation: Permutation, scale: float, zero_point: int) -> None:
        """Append a kernel that prescribes the scale of its output, and a table where the node's output has another."""
        result = self.result(node, fuse=False)
        if (result.quant.step, result.quant.zero) == (scale, zero_point):
            self.emit(op, (source,), result, permutation)
            return
        shape = self.shape(result.name)
        stored = tuple(shape[axis] for axis in permutation)
        inner = self.emit_inner(op, (source,), f"{result.name}__unscaled", stored, scale, zero_point, node)
        self._table(Value(inner, shape, shape, permutation), result, lambda real: real)

    def at_scale(self, node: Node, value: Value, quant: Quant) -> Value:
        """The value quantized as the node's output is: by a table, unless it is so already."""
        source = self.tensors[value.tensor]
        if (quant.step, quant.zero) == (source.scale, source.zero_point):
            return value
        integers = np.arange(INT8_MIN, INT8_MAX + 1)
        table = quant.quantize((integers - source.zero_point) * source.scale)
        name = f"{node.outputs[0]}__input"
        self.emit_inner(Lut(prod(value.base), table), (value.tensor,), name, value.stored, quant.step, quant.zero, node)
        return replace(value, tensor=name)

    def operand(self, name: str, permutation: Permutation, shape: Shape) -> tuple[str, Quant]:
        """An activation or constant in the given order of its axes, and its quantization."""
        if self.constant(name) is not None:
            return self.constant_tensor(name, permutation, shape)
        return self.ordered(name, permutation), self.quant(name)

    def move(self, node: Node, op: QOp, source: str, permutation: Permutation, output: int = 0) -> None:
        """Append a kernel that only moves or selects values of the buffer `source`, stored in the given order."""
        name = node.outputs[output]
        shape = self.shape(name)
        tensor = self.tensors[source]
        stored = tuple(shape[axis] for axis in permutation)
        if self._has_scale_of(name, source):
            self.tensors[name] = QTensor(name, stored, tensor.scale, tensor.zero_point, permutation=permutation)
            self.nodes.append(QNode(node.name, node.kind, op, (source,), name))
            self.values[name] = Value(name, shape, shape, permutation)
            return
        inner = self.emit_inner(op, (source,), f"{name}__moved", stored, tensor.scale, tensor.zero_point, node)
        self._table(Value(inner, shape, shape, permutation), self.output(node, output), lambda real: real)

    def pointwise(self, node: Node, name: str, function: Callable[[Array], Array]) -> None:
        """Append a table that computes the real function `function` of tensor `name`, element by element, and the clamps that follow."""
        self._table(self.values[name], self.result(node), function)

    def output(self, node: Node, index: int) -> Result:
        """One of several outputs, nothing fused."""
        quant = self.quant(node.outputs[index])
        return Result(node.outputs[index], quant, INT8_MIN, INT8_MAX, node.name, node.kind)

    def _has_scale_of(self, name: str, buffer: str) -> bool:
        source = self.tensors[buffer]
        quant = self.quant(name)
        return (quant.step, quant.zero) == (source.scale, source.zero_point)

    def _table(self, value: Value, result: Result, function: Callable[[Array], Array]) -> None:
        source = self.tensors[value.tensor]
        real = (np.arange(INT8_MIN, INT8_MAX + 1) - source.zero_point) * source.scale
        with np.errstate(all="ignore"):
            table = result.quant.quantize(np.nan_to_num(np.clip(function(real), -3e38, 3e38))).clip(result.clamp_min, result.clamp_max)
        permutation = None if value.reshaped else value.permutation
        self.tensors[result.name] = QTensor(result.name, value.stored, result.quant.step, result.quant.zero, permutation=permutation)
        self.nodes.append(QNode(result.layer, result.kind, Lut(prod(value.base), table), (value.tensor,), result.name))
        self.values[result.name] = Value(result.name, value.shape, value.base, value.permutation)

    def constant_tensor(self, name: str, permutation: Permutation, shape: Shape) -> tuple[str, Quant]:
        """A constant operand as integers in flash, broadcast dimensions kept, axes aligned to `shape` and stored in the given order."""
        values = self.constant(name)
        assert values is not None
        if name in self.scheme.integers and self.scheme.quants[name].axis is None:
            quant, integers = self.scheme.quants[name], self.scheme.integers[name]
        else:
            quant = from_range(float(values.min(initial=0)), float(values.max(initial=0)))
            integers = quant.quantize(values)
        aligned = integers.reshape((1,) * (len(shape) - integers.ndim) + integers.shape).transpose(permutation)
        key = f"{name}__stored_{''.join(map(str, permutation))}"
        self.tensors[key] = QTensor(key, aligned.shape, quant.step, quant.zero, "int8", np.ascontiguousarray(aligned))
        return key, quant


def lower(scheme: Scheme) -> QGraph:
    """The integer network of a quantized one.

    Raises:
        UnsupportedError: an operator has no integer kernel, named with its node.
    """
    lowering = Lowering(scheme)
    graph = scheme.graph
    inputs = []
    for name in graph.inputs:
        shape = graph.tensors[name].shape
        permutation = channels_last(len(shape)) if len(shape) > 2 and wants_channels_last(graph, name) else tuple(range(len(shape)))
        value = Value(name, shape, shape, permutation)
        quant = lowering.quant(name)
        lowering.values[name] = value
        lowering.tensors[name] = QTensor(name, value.stored, quant.step, quant.zero, permutation=permutation)
        inputs.append(Port(name, name, shape, permutation))
    for node in graph.nodes:
        if node.outputs[0] in lowering.fused:
            continue
        assert isinstance(node.op, Operator)
        before = len(lowering.nodes)
        try:
            node.op.lower(node, lowering)
            for made in lowering.nodes[before:]:
                made.op.verify()
        except ValueError as error:  # scales too far apart for any multiplier and shift
            found = f"numbers that fit no integers ({error})"
            raise refusal(node, found, "scales of like size", "rescale its weights or ranges") from error
    outputs = [Port(name, value.tensor, value.shape, value.permutation) for name in graph.outputs for value in [lowering.written(name)]]
    metadata = {key: value for key, value in graph.metadata.items() if key.startswith("edgecomp.")}
    return QGraph(graph.name, lowering.tensors, tuple(lowering.nodes), tuple(inputs), tuple(outputs), metadata).verify()

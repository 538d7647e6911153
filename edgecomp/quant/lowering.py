"""From a float network with decided quantization to the integer network: `lower(scheme) -> QGraph`.

Each operator lowers itself (`Operator.lower`) with the services of `Lowering`. Two things are decided here once for all of them.

Layout. ONNX tensors are channels-first; kernels want channels last. A `Value` says in which order a tensor's elements lie in its
buffer, so a Transpose only relabels, and elements are moved by a Copy only where a kernel demands another order. Since kernels hold
their own dimensions, a Reshape relabels too, where the order allows it.

Fusion. A tensor without quantization exists only inside a kernel: a Relu or Clip after a convolution becomes the clamp of its kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from edgecomp.errors import UnsupportedError
from edgecomp.graph import Array, Graph, Node, Shape
from edgecomp.ops.base import Operator
from edgecomp.qgraph import MAX_RANK, IntArray, Port, QGraph, QNode, QOp, QTensor
from edgecomp.qops.copy import Copy
from edgecomp.quant.scheme import INT8_MAX, INT8_MIN, Quant, Scheme
from edgecomp.quant.weights import quantize_bias, quantize_weights

Permutation = tuple[int, ...]


@dataclass(frozen=True)
class Value:
    """A tensor in a buffer: the array of `shape` is `array.reshape(base)` stored as `.transpose(permutation)` in row-major order."""

    tensor: str
    shape: Shape
    base: Shape
    permutation: Permutation

    @property
    def stored(self) -> Shape:
        """Dimensions of the buffer, outermost first."""
        return tuple(self.base[axis] for axis in self.permutation)

    @property
    def reshaped(self) -> bool:
        """Whether `permutation` speaks of other axes than `shape`."""
        return self.shape != self.base

    @property
    def row_major(self) -> bool:
        """Whether the buffer holds the elements in the order of the ONNX array: no axis longer than 1 has moved."""
        moved = [axis for axis in self.permutation if self.base[axis] != 1]
        return moved == sorted(moved)


def in_order(tensor: str, shape: Shape) -> Value:
    """A value whose elements lie in the order of its ONNX array."""
    return Value(tensor, shape, shape, tuple(range(len(shape))))


def channels_last(rank: int) -> Permutation:
    """(0, 2, 3, 1) for images, (0, 2, 1) for sequences, (0, 1) for vectors."""
    return (0, *range(2, rank), 1) if rank > 1 else tuple(range(rank))


@dataclass(frozen=True)
class Result:
    """Where a kernel's output goes: after the fused clamps, in which quantization, clamped to which integers."""

    name: str
    quant: Quant
    clamp_min: int
    clamp_max: int
    layer: str
    kind: str


def fused_clamps(graph: Graph, quants: object, name: str) -> tuple[Node, ...]:
    """The Relu and Clip nodes that the kernel which computes tensor `name` applies itself."""
    chain: list[Node] = []
    while name not in quants:  # type: ignore[operator]
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
        values = self.constant(name)
        if values is None:
            raise UnsupportedError(f"tensor {name!r}: weights computed at run time; only constant weights are supported here")
        fresh, integers = quantize_weights(values, axis)
        return integers, fresh.scale

    def bias(self, name: str | None, count: int, scale_in: float, weight_scales: Array) -> IntArray:
        """int32 bias at scale_in * weight scale, [count]; zeros where there is none."""
        if name is None:
            return np.zeros(count, np.int32)
        if name in self.scheme.integers:
            came = np.broadcast_to(self.scheme.quants[name].scale.astype(np.float64).reshape(-1), count)
            wanted = np.broadcast_to(scale_in * weight_scales.astype(np.float64).reshape(-1), count)
            if np.allclose(came, wanted, rtol=1e-5, atol=0):
                return self.scheme.integers[name].astype(np.int32).reshape(-1)
        values = self.constant(name)
        if values is None:
            raise UnsupportedError(f"tensor {name!r}: a bias computed at run time; only a constant bias is supported")
        return quantize_bias(values.reshape(-1), scale_in, weight_scales)

    # Where the elements of a tensor lie

    def value(self, name: str) -> Value:
        """The tensor in whatever order it lies."""
        return self.values[name]

    def ordered(self, name: str, permutation: Permutation) -> str:
        """A buffer that holds the tensor's elements in row-major order of `array.transpose(permutation)`."""
        value = self.values[name]
        shape = value.shape
        if not value.reshaped:
            if [a for a in value.permutation if shape[a] != 1] == [a for a in permutation if shape[a] != 1]:
                return value.tensor
        elif not value.row_major:
            value = in_order(self._moved(value, tuple(range(len(value.base)))), shape)
        else:
            value = in_order(value.tensor, shape)
        if value.row_major and Value(value.tensor, shape, shape, permutation).row_major:
            return value.tensor
        return self._moved(value, permutation)

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

    def like(self, name: str, permutation: Permutation) -> str:
        """A buffer in the given order of the tensor's own axes."""
        return self.ordered(name, permutation)

    def _moved(self, value: Value, permutation: Permutation) -> str:
        """A Copy of a value into another order of its base axes."""
        key = (value.tensor, value.base, permutation)
        if key not in self.moved:
            source = self.tensors[value.tensor]
            stored = value.stored
            steps = dict(zip(value.permutation, row_major_steps(stored), strict=True))
            dims = tuple(value.base[axis] for axis in permutation)
            op = strided_copy(dims, 0, tuple(steps[axis] for axis in permutation), 0, row_major_steps(dims))
            name = f"{value.tensor}__order_{''.join(map(str, permutation))}"
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
        self.tensors[result.name] = QTensor(result.name, value.stored, result.quant.step, result.quant.zero)
        self.nodes.append(QNode(result.layer, result.kind, op, tuple(inputs), result.name))
        self.values[result.name] = value

    def emit_inner(self, op: QOp, inputs: Sequence[str], name: str, shape: Shape, scale: float, zero_point: int, node: Node) -> str:
        """Append one kernel call whose output is an intermediate of the node's own; returns its buffer."""
        self.tensors[name] = QTensor(name, shape, scale, zero_point)
        self.nodes.append(QNode(node.name, node.kind, op, tuple(inputs), name))
        return name

    def relabel(self, node: Node, value: Value) -> None:
        """The node's output is its input's buffer under other dimensions: no kernel at all."""
        name = node.outputs[0]
        source = self.tensors[value.tensor]
        if name in self.scheme.quants and (self.quant(name).step, self.quant(name).zero) != (np.float32(source.scale), source.zero_point):
            self.values[name] = value
            self.rescale(node, value)
            return
        self.values[name] = value

    def rescale(self, node: Node, value: Value) -> None:
        """Put a value into the quantization of the node's output by a table."""
        from edgecomp.qops.lut import Lut

        source, quant = self.tensors[value.tensor], self.quant(node.outputs[0])
        real = (np.arange(INT8_MIN, INT8_MAX + 1) - source.zero_point) * float(source.scale)
        name = node.outputs[0]
        self.tensors[name] = QTensor(name, value.stored, quant.step, quant.zero)
        self.nodes.append(QNode(node.name, node.kind, Lut(prod(value.base), quant.quantize(real)), (value.tensor,), name))
        self.values[name] = Value(name, value.shape, value.base, value.permutation)

    def constant_tensor(self, name: str, permutation: Permutation, shape: Shape) -> tuple[str, Quant]:
        """A constant operand as integers in flash, broadcast dimensions kept, axes aligned to `shape` and stored in the given order."""
        values = self.constant(name)
        assert values is not None
        if name in self.scheme.integers and self.scheme.quants[name].axis is None:
            quant, integers = self.scheme.quants[name], self.scheme.integers[name]
        else:
            from edgecomp.quant.scheme import from_range

            quant = from_range(float(values.min(initial=0)), float(values.max(initial=0)))
            integers = quant.quantize(values)
        aligned = integers.reshape((1,) * (len(shape) - integers.ndim) + integers.shape).transpose(permutation)
        key = f"{name}__stored_{''.join(map(str, permutation))}"
        self.tensors[key] = QTensor(key, aligned.shape, quant.step, quant.zero, "int8", np.ascontiguousarray(aligned))
        return key, quant


def row_major_steps(shape: Shape) -> tuple[int, ...]:
    """Elements between neighbours along each axis of a row-major array."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def strided_copy(
    dims: Shape, input_offset: int, input_steps: Sequence[int], output_offset: int, output_steps: Sequence[int], fill: tuple[int, int] = (0, 0)
) -> Copy:
    """A Copy with axes of length 1 dropped and axes that run on joined, so that few loops remain.

    Raises:
        UnsupportedError: more than MAX_RANK axes remain.
    """
    axes = [(n, i, o) for n, i, o in zip(dims, input_steps, output_steps, strict=True) if n != 1]
    joined: list[tuple[int, int, int]] = []
    for n, i, o in axes:
        if joined and joined[-1][1] == n * i and joined[-1][2] == n * o:
            joined[-1] = (joined[-1][0] * n, i, o)
        else:
            joined.append((n, i, o))
    if len(joined) > MAX_RANK:
        raise UnsupportedError(f"a copy over {len(joined)} axes; at most {MAX_RANK} axes may remain after joining")
    joined = [(1, 0, 0)] * (MAX_RANK - len(joined)) + joined
    n, i, o = zip(*joined, strict=True)
    return Copy(
        dims=n, input_offset=input_offset, input_steps=i, output_offset=output_offset, output_steps=o, fill_count=fill[0], fill_value=fill[1]
    )


def wants_channels_last(graph: Graph, name: str) -> bool:
    """Whether a model input is first used by an operator that wants channels last, looking through operators that keep the order."""
    seen: set[str] = set()
    queue = [name]
    while queue:
        tensor = queue.pop()
        for node in graph.consumers.get(tensor, ()):
            if getattr(node.op, "spatial", False):
                return True
            if not getattr(node.op, "reorders", False) and node.outputs[0] not in seen:
                seen.add(node.outputs[0])
                queue.append(node.outputs[0])
    return False


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
        lowering.tensors[name] = QTensor(name, value.stored, quant.step, quant.zero)
        inputs.append(Port(name, name, shape, permutation))
    for node in graph.nodes:
        if node.outputs[0] in lowering.fused:
            continue
        assert isinstance(node.op, Operator)
        node.op.lower(node, lowering)
    outputs = []
    for name in graph.outputs:
        value = lowering.plain(name)
        outputs.append(Port(name, value.tensor, value.shape, value.permutation))
    metadata = {key: value for key, value in graph.metadata.items() if key.startswith("edgecomp.")}
    return QGraph(graph.name, lowering.tensors, tuple(lowering.nodes), tuple(inputs), tuple(outputs), metadata).verify()

"""Made-up integer networks with channels that cannot matter: zero filters, filters clamped off, zero columns, constants at borders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from hypothesis import strategies as st

from edgecomp.qgraph import IntArray, Port, QGraph, QNode, QOp, QTensor
from edgecomp.qops.add import Add
from edgecomp.qops.avg_pool2d import AveragePool2D
from edgecomp.qops.boxes import broadcast_box
from edgecomp.qops.concat import Concat
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv_transpose2d import ConvTranspose2D, phase_bias
from edgecomp.qops.copy import Copy
from edgecomp.qops.depthwise_conv2d import DepthwiseConv2D
from edgecomp.qops.fully_connected import FullyConnected
from edgecomp.qops.log_softmax import LogSoftmax
from edgecomp.qops.lut import Lut
from edgecomp.qops.matmul import MatMul
from edgecomp.qops.max_pool2d import MaxPool2D
from edgecomp.qops.mul import Mul
from edgecomp.qops.prelu import PRelu, prelu_weights
from edgecomp.qops.requantize import multiplier_and_shift
from edgecomp.qops.rescale import add_weights, concat_weights
from edgecomp.qops.resize_bilinear import ResizeBilinear, neighbours
from edgecomp.qops.resize_nearest import ResizeNearest
from edgecomp.qops.softmax import Softmax, exponential_table

OFF = -(1 << 20)
"""A bias below which no input lifts a small filter."""


class Net:
    """A network while it is being written. Tensors are [1, h, w, c]; `random` draws all values that are not given."""

    def __init__(self, h: int, w: int, c: int, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.tensors: dict[str, QTensor] = {}
        self.nodes: list[QNode] = []
        self.name("x", (1, h, w, c))

    def name(self, name: str, shape: Sequence[int], data: IntArray | None = None, zero_point: int | None = None) -> str:
        zero = int(self.random.integers(-128, 128)) if zero_point is None else zero_point
        self.tensors[name] = QTensor(name, tuple(shape), 0.1, zero, data=data, permutation=tuple(range(len(shape))))
        return name

    def call(self, op: QOp, inputs: Sequence[str], shape: Sequence[int], zero_point: int) -> str:
        output = self.name(f"t{len(self.nodes)}", shape, zero_point=zero_point)
        self.nodes.append(QNode(f"{op.kernel} {len(self.nodes)}", op.kernel, op, tuple(inputs), output))
        return output

    def shape(self, name: str) -> tuple[int, ...]:
        return self.tensors[name].shape

    def zero(self, name: str) -> int:
        return self.tensors[name].zero_point

    def constant(self, shape: Sequence[int]) -> str:
        values = self.random.integers(-128, 128, tuple(shape)).astype(np.int8)
        return self.name(f"c{len(self.tensors)}", shape, values)

    def finish(self, *outputs: str) -> QGraph:
        def port(name: str) -> Port:
            return Port(name, name, self.shape(name), tuple(range(len(self.shape(name)))))

        return QGraph("made up", self.tensors, tuple(self.nodes), (port("x"),), tuple(port(name) for name in outputs)).verify()

    # Layers with weights. `zero` filters ignore their input; `off` ones end at the lower clamp; `unread` columns are zero.

    def window(self, x: str, kernel: int, stride: int, pad: int, dilation: int = 1) -> dict[str, int]:
        _, h, w, c = self.shape(x)
        window = {"input_h": h, "input_w": w, "input_c": c, "pad_top": pad, "pad_left": pad}
        for axis, size in (("h", h + 2 * pad), ("w", w + 2 * pad)):
            apart = dilation if (kernel - 1) * dilation < size else 1
            taps = min(kernel, size)
            window |= {f"kernel_{axis}": taps, f"stride_{axis}": stride, f"dilation_{axis}": apart}
            window[f"output_{axis}"] = (size - (taps - 1) * apart - 1) // stride + 1
        return window

    def filters(self, count: int, fan_in: Sequence[int], zero: Sequence[int], off: Sequence[int]) -> tuple[IntArray, IntArray]:
        """Weights [count, *fan_in] and the plain bias."""
        weights = self.random.integers(-127, 128, (count, *fan_in))
        bias = self.random.integers(-3000, 3000, count)
        weights[list(zero)] = 0
        bias[list(off)] = OFF
        return weights.astype(np.int8), bias

    def rescaling(self, count: int, fan_in: int, relu: bool) -> dict[str, object]:
        scale = self.random.uniform(0.3, 1.5, count) / (74 * np.sqrt(fan_in))
        multiplier, shift = multiplier_and_shift(scale)
        zero = int(self.random.integers(-128, 60))
        low = zero if relu else -128
        return {"output_zero_point": zero, "clamp_min": low, "clamp_max": 127, "multiplier": multiplier, "shift": shift}

    def conv(
        self,
        x: str,
        outputs: int,
        kernel: int = 3,
        stride: int = 1,
        pad: int = 0,
        groups: int = 1,
        dilation: int = 1,
        relu: bool = True,
        zero: Sequence[int] = (),
        off: Sequence[int] = (),
        unread: Sequence[int] = (),
    ) -> str:
        window = self.window(x, kernel, stride, pad, dilation)
        fan_in = (window["kernel_h"], window["kernel_w"], window["input_c"] // groups)
        weights, bias = self.filters(outputs, fan_in, zero, off)
        weights[..., list(unread)] = 0
        folded = (bias - self.zero(x) * weights.astype(np.int64).sum((1, 2, 3))).astype(np.int32)
        scaling = self.rescaling(outputs, prod(fan_in), relu)
        op = Conv2D(**window, output_c=outputs, groups=groups, input_zero_point=self.zero(x), weights=weights, bias=folded, **scaling)
        return self.call(op, [x], (1, op.output_h, op.output_w, outputs), op.output_zero_point)

    def depthwise(
        self,
        x: str,
        kernel: int = 3,
        stride: int = 1,
        pad: int = 1,
        filters: int = 1,
        relu: bool = True,
        zero: Sequence[int] = (),
        off: Sequence[int] = (),
    ) -> str:
        window = self.window(x, kernel, stride, pad)
        outputs = window["input_c"] * filters
        weights, bias = self.filters(outputs, (window["kernel_h"], window["kernel_w"]), zero, off)
        folded = (bias - self.zero(x) * weights.astype(np.int64).sum((1, 2))).astype(np.int32)
        scaling = self.rescaling(outputs, kernel * kernel, relu)
        stored = np.ascontiguousarray(weights.transpose(1, 2, 0))
        channels = {"output_c": outputs, "channel_multiplier": filters, "input_zero_point": self.zero(x)}
        op = DepthwiseConv2D(**window, **channels, weights=stored, bias=folded, **scaling)
        return self.call(op, [x], (1, op.output_h, op.output_w, outputs), op.output_zero_point)

    def conv_transpose(
        self,
        x: str,
        outputs: int,
        kernel: int = 3,
        stride: int = 2,
        pad: int = 1,
        beyond: int = 0,
        zero: Sequence[int] = (),
        off: Sequence[int] = (),
    ) -> str:
        """`beyond` rows and columns are computed past the last that the input reaches."""
        _, h, w, c = self.shape(x)
        weights, bias = self.filters(outputs, (kernel, kernel, c), zero, off)
        folded = phase_bias(weights, bias, self.zero(x), (stride, stride), (1, 1)).astype(np.int32)
        sizes = [(n - 1) * stride + kernel - 2 * pad + beyond for n in (h, w)]
        op = ConvTranspose2D(
            *(h, w, c, *sizes, outputs, kernel, kernel, stride, stride, 1, 1, pad, pad, 1, self.zero(x)),
            weights=weights,
            bias=folded,
            **self.rescaling(outputs, kernel * kernel * c // stride, True),
        )
        return self.call(op, [x], (1, *sizes, outputs), op.output_zero_point)

    def dense(self, x: str, outputs: int, rows: int = 1, relu: bool = False, zero: Sequence[int] = (), off: Sequence[int] = ()) -> str:
        inputs = prod(self.shape(x)) // rows
        weights, bias = self.filters(outputs, (inputs,), zero, off)
        folded = (bias - self.zero(x) * weights.astype(np.int64).sum(1)).astype(np.int32)
        op = FullyConnected(rows, inputs, outputs, weights=weights, bias=folded, **self.rescaling(outputs, inputs, relu))
        shape = (1, 1, 1, outputs) if rows == 1 else (*self.shape(x)[:-1], outputs)
        return self.call(op, [x], shape, op.output_zero_point)

    # Layers without weights

    def add(self, a: str, b: str) -> str:
        zero = int(self.random.integers(-60, 60))
        box = broadcast_box(self.shape(a), self.shape(b))
        weights = add_weights(1.0, 0.7, self.zero(a), self.zero(b), 1.3, zero, subtract=bool(self.random.integers(2)))
        return self.call(Add(*box, *weights, -128, 127), [a, b], np.broadcast_shapes(self.shape(a), self.shape(b)), zero)

    def mul(self, a: str, b: str) -> str:
        multiplier, shift = multiplier_and_shift(0.02)
        box = broadcast_box(self.shape(a), self.shape(b))
        op = Mul(*box, self.zero(a), self.zero(b), 5, -100, 127, int(multiplier[0]), shift)
        return self.call(op, [a, b], np.broadcast_shapes(self.shape(a), self.shape(b)), 5)

    def lut(self, x: str, table: IntArray | None = None) -> str:
        values = self.random.integers(-128, 128, 256) if table is None else table
        return self.call(Lut(prod(self.shape(x)), values.astype(np.int8)), [x], self.shape(x), self.zero(x))

    def prelu(self, x: str, channels: int) -> str:
        one, slope, multiplier, shift = prelu_weights(self.random.normal(0, 0.5, channels), 0.1, 0.13)
        op = PRelu(prod(self.shape(x)), channels, self.zero(x), 3, -128, 127, one, slope, multiplier, shift)
        return self.call(op, [x], self.shape(x), 3)

    def max_pool(self, x: str, kernel: int = 2, stride: int = 2, pad: int = 0) -> str:
        window = self.window(x, kernel, stride, pad)
        op = MaxPool2D(**window, clamp_min=-120, clamp_max=120)
        return self.call(op, [x], (1, op.output_h, op.output_w, op.input_c), self.zero(x))

    def average_pool(self, x: str, kernel: int = 2, stride: int = 2, pad: int = 0, include: bool = False) -> str:
        window = self.window(x, kernel, stride, pad)
        blank = {"smallest_count": 1, "multiplier": np.ones(1, np.int32), "shift": 0}
        ends = {"pad_bottom": pad, "pad_right": pad, "count_include_pad": int(include)}
        clamps = {"input_zero_point": self.zero(x), "output_zero_point": 11, "clamp_min": -128, "clamp_max": 127}
        op = AveragePool2D(**window, **ends, **clamps, **blank).with_scale(0.9)
        return self.call(op, [x], (1, op.output_h, op.output_w, op.input_c), 11)

    def mean(self, x: str, outer: int, reduced: int, inner: int, shape: Sequence[int]) -> str:
        """A mean over the middle one of three axes, as ReduceMean lowers."""
        sizes = (outer, reduced, inner, outer, 1, 1, reduced)
        steps = (1, 1, 1, 1, 0, 0, 0, 0, 0)
        op = AveragePool2D(*sizes, *steps, self.zero(x), 7, -128, 127, 1, np.ones(1, np.int32), 0).with_scale(1.1)
        return self.call(op, [x], shape, 7)

    def global_average(self, x: str) -> str:
        _, h, w, c = self.shape(x)
        return self.mean(x, 1, h * w, c, (1, 1, 1, c))

    def row_means(self, x: str) -> str:
        """A mean along h, whose channels are w * c."""
        _, h, w, c = self.shape(x)
        return self.mean(x, 1, h, w * c, (1, 1, w, c))

    def channel_mean(self, x: str) -> str:
        """A mean over the channels, one value a position."""
        _, h, w, c = self.shape(x)
        return self.mean(x, h * w, c, 1, (1, h, w, 1))

    def concat(self, names: Sequence[str], axis: int = 3) -> str:
        shapes = [self.shape(name) for name in names]
        weights = [concat_weights(0.1, self.zero(n), 0.1 if i % 2 else 0.12, -3) for i, n in enumerate(names)]
        kinds = (np.int16, np.int32, np.uint8)
        columns = [np.array(column, kind) for column, kind in zip(zip(*weights, strict=True), kinds, strict=True)]
        inner = np.array([prod(shape[axis:]) for shape in shapes], np.uint32)
        joined = (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])
        return self.call(Concat(len(names), prod(shapes[0][:axis]), inner, *columns), names, joined, -3)

    def resize(self, x: str, bilinear: bool) -> str:
        _, h, w, c = self.shape(x)
        rows, columns = (np.linspace(0, n - 1, 2 * n) for n in (h, w))
        sizes = (h, w, c, 2 * h, 2 * w)
        if bilinear:
            op: QOp = ResizeBilinear(*sizes, *neighbours(rows, h), *neighbours(columns, w))
        else:
            op = ResizeNearest(*sizes, np.round(rows).astype(np.uint16), np.round(columns).astype(np.uint16))
        return self.call(op, [x], (1, 2 * h, 2 * w, c), self.zero(x))

    def copy(self, x: str, op: Copy, shape: Sequence[int]) -> str:
        return self.call(op, [x], shape, self.zero(x))

    def sliced(self, x: str, start: int, size: int) -> str:
        """Channels start..start + size - 1."""
        _, h, w, c = self.shape(x)
        return self.copy(x, Copy.sliced((h, w, c), (0, 0, start), (1, 1, 1), (h, w, size)), (1, h, w, size))

    def padded(self, x: str, before: Sequence[int], after: Sequence[int]) -> str:
        _, *dims = self.shape(x)
        shape = [b + n + a for b, n, a in zip(before, dims, after, strict=True)]
        return self.copy(x, Copy.padded(dims, before, after, self.zero(x)), (1, *shape))

    def flipped(self, x: str, axis: int) -> str:
        _, *dims = self.shape(x)
        starts, steps = [0, 0, 0], [1, 1, 1]
        starts[axis], steps[axis] = dims[axis] - 1, -1
        return self.copy(x, Copy.sliced(dims, starts, steps, dims), (1, *dims))

    def transposed(self, x: str, permutation: Sequence[int]) -> str:
        _, *dims = self.shape(x)
        return self.copy(x, Copy.transposed(dims, permutation), (1, *(dims[axis] for axis in permutation)))

    def softmax(self, x: str) -> str:
        _, h, w, c = self.shape(x)
        return self.call(Softmax(h * w, c, exponential_table(0.05)), [x], self.shape(x), -128)

    def log_softmax(self, x: str) -> str:
        _, h, w, c = self.shape(x)
        return self.call(LogSoftmax.scaled(h * w, c, 0.05, 0.1, 100), [x], self.shape(x), 100)

    def attention(self, x: str) -> str:
        """x times its own transpose, over positions."""
        _, h, w, c = self.shape(x)
        multiplier, shift = multiplier_and_shift(0.001)
        op = MatMul(*(1, h * w, c, h * w, 0, 0, 1, self.zero(x), self.zero(x), 2, -128, 127, int(multiplier[0]), shift))
        return self.call(op, [x, x], (1, 1, h * w, h * w), 2)

    def some(self, count: int, share: float = 0.3) -> list[int]:
        """A draw of channels."""
        return [int(c) for c in np.flatnonzero(self.random.random(count) < share)]

    def dead(self, count: int) -> dict[str, list[int]]:
        return {"zero": self.some(count), "off": self.some(count)}


def _conv(net: Net, x: str) -> str:
    outputs = int(net.random.integers(1, 9))
    kernel, stride, pad, dilation = (int(net.random.choice(c)) for c in ((1, 2, 3), (1, 2), (0, 1), (1, 2)))
    unread = net.some(net.shape(x)[3], 0.2)
    relu = bool(net.random.integers(2))
    return net.conv(x, outputs, kernel, stride, pad, 1, dilation, relu, **net.dead(outputs), unread=unread)


def _grouped(net: Net, x: str) -> str:
    c = net.shape(x)[3]
    groups = int(net.random.choice([g for g in range(1, c + 1) if c % g == 0]))
    outputs = groups * int(net.random.integers(1, 4))
    return net.conv(x, outputs, 3, 1, 1, groups, **net.dead(outputs), unread=net.some(c // groups, 0.2))


def _depthwise(net: Net, x: str) -> str:
    filters = int(net.random.integers(1, 3))
    dead = net.dead(net.shape(x)[3] * filters)
    return net.depthwise(x, 3, int(net.random.integers(1, 3)), 1, filters, bool(net.random.integers(2)), **dead)


def _conv_transpose(net: Net, x: str) -> str:
    outputs = int(net.random.integers(1, 6))
    kernel, stride, pad = ((3, 2, 1), (2, 2, 0), (4, 2, 1), (2, 3, 0), (3, 1, 1))[net.random.integers(5)]
    return net.conv_transpose(x, outputs, kernel, stride, pad, int(net.random.integers(2)), **net.dead(outputs))


def _residual(net: Net, x: str) -> str:
    c = net.shape(x)[3]
    inner = net.conv(x, 2 * c, 1, **net.dead(2 * c))
    return net.add(x, net.conv(inner, c, 3, 1, 1, relu=False, **net.dead(c)))


def _dead_branch(net: Net, x: str) -> str:
    """A residual branch that ends in nothing but constants."""
    c = net.shape(x)[3]
    branch = net.conv(net.conv(x, c, 3, 1, 1), c, 1, zero=range(c))
    join = net.add if net.random.integers(2) else net.mul
    return join(branch, x) if net.random.integers(2) else join(x, branch)


def _gate(net: Net, x: str) -> str:
    """Squeeze and excitation: every channel times a value of its own."""
    c = net.shape(x)[3]
    return net.mul(x, net.dense(net.dense(net.global_average(x), 3, relu=True), c, **net.dead(c)))


def _constant(net: Net, x: str) -> str:
    _, h, w, c = net.shape(x)
    shape = ((1, 1, 1, c), (c,), (1,), (1, h, w, 1), (1, h, w, c), (1, 1, w, c))[net.random.integers(6)]
    return (net.add if net.random.integers(2) else net.mul)(x, net.constant(shape))


def _position_gate(net: Net, x: str) -> str:
    return net.mul(x, net.channel_mean(x))


def _channel_concat(net: Net, x: str) -> str:
    outputs = int(net.random.integers(1, 5))
    return net.concat([net.conv(x, outputs, 1, **net.dead(outputs)), x, net.conv(x, 3, 1, **net.dead(3))])


def _row_concat(net: Net, x: str) -> str:
    c = net.shape(x)[3]
    return net.concat([net.conv(x, c, 1, **net.dead(c)), x], int(net.random.integers(1, 3)))


def _step_table(net: Net, x: str) -> str:
    """A table that is flat over parts of its range."""
    return net.lut(x, np.repeat(net.random.integers(-128, 128, 4), 64))


def _slice(net: Net, x: str) -> str:
    c = net.shape(x)[3]
    start = int(net.random.integers(0, c))
    return net.sliced(x, start, int(net.random.integers(1, c - start + 1)))


def _pad(net: Net, x: str) -> str:
    before, after = (net.random.integers(0, 3, 3).tolist() for _ in range(2))
    return net.padded(x, before, after)


def _shuffle(net: Net, x: str) -> str:
    return net.transposed(x, [int(axis) for axis in net.random.permutation(3)])


def _flip(net: Net, x: str) -> str:
    return net.flipped(x, int(net.random.integers(3)))


def _prelu(net: Net, x: str) -> str:
    _, _, w, c = net.shape(x)
    return net.prelu(x, int(net.random.choice([1, c, w * c])))


def _flatten(net: Net, x: str) -> str:
    return net.dense(x, 6, relu=True, **net.dead(6))


def _pointwise(net: Net, x: str) -> str:
    _, h, w, _ = net.shape(x)
    return net.dense(x, 5, rows=h * w, relu=True, **net.dead(5))


def _average(net: Net, x: str) -> str:
    return net.average_pool(x, 3, 2, 1, bool(net.random.integers(2)))


LAYERS: Mapping[str, Callable[[Net, str], str]] = {
    "conv": _conv,
    "grouped": _grouped,
    "depthwise": _depthwise,
    "conv_transpose": _conv_transpose,
    "residual": _residual,
    "dead_branch": _dead_branch,
    "gate": _gate,
    "position_gate": _position_gate,
    "constant": _constant,
    "channel_concat": _channel_concat,
    "row_concat": _row_concat,
    "lut": lambda net, x: net.lut(x),
    "step_table": _step_table,
    "prelu": _prelu,
    "max_pool": lambda net, x: net.max_pool(x),
    "max_pool_padded": lambda net, x: net.max_pool(x, 3, 1, 1),
    "max_pool_of_nothing": lambda net, x: net.max_pool(x, 1, 1, 1),
    "average_pool": _average,
    "global_average": lambda net, x: net.global_average(x),
    "row_means": lambda net, x: net.row_means(x),
    "slice": _slice,
    "pad": _pad,
    "flip": _flip,
    "shuffle": _shuffle,
    "resize_nearest": lambda net, x: net.resize(x, bilinear=False),
    "resize_bilinear": lambda net, x: net.resize(x, bilinear=True),
    "flatten": _flatten,
    "pointwise": _pointwise,
    "softmax": lambda net, x: net.softmax(x),
    "log_softmax": lambda net, x: net.log_softmax(x),
    "attention": lambda net, x: net.attention(x),
}
MOST_ELEMENTS = 1500


@dataclass(frozen=True)
class Drawn:
    """The layers of a network, one behind the other, the seed of all it holds, and whether an inner tensor is an output too."""

    layers: tuple[str, ...]
    size: tuple[int, int, int]
    seed: int
    second_output: bool

    def build(self) -> QGraph:
        net = Net(*self.size, self.seed)
        at = "x"
        for layer in self.layers:
            if prod(net.shape(at)) <= MOST_ELEMENTS:
                at = LAYERS[layer](net, at)
        at = net.conv(at, 4, 3, 1, 1, relu=False)
        inner = [node.output for node in net.nodes[:-1]]
        also = [str(net.random.choice(inner))] if inner and self.second_output else []
        return net.finish(at, *also)


def drawn(most_layers: int = 6) -> st.SearchStrategy[Drawn]:
    """Networks of 1..most_layers layers of `LAYERS`."""
    sizes = st.sampled_from([(5, 4, 3), (4, 4, 6), (1, 7, 8), (3, 3, 1), (1, 1, 12)])
    layers = st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=most_layers).map(tuple)
    return st.builds(Drawn, layers, sizes, st.integers(0, 2**16), st.booleans())


def samples(qgraph: QGraph, count: int = 12, seed: int = 1) -> list[IntArray]:
    """Random inputs, with samples of only the ends of the range among them."""
    size = qgraph.tensors["x"].bytes
    random = np.random.default_rng(seed)
    wide = random.integers(-128, 128, (count, size))
    ends = random.choice([-128, 127], (count // 2, size))
    return [np.concatenate([wide, ends, np.full((1, size), -128), np.full((1, size), 127)]).astype(np.int8)]

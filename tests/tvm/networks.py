"""Integer networks for the oracle: drawn operators side by side, and one that joins many kinds."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

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
from edgecomp.qops.lut import Lut
from edgecomp.qops.max_pool2d import MaxPool2D
from edgecomp.qops.mul import Mul
from edgecomp.qops.requantize import multiplier_and_shift
from edgecomp.qops.rescale import add_weights, concat_weights
from edgecomp.qops.resize_bilinear import ResizeBilinear, neighbours
from edgecomp.qops.softmax import Softmax, exponential_table
from tests.runtime_c.drawn import Case


def flat_port(name: str, size: int) -> Port:
    return Port(name, name, (size,), (0,))


def side_by_side(cases: Sequence[Case]) -> tuple[QGraph, list[IntArray]]:
    """One network of independent operators, each with inputs and an output of its own, and its input buffers [1, size]."""
    tensors, nodes, inputs, outputs, buffers = {}, [], [], [], []
    for number, case in enumerate(cases):
        size = case.op.evaluate(*(x[None] for x in case.inputs)).size
        names = [f"in_{number}_{i}" for i in range(len(case.inputs))]
        for name, x in zip(names, case.inputs, strict=True):
            tensors[name] = QTensor(name, (x.size,), 1.0, 0)
            inputs.append(flat_port(name, x.size))
            buffers.append(x[None])
        output = f"out_{number}"
        tensors[output] = QTensor(output, (size,), 1.0, 0)
        outputs.append(flat_port(output, size))
        nodes.append(QNode(output, "drawn", case.op, tuple(names), output))
    return QGraph("side_by_side", tensors, tuple(nodes), tuple(inputs), tuple(outputs)).verify(), buffers


class Chain:
    """Adds operators one after the other, with random weights; `shapes` are NHWC without the batch."""

    def __init__(self, seed: int, *shape: int) -> None:
        self.random = np.random.default_rng(seed)
        self.shapes: dict[str, tuple[int, ...]] = {"input": shape}
        self.nodes: list[QNode] = []

    def weights(self, size: int) -> IntArray:
        return self.random.integers(-127, 128, size).astype(np.int8)

    def add(self, name: str, op: QOp, shape: tuple[int, ...], *inputs: str) -> str:
        self.nodes.append(QNode(name, type(op).__name__, op, inputs, name))
        self.shapes[name] = shape
        return name

    def scaling(self, channels: int, taps: int) -> dict[str, Any]:
        """Scales that keep a layer's output spread over int8."""
        scale = self.random.uniform(0.3, 1.0, channels) / (60.0 * np.sqrt(taps))
        multiplier, shift = multiplier_and_shift(scale)
        zeros = {"output_zero_point": int(self.random.integers(-30, 30)), "clamp_min": -128, "clamp_max": 127}
        return {"multiplier": multiplier, "shift": shift, **zeros}

    def finished(self, *outputs: str) -> QGraph:
        tensors = {name: QTensor(name, (prod(shape),), 1.0, 0) for name, shape in self.shapes.items()}
        ports = tuple(flat_port(name, prod(self.shapes[name])) for name in outputs)
        return QGraph("joined", tensors, tuple(self.nodes), (flat_port("input", prod(self.shapes["input"])),), ports).verify()


def window(size_in: int, size_out: int, kernel: int, stride: int, pad: int, dilation: int = 1) -> dict[str, int]:
    """The same geometry along both axes."""
    values = {"input": size_in, "output": size_out, "kernel": kernel, "stride": stride, "dilation": dilation}
    return {f"{name}_{axis}": value for name, value in values.items() for axis in "hw"} | {"pad_top": pad, "pad_left": pad}


def joined_network(seed: int) -> QGraph:
    """Convolutions of all kinds, a branch joined by Add, Mul and Concat, pools, a resize and a classifier; input 9x9x3."""
    chain = Chain(seed, 9, 9, 3)
    stem = Conv2D(
        **window(9, 9, 3, 1, 1), input_c=3, output_c=8, groups=1, input_zero_point=-7, weights=chain.weights(8 * 27),
        bias=np.arange(8, dtype=np.int32) * 50, **chain.scaling(8, 27),
    )  # fmt: skip
    chain.add("stem", stem, (9, 9, 8), "input")
    depthwise = DepthwiseConv2D(
        **window(9, 9, 3, 1, 2, 2), input_c=8, output_c=8, channel_multiplier=1, input_zero_point=5, weights=chain.weights(72),
        bias=np.zeros(8, np.int32), **chain.scaling(8, 9),
    )  # fmt: skip
    chain.add("depthwise", depthwise, (9, 9, 8), "stem")
    box = broadcast_box((9, 9, 8), (9, 9, 8))
    chain.add("sum", Add(*box, *add_weights(0.11, 0.07, 3, -9, 0.13, 4), -128, 127), (9, 9, 8), "stem", "depthwise")
    chain.add("pool", MaxPool2D(**window(9, 5, 3, 2, 1), input_c=8, clamp_min=-128, clamp_max=100), (5, 5, 8), "sum")
    weights = chain.weights(8 * 9 * 4)
    bias = phase_bias(weights.reshape(8, 3, 3, 4), np.zeros(8), 6, (2, 2), (1, 1)).astype(np.int32)
    transposed = ConvTranspose2D(
        **window(5, 9, 3, 2, 1), input_c=8, output_c=8, groups=2, input_zero_point=6, weights=weights, bias=bias, **chain.scaling(8, 36)
    )  # fmt: skip
    chain.add("transposed", transposed, (9, 9, 8), "pool")
    tables = neighbours(np.linspace(-0.3, 4.2, 9), 5)
    chain.add("resized", ResizeBilinear(5, 5, 8, 9, 9, *tables, *tables), (9, 9, 8), "pool")
    gate = Mul(*broadcast_box((9, 9, 8), (9, 9, 8)), -3, 9, 2, -128, 127, *_scalar(0.008))
    chain.add("gated", gate, (9, 9, 8), "transposed", "resized")
    entries = [concat_weights(0.2, 5, 0.1, -3), (1, 0, 0)]
    weight, bias, right_shift = (np.array(column) for column in zip(*entries, strict=True))
    inner = np.array([8, 8], np.uint32)
    concat = Concat(2, 81, inner, weight.astype(np.int16), bias.astype(np.int32), right_shift.astype(np.uint8))
    chain.add("joined", concat, (9, 9, 16), "gated", "depthwise")
    chain.add("turned", Copy.transposed((9, 9, 16), (1, 0, 2)), (9, 9, 16), "joined")
    chain.add("curve", Lut(9 * 9 * 16, chain.random.permutation(np.arange(-128, 128)).astype(np.int8)), (9, 9, 16), "turned")
    mean = AveragePool2D(
        **window(9, 3, 4, 3, 1), pad_bottom=1, pad_right=1, input_c=16, count_include_pad=0, input_zero_point=-20, output_zero_point=1,
        clamp_min=-128, clamp_max=127, smallest_count=0, multiplier=np.zeros(1, np.int32), shift=0,
    ).with_scale(2.5)  # fmt: skip
    chain.add("mean", mean, (3, 3, 16), "curve")
    dense = FullyConnected(1, 144, 10, weights=chain.weights(1440), bias=np.zeros(10, np.int32), **chain.scaling(10, 144))
    chain.add("dense", dense, (10,), "mean")
    chain.add("shares", Softmax(1, 10, exponential_table(0.03)), (10,), "dense")
    return chain.finished("shares", "mean")


def _scalar(scale: float) -> tuple[int, int]:
    multiplier, shift = multiplier_and_shift(scale)
    return int(multiplier[0]), shift

"""One network that uses every integer operator, on every emulated board: the same bits, and counts that add up."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import onnx
import pytest

import edgecomp
from edgecomp import reference
from edgecomp.fusion import fuse
from edgecomp.pipeline import QuantizedModel
from edgecomp.qops import QOPS, SKIPPING
from edgecomp.report import RunReport
from edgecomp.target import Target, list_targets
from edgecomp.verify import RunOptions
from tests.property.onnx_builder import NetworkBuilder

BOARDS = [name for name in list_targets() if name.startswith("qemu_")]
SAMPLES = 6
PROFILED = 2

Quantized = tuple[QuantizedModel, np.ndarray]


def classifier(net: NetworkBuilder) -> str:
    """Convolutions, pools, a residual and a gate, then a dense layer."""
    y = net.node("Relu", net.node("Conv", "x", net.weights(6, 3, 3, 3, fan_in=27), net.normal(6), pads=[1, 1, 1, 1], kernel_shape=[3, 3]))
    depthwise = net.node("Conv", y, net.weights(6, 1, 3, 3, fan_in=9), net.normal(6), group=6, pads=[1, 1, 1, 1], kernel_shape=[3, 3])
    y = net.node("Add", y, net.node("PRelu", depthwise, net.constant(net.random.uniform(0, 0.5, (6, 1, 1)))))
    grouped = net.node("Conv", y, net.weights(10, 3, 2, 2, fan_in=12), group=2, strides=[2, 1], dilations=[1, 2], kernel_shape=[2, 2])
    y = net.node("MaxPool", grouped, kernel_shape=[2, 3], strides=[1, 2], pads=[0, 1, 0, 1])
    y = net.node("Mul", y, net.node("Sigmoid", net.node("GlobalAveragePool", y)))
    y = net.node("AveragePool", y, kernel_shape=[2, 2], strides=[1, 1], pads=[1, 0, 0, 1])
    flat = net.node("Flatten", y)
    inputs = net.shape(flat)[1]
    return net.node("Softmax", net.node("Gemm", flat, net.weights(7, inputs, fan_in=inputs), net.normal(7), transB=1), axis=1)


def regular(net: NetworkBuilder) -> str:
    """Channels in fours and rows in eights, which fast kernels want."""
    y = net.node("Relu", net.node("Conv", "x", net.weights(8, 3, 3, 3, fan_in=27), net.normal(8), pads=[1, 1, 1, 1], kernel_shape=[3, 3]))
    y = net.node("Conv", y, net.weights(8, 1, 3, 3, fan_in=9), net.normal(8), group=8, pads=[1, 1, 1, 1], kernel_shape=[3, 3])
    y = net.node("Relu", net.node("Conv", y, net.weights(16, 8, 1, 1, fan_in=8), net.normal(16), kernel_shape=[1, 1]))
    same = net.node("Conv", y, net.weights(16, 16, 3, 3, fan_in=144), net.normal(16), pads=[1, 1, 1, 1], kernel_shape=[3, 3])
    y = net.node("Relu", net.node("Add", same, y))
    y = net.node("Conv", y, net.weights(16, 16, 3, 3, fan_in=144), net.normal(16), strides=[2, 2], kernel_shape=[3, 3])
    y = net.node("Flatten", y)
    return net.node("Gemm", y, net.weights(8, net.shape(y)[1], fan_in=net.shape(y)[1]), net.normal(8), transB=1)


def enlarger(net: NetworkBuilder) -> str:
    """Both resizes, a transposed convolution, pieces moved and put together."""
    y = net.node("ConvTranspose", "x", net.weights(3, 5, 3, 2, fan_in=9), net.normal(5), strides=[2, 1], kernel_shape=[3, 2])
    nothing = net.constant([])
    near = net.node("Resize", y, nothing, net.constant([1, 1, 1.5, 2]), mode="nearest")
    smooth = net.node("Resize", y, nothing, net.constant([1, 1, 1.5, 2]), mode="linear")
    y = net.node("Concat", near, net.node("Tanh", smooth), axis=1)
    first, last, step = (net.constant([value], "int64") for value in (-1, -(2**31), -2))
    return net.node("Slice", y, first, last, net.constant([3], "int64"), step)


def attention(net: NetworkBuilder) -> str:
    """Products of activations, and a logarithm of their shares."""
    rows = net.node("Reshape", "x", net.constant([1, 9, 24], "int64"))
    keys = net.node("MatMul", rows, net.constant(net.random.normal(0, 0.2, (24, 8))))
    scores = net.node("MatMul", keys, net.node("Transpose", keys, perm=[0, 2, 1]))
    return net.node("LogSoftmax", net.node("MatMul", scores, keys), axis=1)


@pytest.fixture(scope="module")
def quantized(tmp_path_factory: pytest.TempPathFactory) -> Quantized:
    """The network, quantized, and samples."""
    net = NetworkBuilder((1, 3, 9, 8), 3)
    path = tmp_path_factory.mktemp("every_operator") / "every_operator.onnx"
    onnx.save(net.model([build(net) for build in (classifier, regular, enlarger, attention)]), path)
    x = np.random.default_rng(2).normal(0, 1, (32, 3, 9, 8)).astype(np.float32)
    return edgecomp.load(path).quantize(x, method="min-max"), x[:SAMPLES]


@pytest.fixture
def report(request: pytest.FixtureRequest, available_board: Callable[[str], Target], quantized: Quantized) -> RunReport:
    """What a run of the network on a board found."""
    model, x = quantized
    found: RunReport = model.run(available_board(request.param), x, options=RunOptions(profiled_samples=PROFILED))
    return found


def test_the_network_uses_every_operator(quantized: Quantized) -> None:
    qgraph = quantized[0].qgraph
    assert {node.op.kernel for form in (qgraph, fuse(qgraph)) for node in form.nodes} == QOPS.keys() - SKIPPING


@pytest.mark.parametrize("report", BOARDS, indirect=True)
def test_every_board_gives_the_bits_of_the_reference(report: RunReport, quantized: Quantized) -> None:
    model, x = quantized
    expected = np.concatenate(reference.outputs(model.qgraph, [model.buffers(model.samples(x))]), axis=1)
    assert report.bit_exact is not None
    assert report.bit_exact.equal, report.bit_exact.first_difference
    assert report.bit_exact.compared == expected.size
    assert report.outputs_sha256 == hashlib.sha256(expected.tobytes()).hexdigest()

    assert report.target.counter == "instructions"
    whole = report.per_inference.instructions
    layers = [layer.instructions for layer in report.layers]
    assert whole is not None and all(layers)
    assert sum(filter(None, layers)) == pytest.approx(whole, rel=0.02)
    assert all(layer.instructions >= layer.macs // 8 for layer in report.layers if layer.instructions)  # no core does more at a time
    assert report.per_inference.cycles is None
    assert all(layer.cycles is None for layer in report.layers)

    assert report.memory.stack_bytes is not None
    assert 32 <= report.memory.stack_bytes <= 1024
    assert report.memory.arena_used_bytes is not None
    assert report.memory.arena_used_bytes <= report.memory.arena_bytes + report.memory.scratch_bytes
    assert report.memory.flash_bytes > report.memory.weight_bytes > 0

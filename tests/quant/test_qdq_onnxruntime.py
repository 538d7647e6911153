"""Models that ONNX Runtime's static quantizer wrote come in, compute the same on the host, and agree with ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

import edgecomp
from edgecomp import reference
from edgecomp.build import find_compiler
from edgecomp.emit.fingerprint import fingerprint
from edgecomp.errors import ToolError, UnsupportedError
from edgecomp.quant.quality import sqnr_db
from edgecomp.quant.search import dequantized
from edgecomp.target import load_target
from edgecomp.verify import RunOptions
from tests.property.checks import run_onnx
from tests.property.onnx_builder import NetworkBuilder

quantization = pytest.importorskip("onnxruntime.quantization")
SAMPLES = 16
LEAST_DB = 30.0
FORMATS = {
    "int8": {},
    "int8 per channel": {"per_channel": True},
    "uint8": {"activation_type": "QUInt8"},
    "uint8 per channel": {"activation_type": "QUInt8", "per_channel": True},
    "uint8 weights": {"activation_type": "QUInt8", "weight_type": "QUInt8"},
    "uint8 weights, not symmetric": {"activation_type": "QUInt8", "weight_type": "QUInt8", "extra_options": {"WeightSymmetric": False}},
    "symmetric activations": {"extra_options": {"ActivationSymmetric": True}},
    "pairs of their own": {"per_channel": True, "extra_options": {"DedicatedQDQPair": True}},
    "float bias": {"extra_options": {"QuantizeBias": False}},
    "weights quantized at run time": {"extra_options": {"AddQDQPairToWeight": True}},
}


def convolutions(net: NetworkBuilder) -> str:
    y = net.node("Conv", "x", net.weights(7, 3, 3, 3, fan_in=27), net.normal(7), pads=[1, 1, 1, 1], kernel_shape=[3, 3])
    y = net.node("Relu", y)
    depthwise = net.weights(7, 1, 3, 3, fan_in=9)
    y = net.node("Conv", y, depthwise, net.normal(7), group=7, strides=[2, 2], pads=[0, 0, 1, 1], kernel_shape=[3, 3])
    y = net.node("Clip", y, net.constant(0.0), net.constant(6.0))
    y = net.node("MaxPool", y, kernel_shape=[2, 2], strides=[1, 1])
    y = net.node("ConvTranspose", y, net.weights(7, 5, 2, 2, fan_in=28), net.normal(5), strides=[2, 2], kernel_shape=[2, 2])
    y = net.node("Flatten", net.node("GlobalAveragePool", y))
    return net.node("Gemm", y, net.weights(4, 5, fan_in=5), net.normal(4), transB=1)


def dense(net: NetworkBuilder) -> str:
    y = net.node("Reshape", "x", net.constant([1, -1], "int64"))
    for inputs, outputs in ((3 * 9 * 7, 16), (16, 11)):
        y = net.node("Gemm", y, net.weights(outputs, inputs, fan_in=inputs), net.normal(outputs), transB=1)
        y = net.node("LeakyRelu", y, alpha=0.1)
    y = net.node("MatMul", y, net.constant(net.random.normal(0, 0.3, (11, 6))))
    return net.node("Softmax", net.node("Add", y, net.normal(6)), axis=-1)


def branches(net: NetworkBuilder) -> str:
    a = net.node("Conv", "x", net.weights(6, 3, 1, 1, fan_in=3), net.normal(6), kernel_shape=[1, 1])
    b = net.node("Sigmoid", net.node("Conv", "x", net.weights(6, 3, 3, 3, fan_in=27), kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
    y = net.node("Relu", net.node("Add", a, b))
    y = net.node("Mul", y, net.node("HardSigmoid", net.node("GlobalAveragePool", a)))
    y = net.node("Concat", y, a, net.node("Tanh", b), axis=1)
    y = net.node("Resize", y, net.constant([]), net.constant([1, 1, 2, 2]), mode="nearest")
    y = net.node("AveragePool", net.node("Transpose", y, perm=[0, 1, 3, 2]), kernel_shape=[3, 2], strides=[2, 2])
    return net.node("Softmax", net.node("ReduceMean", y, axes=[2, 3], keepdims=0), axis=1)


NETWORKS: dict[str, Callable[[NetworkBuilder], str]] = {"convolutions": convolutions, "dense": dense, "branches": branches}


class Samples(quantization.CalibrationDataReader):
    """Hands rows to ONNX Runtime's calibration."""

    def __init__(self, x: np.ndarray) -> None:
        self.rows: Iterator[np.ndarray] = iter(x)

    def get_next(self) -> dict[str, np.ndarray] | None:
        row = next(self.rows, None)
        return None if row is None else {"x": row[None]}


def quantized_file(folder: Path, network: str, **options: object) -> tuple[Path, np.ndarray]:
    """A QDQ file of one of `NETWORKS`, and samples [N, 3, 9, 7]."""
    net = NetworkBuilder((1, 3, 9, 7), 5)
    output = NETWORKS[network](net)
    onnx.save(net.model([output]), folder / "float.onnx")
    x = np.random.default_rng(1).normal(0, 1, (SAMPLES, 3, 9, 7)).astype(np.float32)
    for name in ("activation_type", "weight_type"):
        options[name] = getattr(quantization.QuantType, str(options.get(name, "QInt8")))
    quantization.quantize_static(folder / "float.onnx", folder / "qdq.onnx", Samples(x), **options)
    return folder / "qdq.onnx", x


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("form", FORMATS)
def test_integers_agree_with_onnx_runtime(tmp_path: Path, network: str, form: str) -> None:
    path, x = quantized_file(tmp_path, network, **FORMATS[form])
    model = edgecomp.load(path)
    assert model.is_quantized
    quantized = model.absorbed()
    got = dequantized(quantized.qgraph, reference.outputs(quantized.qgraph, [quantized.buffers(quantized.samples(x))]))[0]
    expected = run_onnx(path.read_bytes(), x)[0]
    steps = np.abs(expected - got) / quantized.qgraph.tensors[quantized.qgraph.outputs[0].tensor].scale
    assert sqnr_db(expected, got) >= LEAST_DB or steps.max() < 1.01
    floats = run_onnx((tmp_path / "float.onnx").read_bytes(), x)[0]
    assert sqnr_db(floats, got) >= sqnr_db(floats, expected) - 3  # at most half as good as ONNX Runtime's own arithmetic


@pytest.mark.parametrize("network", NETWORKS)
def test_the_host_computes_the_same_bits(tmp_path: Path, network: str) -> None:
    try:
        find_compiler(load_target("host"))
    except ToolError as error:
        pytest.skip(str(error))
    path, x = quantized_file(tmp_path, network, activation_type="QUInt8", per_channel=True)
    report = edgecomp.load(path).absorbed().run("host", x, options=RunOptions(profiled_samples=0, sanitize=True))
    assert report.bit_exact is not None
    assert report.bit_exact.equal, report.bit_exact.first_difference


@pytest.mark.parametrize("network", NETWORKS)
def test_written_again_it_stays_the_same(tmp_path: Path, network: str) -> None:
    path, _ = quantized_file(tmp_path, network, per_channel=True)
    first = edgecomp.load(path).absorbed()
    (tmp_path / "again.onnx").write_bytes(first.to_onnx())
    assert fingerprint(edgecomp.load(tmp_path / "again.onnx").absorbed().qgraph) == fingerprint(first.qgraph)


def test_integer_operators_are_refused_with_the_cure(tmp_path: Path) -> None:
    path, _ = quantized_file(tmp_path, "convolutions", quant_format=quantization.QuantFormat.QOperator)
    with pytest.raises(UnsupportedError, match=r"QGemm.*QuantFormat\.QDQ"):
        edgecomp.load(path)


def test_sixteen_bits_are_refused_with_the_cure(tmp_path: Path) -> None:
    path, _ = quantized_file(tmp_path, "dense", activation_type="QInt16")
    with pytest.raises(UnsupportedError, match=r"int16.*8 bits"):
        edgecomp.load(path).absorbed()

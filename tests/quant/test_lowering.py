"""How operators become integers: what is fused, what is moved, and the corners where a network could come out wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import edgecomp
from edgecomp.errors import UnsupportedError
from edgecomp.frontend.onnx_import import from_model
from edgecomp.quant.layout import Value, common_refinement, in_order, relabelled, reordering
from edgecomp.quant.quality import sqnr_db
from tests.property.checks import Trial, run_onnx
from tests.property.onnx_builder import NetworkBuilder

LEAST_DB = 30.0
Build = Callable[[NetworkBuilder], str | list[str]]
Tried = Callable[..., Trial]


@pytest.fixture
def tried(tmp_path: Path) -> Tried:
    """Builds a network and quantizes it; holds it to float, to its file, and returns it."""

    def make(build: Build, shape: tuple[int, ...] = (1, 3, 6, 5), least_db: float = LEAST_DB) -> Trial:
        net = NetworkBuilder(shape, 1)
        outputs = build(net)
        trial = Trial(net.model([outputs] if isinstance(outputs, str) else outputs), tmp_path, 1)
        assert min(trial.sqnr_db()) >= least_db
        assert trial.same_when_read_back()
        assert [port.name for port in trial.absorbed.qgraph.outputs] == [port.name for port in trial.quantized.qgraph.outputs]
        return trial

    return make


def kernels(trial: Trial) -> list[str]:
    return [node.op.kernel.removesuffix("_s8") for node in trial.quantized.qgraph.nodes]


def conv(net: NetworkBuilder, x: str, outputs: int = 4) -> str:
    channels = net.shape(x)[1]
    weights = net.weights(outputs, channels, 3, 3, fan_in=9 * channels)
    return net.node("Conv", x, weights, net.normal(outputs), kernel_shape=[3, 3], pads=[1, 1, 1, 1])


# Fusion


def test_clamps_are_fused_one_after_the_other(tried: Tried) -> None:
    trial = tried(lambda net: net.node("Clip", net.node("Relu", conv(net, "x")), net.constant(0.0), net.constant(1.0)))
    assert kernels(trial) == ["conv2d"]
    assert trial.quantized.qgraph.nodes[0].kind == "Conv+Relu+Clip"
    op = trial.quantized.qgraph.nodes[0].op
    assert (op.clamp_min, op.clamp_max) == (-128, 127)  # the range is that of the last clamp


def test_a_clamp_whose_input_is_also_wanted_is_not_fused(tried: Tried) -> None:
    def build(net: NetworkBuilder) -> list[str]:
        inner = conv(net, "x")
        return [net.node("Relu", inner), inner]

    assert kernels(tried(build)) == ["conv2d", "lut"]


def test_a_table_applies_the_clamp_behind_it(tried: Tried) -> None:
    trial = tried(lambda net: net.node("Clip", net.node("Mul", "x", net.constant(2.0)), net.constant(-0.5), net.constant(0.5)))
    assert kernels(trial) == ["lut"]


# Layout


def test_an_image_network_moves_nothing(tried: Tried) -> None:
    def build(net: NetworkBuilder) -> str:
        y = net.node("MaxPool", net.node("Relu", conv(net, "x")), kernel_shape=[2, 2], strides=[2, 2])
        y = net.node("Flatten", net.node("Add", y, net.node("Sigmoid", y)))
        return net.node("Gemm", y, net.weights(5, net.shape(y)[1], fan_in=24), transB=1)

    trial = tried(build)
    assert kernels(trial) == ["conv2d", "max_pool2d", "lut", "add", "fully_connected"]


def test_a_channels_last_export_moves_nothing(tried: Tried) -> None:
    def build(net: NetworkBuilder) -> str:
        y = net.node("Relu", conv(net, net.node("Transpose", "x", perm=[0, 3, 1, 2])))
        return net.node("Reshape", net.node("Transpose", y, perm=[0, 2, 3, 1]), net.constant([1, -1], "int64"))

    trial = tried(build, (1, 6, 5, 3))
    assert kernels(trial) == ["conv2d"]
    assert trial.quantized.qgraph.inputs[0].permutation == (0, 1, 2, 3)


def test_groups_of_channels_are_views(tried: Tried) -> None:
    def build(net: NetworkBuilder) -> str:
        y = net.node("Reshape", conv(net, "x", 6), net.constant([1, 2, 3, 6, 5], "int64"))
        y = net.node("Reshape", net.node("Transpose", y, perm=[0, 2, 1, 3, 4]), net.constant([1, 6, 6, 5], "int64"))
        return conv(net, y)

    assert kernels(tried(build)) == ["conv2d", "copy", "conv2d"]


@pytest.mark.parametrize("seed", range(200))
def test_relabelling_keeps_every_element_in_its_place(seed: int) -> None:
    random = np.random.default_rng(seed)
    base = tuple(int(n) for n in random.choice([1, 2, 3, 4, 6], random.integers(1, 5)))
    parts = [factor for size in base for factor in ([2, size // 2] if size in (4, 6) and random.random() < 0.5 else [size])]
    while len(parts) > 1 and random.random() < 0.6:
        at = int(random.integers(0, len(parts) - 1))
        parts[at : at + 2] = [parts[at] * parts[at + 1]]
    value = Value("t", base, base, tuple(int(axis) for axis in random.permutation(len(base))))
    moved = relabelled(value, tuple(parts))
    array = np.arange(np.prod(base)).reshape(base)
    buffer = array.transpose(value.permutation).reshape(-1)
    expected = array.reshape(moved.shape).reshape(moved.base).transpose(moved.permutation).reshape(-1)
    np.testing.assert_array_equal(buffer, expected)
    wanted = tuple(int(axis) for axis in random.permutation(len(parts)))
    found = reordering(replace(value, shape=moved.shape), wanted)
    if found is not None:
        np.testing.assert_array_equal(
            buffer.reshape(found[0]).transpose(found[1]).reshape(-1), array.reshape(parts).transpose(wanted).reshape(-1)
        )


def test_a_refinement_is_the_coarsest_common_cut() -> None:
    assert common_refinement((2, 6), (4, 3)) == (2, 2, 3)
    assert common_refinement((2, 3), (3, 2)) is None
    assert common_refinement((1, 4, 1), (4,)) == (4,)
    assert in_order("t", (2, 3)).row_major


def test_one_buffer_in_one_order_under_two_shapes(tried: Tried) -> None:
    def build(net: NetworkBuilder) -> list[str]:
        y = conv(net, "x", 4)
        rows = net.node("Reshape", y, net.constant([1, 2, 60], "int64"))
        cells = net.node("Reshape", y, net.constant([1, 5, 24], "int64"))
        return [net.node("ReduceMean", rows, axes=[2]), net.node("ReduceMean", cells, axes=[2]), net.node("Softmax", y, axis=3)]

    tried(build)


# Corners


@pytest.mark.parametrize("value", [4.0, -3.0])
def test_padding_outside_the_range_of_the_input(tried: Tried, value: float) -> None:
    trial = tried(lambda net: net.node("Pad", "x", net.constant([0, 0, 1, 2, 0, 0, 0, 1], "int64"), net.constant(value)))
    assert kernels(trial) in (["lut", "copy"], ["copy"])  # samples reach about as far as -3


def test_padding_that_stands_for_minus_infinity_saturates(tried: Tried) -> None:
    def build(net: NetworkBuilder) -> str:
        y = net.node("Pad", "x", net.constant([0, 0, 1, 1, 0, 0, 1, 1], "int64"), net.constant(-3e38))
        return net.node("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2])

    tried(build)


def test_zeros_before_a_max_pool_count(tried: Tried) -> None:
    """ONNX Runtime itself takes them for padding when it optimizes, and padding never wins."""

    def build(net: NetworkBuilder) -> str:
        negative = net.node("Neg", net.node("Relu", "x"))
        y = net.node(
            "Pad", net.node("Sub", negative, net.constant(1.0)), net.constant([0, 0, 1, 1, 0, 0, 1, 1], "int64"), net.constant(0.0)
        )
        return net.node("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2])

    trial = tried(build)
    assert max(float(values.max()) for values in trial.floats) == 0.0
    from edgecomp.quant.floating import FloatModel

    np.testing.assert_allclose(FloatModel(trial.quantized.model.graph).predict(trial.x), trial.floats[0].reshape(len(trial.x), 3, 3, 3))


@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool"])
def test_windows_that_start_in_the_padding_are_left_out(tmp_path: Path, kind: str) -> None:
    """ONNX before opset 22 infers a shape with them."""
    pool = helper.make_node(kind, ["x"], ["pooled"], kernel_shape=[2], strides=[2], pads=[1, 1], ceil_mode=1)
    nodes = [pool, helper.make_node("Flatten", ["pooled"], ["flat"]), helper.make_node("Tanh", ["flat"], ["y"])]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 5])]
    graph = helper.make_graph(nodes, "ceil", inputs, [helper.make_empty_tensor_value_info("y")])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    read = from_model(proto, "ceil")
    assert read.tensors["pooled"].shape == (1, 2, 3)
    assert read.tensors["y"].shape == (1, 6)
    trial = Trial(proto, tmp_path, 0)
    assert min(trial.sqnr_db()) >= LEAST_DB
    assert trial.same_when_read_back()


def test_dilated_windows_may_overhang_by_more_than_their_kernel(tried: Tried) -> None:
    tried(lambda net: net.node("MaxPool", "x", kernel_shape=[2, 2], dilations=[2, 2], strides=[2, 2], ceil_mode=1), (1, 2, 6, 4))


def test_outputs_that_are_one_tensor_or_an_input(tried: Tried) -> None:
    def build(net: NetworkBuilder) -> list[str]:
        y = net.node("Relu", "x")
        return [y, net.node("Identity", y), net.node("Reshape", "x", net.constant([1, -1], "int64"))]

    trial = tried(build)
    assert {port.tensor for port in trial.quantized.qgraph.outputs}.isdisjoint({"x"})


def test_an_output_without_a_batch_axis(tried: Tried) -> None:
    trial = tried(lambda net: net.node("Transpose", net.node("Relu", "x"), perm=[3, 2, 1, 0]))
    assert trial.quantized.model.input_shape == (3, 6, 5)
    from edgecomp.verify import predict

    integers, real = predict(trial.quantized, None, trial.x)
    assert integers.shape == real.shape == (len(trial.x), 5, 6, 3, 1)


def test_weights_shared_by_layers_of_different_scales(tried: Tried) -> None:
    def build(net: NetworkBuilder) -> str:
        weights, bias = net.weights(3, 3, 3, 3, fan_in=27), net.normal(3)
        options = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
        first = net.node("Conv", "x", weights, bias, **options)
        return net.node("Conv", net.node("Sigmoid", first), weights, bias, **options)

    tried(build)


def test_scales_too_far_apart_are_refused_by_name(tmp_path: Path) -> None:
    net = NetworkBuilder((1, 12), 0)
    onnx.save(net.model([net.node("LogSoftmax", net.node("Mul", "x", net.constant(1e5)), axis=1)]), tmp_path / "far.onnx")
    x = np.random.default_rng(0).normal(0, 1, (8, 12)).astype(np.float32)
    with pytest.raises(UnsupportedError, match=r"LogSoftmax_1.*32 bits"):
        edgecomp.load(tmp_path / "far.onnx").quantize(x, method="min-max")


def test_a_constant_output_is_refused(tmp_path: Path) -> None:
    net = NetworkBuilder((1, 12), 0)
    constant = net.node("Relu", net.constant([[1.0, 2.0]]))
    onnx.save(net.model([net.node("Relu", "x"), constant]), tmp_path / "constant.onnx")
    with pytest.raises(UnsupportedError, match=r"output 't0': is constant"):
        edgecomp.load(tmp_path / "constant.onnx").placeholder()


@pytest.mark.parametrize("shape", [(8,), (2, 4), (5, 4, 3)])
def test_inputs_without_a_batch_of_one(tmp_path: Path, shape: tuple[int, ...]) -> None:
    net = NetworkBuilder(shape, 0)
    axes = list(range(len(shape)))[::-1]
    onnx.save(net.model([net.node("Transpose", net.node("Tanh", "x"), perm=axes)]), tmp_path / "plain.onnx")
    model = edgecomp.load(tmp_path / "plain.onnx")
    assert model.input_shape == shape
    x = np.random.default_rng(0).normal(0, 1, (10, *shape)).astype(np.float32)
    from edgecomp.verify import predict

    _, real = predict(model.quantize(x, method="min-max"), None, x)
    expected = np.stack([np.tanh(row).transpose(axes) for row in x])
    assert sqnr_db(expected, real) >= LEAST_DB


def test_the_reference_of_floats_is_not_ours(tmp_path: Path) -> None:
    """`run_onnx` hands back what ONNX Runtime says, or the checks above would check nothing."""
    net = NetworkBuilder((1, 2), 0)
    proto = net.model([net.node("Add", "x", net.constant([1.0, 2.0]))])
    np.testing.assert_allclose(run_onnx(proto.SerializeToString(), np.zeros((3, 2), np.float32))[0][:, 0], [[1, 2]] * 3)

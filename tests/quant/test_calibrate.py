"""Running the float network and watching its tensors, on a small network with known values."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecomp.errors import DataError
from edgecomp.frontend.onnx_import import from_model
from edgecomp.quant import floating
from edgecomp.quant.calibrate import METHODS, collect, ranges
from edgecomp.quant.floating import FloatModel, sample_shape

rng = np.random.default_rng(11)
KERNEL = rng.normal(size=(4, 2, 3, 3)).astype(np.float32)
DENSE = rng.normal(size=(100, 5)).astype(np.float32)
SAMPLES = rng.normal(size=(9, 2, 5, 5)).astype(np.float32)


def network(nodes, inputs, outputs, constants):
    def described(shapes):
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]

    stored = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    proto = helper.make_graph(nodes, "small", described(inputs), described(outputs), stored)
    return from_model(helper.make_model(proto, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "small")


@pytest.fixture(scope="module")
def small():
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["conv"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("Reshape", ["relu", "flat"], ["features"]),
        helper.make_node("MatMul", ["features", "dense"], ["logits"]),
    ]
    constants = {"kernel": KERNEL, "dense": DENSE, "flat": np.array([1, 100])}
    return network(nodes, {"x": [1, 2, 5, 5]}, {"logits": [1, 5]}, constants)


def convolved(samples):
    padded = np.pad(samples, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, KERNEL)


def test_every_tensor_for_every_sample_in_order(small, monkeypatch):
    monkeypatch.setattr(floating, "CHUNK_ROWS", 4)
    seen = []
    model = FloatModel(small, ["x", "conv", "relu", "logits", "dense"])
    chunks = list(model.run(SAMPLES, lambda done, total: seen.append((done, total))))
    assert [len(chunk["conv"]) for chunk in chunks] == [4, 4, 1]
    assert seen == [(4, 9), (8, 9), (9, 9)]
    got = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
    conv = convolved(SAMPLES)
    relu = np.maximum(conv, 0)
    np.testing.assert_array_equal(got["x"], SAMPLES)
    np.testing.assert_allclose(got["conv"], conv, atol=1e-5)
    np.testing.assert_allclose(got["relu"], relu, atol=1e-5)
    np.testing.assert_allclose(got["logits"], relu.reshape(9, -1) @ DENSE, atol=1e-4)
    np.testing.assert_array_equal(got["dense"], np.stack([DENSE] * 9))


def test_predict_gives_the_first_output(small):
    expected = np.maximum(convolved(SAMPLES), 0).reshape(9, -1) @ DENSE
    np.testing.assert_allclose(FloatModel(small).predict(SAMPLES), expected, atol=1e-4)
    np.testing.assert_allclose(FloatModel(small).predict({"x": SAMPLES.astype(np.float64)}), expected, atol=1e-4)


def test_network_that_moves_its_batch_axis_and_takes_two_inputs():
    nodes = [helper.make_node("Transpose", ["a"], ["moved"], perm=[1, 0]), helper.make_node("Mul", ["moved", "b"], ["y"])]
    graph = network(nodes, {"a": [1, 3], "b": [3, 1]}, {"y": [3, 1]}, {})
    a, b = rng.normal(size=(2, 6, 3)).astype(np.float32)
    got = FloatModel(graph).predict({"a": a, "b": b})
    np.testing.assert_allclose(got, (a * b)[:, :, None], rtol=1e-6)


def test_sample_shape():
    assert [sample_shape(shape) for shape in ((1, 3, 4), (3, 4), (1,), ())] == [(3, 4), (3, 4), (), ()]


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((3, 2, 5, 4), np.float32), r"'x'.*\(3, 2, 5, 4\)"),
        (np.zeros((0, 2, 5, 5), np.float32), "at least one sample"),
        ({"z": SAMPLES}, r"inputs \['z'\].*\['x'\]"),
    ],
)
def test_samples_that_do_not_fit_are_refused(small, samples, message):
    with pytest.raises(DataError, match=message):
        FloatModel(small).predict(samples)


def test_unknown_tensor_is_a_defect(small):
    with pytest.raises(ValueError, match="nonsense"):
        FloatModel(small, ["nonsense"])


def test_collected_statistics_are_those_of_the_values(small):
    statistics = collect(small, SAMPLES, ["x", "relu", "logits"])
    assert list(statistics) == ["x", "relu", "logits"]
    relu = np.maximum(convolved(SAMPLES), 0)
    found = statistics["relu"]
    assert (found.low, found.high) == pytest.approx((0, relu.max()))
    assert found.mean_high == pytest.approx(relu.reshape(9, -1).max(1).mean())
    np.testing.assert_allclose(found.channel_means, relu.mean((0, 2, 3)), rtol=1e-4)
    assert found.zeros + int(found.counts.sum()) == relu.size
    for method in METHODS:
        assert list(ranges(statistics, method)) == ["x", "relu", "logits"]


def test_value_that_is_not_finite_is_named(small):
    samples = SAMPLES.copy()
    samples[4] *= np.float32(1e38)
    with pytest.raises(DataError, match=r"'conv'.*sample 4"):
        collect(small, samples, ["x", "conv"])

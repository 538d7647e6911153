"""QDQ files: ours come back to the same bits; others' are read as they mean it, or refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import edgecomp
from edgecomp import cli, reference
from edgecomp.emit.fingerprint import fingerprint
from edgecomp.errors import UnsupportedError
from edgecomp.pipeline import QuantizedModel
from edgecomp.quant.quality import sqnr_db
from edgecomp.quant.search import dequantized
from tests.property.checks import run_onnx


class QdqWriter:
    """A QDQ model under construction, in the hand of a foreign tool."""

    def __init__(self, element_type: int = TensorProto.FLOAT, shape: tuple[int, ...] = (1, 4, 6, 6)) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.input = helper.make_tensor_value_info("x", element_type, shape)
        self.random = np.random.default_rng(3)

    def constant(self, values: object, dtype: str = "float32") -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def node(self, kind: str, *inputs: str, **attributes: object) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=f"{kind}_{len(self.nodes)}", **attributes))
        return name

    def pair(self, x: str, scale: float, zero_point: int = 0, dtype: str = "int8") -> str:
        """QuantizeLinear and DequantizeLinear."""
        numbers = (self.constant(scale), self.constant(zero_point, dtype))
        return self.node("DequantizeLinear", self.node("QuantizeLinear", x, *numbers), *numbers)

    def weights(self, outputs: int, inputs: int, size: int = 3) -> str:
        """int8 weights behind DequantizeLinear, a scale an output."""
        integers = self.constant(self.random.integers(-127, 128, (outputs, inputs, size, size)), "int8")
        scales = self.constant(self.random.uniform(0.5, 1.5, outputs) / 127 / np.sqrt(inputs * size * size))
        return self.node("DequantizeLinear", integers, scales, self.constant(np.zeros(outputs), "int8"), axis=0)

    def save(self, path: Path, *outputs: str) -> Path:
        values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(self.nodes, "foreign", [self.input], values, self.constants)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
        return path


def samples(count: int = 12) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, (count, 4, 6, 6)).astype(np.float32)


def outputs(quantized: QuantizedModel, x: np.ndarray) -> list[np.ndarray]:
    return dequantized(quantized.qgraph, reference.outputs(quantized.qgraph, [quantized.buffers(quantized.samples(x))]))


# Our own


def test_a_file_stands_for_its_model(tmp_path: Path, digits_onnx: Path, digits_npz: Path) -> None:
    qdq = str(tmp_path / "digits.qdq.onnx")
    preprocessing = ["--layout", "nhwc", "--std", "16"]
    chosen = ["--calib-samples", "60", "--calibration", "mse"]
    assert cli.execute(["quantize", str(digits_onnx), "--data", str(digits_npz), *chosen, *preprocessing, "-o", qdq]) == 0
    reports = []
    for arguments in ([str(digits_onnx), *chosen, "--calib", str(digits_npz), *preprocessing], [qdq]):
        report = tmp_path / "report.json"
        run = ["run", *arguments, "--target", "host", "--data", str(digits_npz), "--json", str(report)]
        if cli.execute(run) != 0:
            pytest.skip("the host board does not run here; `edgecomp doctor` says why")
        reports.append(json.loads(report.read_text()))
    direct, read = reports
    assert read["outputs_sha256"] == direct["outputs_sha256"]
    assert read["model"]["firmware_sha256"] == direct["model"]["firmware_sha256"]
    assert read["accuracy"]["target"] == direct["accuracy"]["target"] >= 0.97
    assert abs(read["accuracy"]["float"] - direct["accuracy"]["float"]) <= 0.01  # "float" is what ONNX Runtime makes of the file


def test_it_passes_onnx_checks_and_writes_the_same_bytes(digits_onnx: Path) -> None:
    x = np.random.default_rng(0).uniform(0, 1, (40, 1, 8, 8)).astype(np.float32)
    first, second = (edgecomp.load(digits_onnx).quantize(x, method="min-max").to_onnx() for _ in range(2))
    assert first == second
    onnx.checker.check_model(onnx.load_from_string(first), full_check=True)


# Others'


def test_quantization_at_the_inputs_of_layers_alone(tmp_path: Path) -> None:
    """As tools for accelerators write it: what lies between two layers takes the scale it is given later, or a bound."""
    writer = QdqWriter()
    y = writer.node("Conv", writer.pair("x", 4 / 127), writer.weights(6, 4), pads=[1, 1, 1, 1])
    y = writer.node("MaxPool", writer.node("Relu", y), kernel_shape=[2, 2], strides=[2, 2])
    y = writer.node("Conv", writer.pair(y, 4 / 255, -128), writer.weights(3, 6))
    path = writer.save(tmp_path / "inputs.onnx", writer.node("Relu", y))
    quantized = edgecomp.load(path).absorbed()
    assert [node.op.kernel for node in quantized.qgraph.nodes] == ["conv2d_s8", "max_pool2d_s8", "conv2d_s8"]
    assert sqnr_db(run_onnx(path.read_bytes(), samples())[0], outputs(quantized, samples())[0]) >= 20


@pytest.mark.parametrize(("element_type", "zero_point"), [(TensorProto.UINT8, 100), (TensorProto.INT8, -20)])
def test_an_integer_input_takes_rounded_numbers(tmp_path: Path, element_type: int, zero_point: int) -> None:
    dtype = helper.tensor_dtype_to_np_dtype(element_type)
    writer = QdqWriter(element_type)
    x = writer.node("DequantizeLinear", "x", writer.constant(0.03), writer.constant(zero_point, dtype.name))
    y = writer.pair(writer.node("Conv", x, writer.weights(5, 4)), 0.02)
    path = writer.save(tmp_path / "integers.onnx", y)
    quantized = edgecomp.load(path).absorbed()
    raw = np.random.default_rng(1).uniform(-200, 300, (9, 4, 6, 6)).astype(np.float32)
    limits = np.iinfo(dtype)
    fed = np.clip(np.rint(raw), limits.min, limits.max).astype(dtype)
    assert np.array_equal(quantized.samples(raw), fed)
    steps = np.abs(run_onnx(path.read_bytes(), fed)[0] - outputs(quantized, raw)[0]) / 0.02
    assert steps.max() < 1.01


def test_two_scales_one_after_the_other(tmp_path: Path) -> None:
    writer = QdqWriter()
    y = writer.pair(writer.node("Conv", writer.pair("x", 0.03, 5), writer.weights(5, 4)), 0.02, 7)
    path = writer.save(tmp_path / "two.onnx", writer.pair(y, 0.05, -3), y)
    got = outputs(edgecomp.load(path).absorbed(), samples())
    expected = run_onnx(path.read_bytes(), samples())
    assert (np.abs(expected[1] - got[1]) / 0.02).max() < 1.01
    assert (np.abs(expected[0] - got[0]) / 0.05).max() < 1.01


def test_one_scale_that_means_uint8(tmp_path: Path) -> None:
    writer = QdqWriter()
    y = writer.node("Conv", writer.pair("x", 8 / 255, 128, "uint8"), writer.weights(5, 4))
    path = writer.save(tmp_path / "unsigned.onnx", writer.pair(writer.node("Relu", y), 3 / 255, 0, "uint8"))
    quantized = edgecomp.load(path).absorbed()
    assert quantized.qgraph.tensors[quantized.qgraph.outputs[0].tensor].zero_point == -128
    assert (np.abs(run_onnx(path.read_bytes(), samples())[0] - outputs(quantized, samples())[0]) * 255 / 3).max() < 1.01


def test_weights_read_by_two_layers(tmp_path: Path) -> None:
    writer = QdqWriter()
    weights = writer.weights(4, 4)
    y = writer.pair(writer.node("Conv", writer.pair("x", 0.03), weights, pads=[1, 1, 1, 1]), 0.04)
    path = writer.save(tmp_path / "shared.onnx", writer.pair(writer.node("Conv", y, weights), 0.05))
    quantized = edgecomp.load(path).absorbed()
    assert sqnr_db(run_onnx(path.read_bytes(), samples())[0], outputs(quantized, samples())[0]) >= 30
    (tmp_path / "again.onnx").write_bytes(quantized.to_onnx())
    assert fingerprint(edgecomp.load(tmp_path / "again.onnx").absorbed().qgraph) == fingerprint(quantized.qgraph)


def test_activations_quantized_per_channel_are_refused(tmp_path: Path) -> None:
    writer = QdqWriter()
    numbers = (writer.constant([0.1] * 4), writer.constant([0] * 4, "int8"))
    x = writer.node("DequantizeLinear", writer.node("QuantizeLinear", "x", *numbers, axis=1), *numbers, axis=1)
    path = writer.save(tmp_path / "channels.onnx", writer.node("Conv", x, writer.weights(5, 4)))
    with pytest.raises(UnsupportedError, match=r"QuantizeLinear_0.*per channel.*one scale"):
        edgecomp.load(path).absorbed()


def test_an_input_left_in_float_is_refused(tmp_path: Path) -> None:
    writer = QdqWriter()
    path = writer.save(tmp_path / "float.onnx", writer.pair(writer.node("Conv", "x", writer.weights(5, 4)), 0.1))
    with pytest.raises(UnsupportedError, match=r"input 'x'.*edgecomp quantize"):
        edgecomp.load(path).absorbed()


def test_an_operator_without_a_bound_is_refused(tmp_path: Path) -> None:
    writer = QdqWriter()
    product = writer.node("MatMul", writer.pair("x", 0.1), writer.pair("x", 0.1))
    path = writer.save(tmp_path / "bound.onnx", writer.node("Relu", product))
    with pytest.raises(UnsupportedError, match=r"MatMul_\d+.*no quantization in the file and no bound"):
        edgecomp.load(path).absorbed()

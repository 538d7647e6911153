"""A QDQ model that answers in integers is compared by the real values they stand for."""

from pathlib import Path

import onnx
import pytest

from edgecomp import load
from edgecomp.data.digits import load_digits
from edgecomp.data.samples import Preprocessing


@pytest.fixture(scope="module")
def integer_model(digits_onnx: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quantized digit classifier without its last DequantizeLinear."""
    quantized = load(digits_onnx).quantize(
        load_digits("test")[0][:50], preprocessing=Preprocessing(layout="nhwc", std=(16.0,)), method="min-max"
    )
    proto = onnx.load_from_string(quantized.to_onnx())
    last = next(node for node in proto.graph.node if proto.graph.output[0].name in node.output)
    assert last.op_type == "DequantizeLinear"
    proto.graph.node.remove(last)
    proto.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info(last.input[0], onnx.TensorProto.INT8, [1, 10]))
    path = tmp_path_factory.mktemp("integer") / "digits.onnx"
    onnx.save(proto, path)
    return path


def test_accuracy_is_of_real_values(integer_model: Path) -> None:
    x, _ = load_digits("test")
    report = load(integer_model).absorbed().run("host", x[50:60])
    assert report.accuracy is not None
    assert report.accuracy.target > 30
    assert report.outputs is not None
    assert report.outputs.target_float == pytest.approx(report.outputs.float, abs=3 / 256)

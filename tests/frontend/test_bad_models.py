"""Every model that edgecomp cannot take ends in one error that names the place, what was found and what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecomp.errors import EdgecompError, ModelError, UnsupportedError
from edgecomp.frontend.onnx_import import from_model, load_graph
from tests.passes.drawn_models import ModelWriter


def conv_model() -> onnx.ModelProto:
    """One convolution and a Relu."""
    writer = ModelWriter((1, 2, 5, 5))
    writer.node("Conv", writer.end, writer.weights(3, 2, 3, 3))
    writer.node("Relu")
    return writer.model()


def loose_model(nodes: list[onnx.NodeProto], shape: tuple[object, ...] = (1, 4), opset: int = 17, **arrays: object) -> onnx.ModelProto:
    """A model that ONNX has not checked, from x to y."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_empty_tensor_value_info("y")
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in arrays.items()]
    graph = helper.make_graph(nodes, "loose", [x], [y], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("acme", 1)], ir_version=8)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.onnx: no such file"):
        load_graph(tmp_path / "none.onnx")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="found a folder"):
        load_graph(tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello, I am text\n" * 20, bytes(range(256)) * 4], ids=["empty", "text", "bytes"])
def test_no_onnx(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weird.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"weird\.onnx"):
        load_graph(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_file(tmp_path: Path, share: float) -> None:
    path = tmp_path / "cut.onnx"
    content = conv_model().SerializeToString()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match=r"cut\.onnx.*cut short|cut\.onnx: found no nodes"):
        load_graph(path)


def test_tflite_file(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(40))
    with pytest.raises(ModelError, match=r"TensorFlow Lite.*tf2onnx"):
        load_graph(path)


def test_missing_external_data(tmp_path: Path) -> None:
    path = tmp_path / "apart.onnx"
    onnx.save(conv_model(), path, save_as_external_data=True, location="apart.data", size_threshold=0)
    (tmp_path / "apart.data").unlink()
    with pytest.raises(ModelError, match=r"apart\.onnx: its external data cannot be read.*beside the model"):
        load_graph(path)


def test_external_data_are_read(tmp_path: Path) -> None:
    path = tmp_path / "apart.onnx"
    model = conv_model()
    onnx.save(model, path, save_as_external_data=True, location="apart.data", size_threshold=0)
    assert np.array_equal(load_graph(path).tensors["c0"].data, numpy_helper.to_array(conv_model().graph.initializer[0]))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite(value: float) -> None:
    model = conv_model()
    weights = numpy_helper.to_array(model.graph.initializer[0]).copy()
    weights[1, 0, 2, 1] = value
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, "kernel"))
    model.graph.node[0].input[1] = "kernel"
    with pytest.raises(ModelError, match=r"tensor 'kernel' \(read by 'conv_t0'\) holds 1 values that are not finite.*\[1, 0, 2, 1\]"):
        from_model(model, "net")


def test_negative_variance() -> None:
    writer = ModelWriter((1, 2, 3, 3))
    ones = [writer.constant(np.ones(2, np.float32)) for _ in range(3)]
    writer.node("BatchNormalization", writer.end, *ones, writer.constant(np.float32([1, -1])))
    with pytest.raises(ModelError, match=r"net: .*variance"):
        from_model(writer.model(), "net")


@pytest.mark.parametrize("dimension", ["width", None])
def test_dynamic_dimension(dimension: str | None) -> None:
    model = loose_model([helper.make_node("Relu", ["x"], ["y"])], ("batch", 3, dimension, 8))
    with pytest.raises(ModelError, match=r"net: input 'x' has a dynamic dimension 2.*--shape x=1,3,\?,8"):
        from_model(model, "net")
    assert from_model(model, "net", {"x": (1, 3, 9, 8)}).tensors["y"].shape == (1, 3, 9, 8)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"z": (1, 4)}, "'z', which is no input; inputs: x"),
        ({"x": (1, 4, 4)}, "has 2 dimensions, the shape given for it has 3"),
        ({"x": (1, 0)}, "sizes of at least 1"),
    ],
)
def test_wrong_shape_given(shapes: dict[str, tuple[int, ...]], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        from_model(loose_model([helper.make_node("Relu", ["x"], ["y"])]), "net", shapes)


def test_given_shape_that_does_not_fit_the_weights() -> None:
    with pytest.raises(UnsupportedError, match=r"net: node 'conv_t0' \(Conv\): found weights .* for 5 input channels"):
        from_model(conv_model(), "net", {"input": (1, 5, 5, 5)})


def test_shapes_that_contradict_one_another() -> None:
    model = loose_model([helper.make_node("Add", ["x", "w"], ["y"])], w=np.ones(3, np.float32))
    with pytest.raises(ModelError, match=r"net: its shapes do not fit together: .*Add"):
        from_model(model, "net")


def test_opset_that_is_too_old() -> None:
    model = loose_model([helper.make_node("Relu", ["x"], ["y"])], opset=6)
    with pytest.raises(ModelError, match="net: found opset 6; allowed: 7 and later; export the model with opset 17"):
        from_model(model, "net")


def test_all_unknown_operators_are_named_at_once() -> None:
    nodes = [helper.make_node("Relu", ["x"], ["a0"])]
    nodes += [helper.make_node("LRN", [f"a{i}"], [f"a{i + 1}"], name=f"norm{i}", size=3) for i in range(6)]
    nodes += [helper.make_node("ArgMax", ["a6"], ["y"], name="best")]
    with pytest.raises(UnsupportedError) as caught:
        from_model(loose_model(nodes, (1, 4, 4, 4)), "net")
    message = str(caught.value)
    assert message.startswith("net: node 'norm0' (LRN): found operator LRN; allowed: the operators that `edgecomp ops` lists; rewrite: ")
    assert "norm4" in message
    assert "norm5" not in message
    assert message.endswith("and 2 more")


def test_unsupported_forms_are_named_with_the_cure() -> None:
    nodes = [
        helper.make_node("MaxPool", ["x"], ["a", "places"], name="pool", kernel_shape=[2, 2]),
        helper.make_node("Pad", ["a", "pads"], ["b"], name="border", mode="reflect"),
        helper.make_node("Cast", ["places"], ["c"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["b", "w"], ["d"], name="volume"),
        helper.make_node("Add", ["c", "d"], ["y"]),
    ]
    model = loose_model(nodes, (1, 1, 4, 4), pads=np.array([0, 0, 0, 0, 0, 0, 0, 0]), w=np.ones((1, 1, 1, 1), np.float32))
    with pytest.raises(UnsupportedError) as caught:
        from_model(model, "net")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("net: node 'pool' (MaxPool): found its second output (Indices) in use; allowed: ")
    assert "rewrite: " in lines[0]
    assert lines[1].startswith("  node 'border' (Pad): found mode='reflect'; allowed: mode='constant'; rewrite: ")
    assert len(lines) == 2


def test_shape_computed_at_run_time() -> None:
    nodes = [helper.make_node("Cast", ["x"], ["s"], to=TensorProto.INT64), helper.make_node("Reshape", ["x", "s"], ["y"], name="r")]
    with pytest.raises(UnsupportedError, match=r"node 'r' \(Reshape\): found shape computed at run time \(tensor 's'\)"):
        from_model(loose_model(nodes, (2,)), "net", keep_batch=True)


def test_custom_domain() -> None:
    node = helper.make_node("Relu", ["x"], ["y"], name="fast", domain="acme")
    with pytest.raises(UnsupportedError, match=r"net: node 'fast' \(Relu\): found domain 'acme'"):
        from_model(loose_model([node]), "net")


def test_control_flow() -> None:
    branch = helper.make_graph([helper.make_node("Relu", ["x"], ["z"])], "branch", [], [helper.make_empty_tensor_value_info("z")])
    node = helper.make_node("If", ["c"], ["y"], name="choice", then_branch=branch, else_branch=branch)
    with pytest.raises(UnsupportedError, match=r"node 'choice' \(If\): found a graph inside the node.*traced model"):
        from_model(loose_model([node], c=np.array(True)), "net")


def test_node_that_reads_what_nothing_writes() -> None:
    model = loose_model([helper.make_node("Add", ["x", "lost"], ["y"], name="sum")])
    with pytest.raises(ModelError, match=r"net: .*(lost|sum)"):
        from_model(model, "net")


def test_output_that_nothing_writes() -> None:
    with pytest.raises(ModelError, match=r"net: outputs \['y'\] are written by no node"):
        from_model(loose_model([helper.make_node("Relu", ["x"], ["z"])]), "net")


def test_malformed_attribute() -> None:
    with pytest.raises((ModelError, UnsupportedError), match=r"net: .*(Concat|cat)"):
        from_model(loose_model([helper.make_node("Concat", ["x", "x"], ["y"], name="cat", axis=9)]), "net")


def test_unknown_attribute() -> None:
    node = helper.make_node("LeakyRelu", ["x"], ["y"], name="leak", alpha=0.1, slope=2.0)
    with pytest.raises((ModelError, UnsupportedError), match="slope"):
        from_model(loose_model([node]), "net")


def test_sequence_input() -> None:
    model = loose_model([helper.make_node("Identity", ["x"], ["y"])])
    model.graph.input[0].CopyFrom(helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, None))
    with pytest.raises(ModelError, match="input 'x' is not a tensor"):
        from_model(model, "net")


def test_tensor_that_no_computer_holds() -> None:
    nodes = [helper.make_node("Expand", ["x", "wide"], ["y"])]
    with pytest.raises(ModelError, match=r"net: tensor 'y' has shape \[65536, 65536, 4\]; allowed: up to"):
        from_model(loose_model(nodes, (1, 4), wide=np.array([65536, 65536, 4])), "net")


def test_flipped_bytes_end_in_an_error_of_ours_or_in_a_network() -> None:
    random = np.random.default_rng(0)
    content = np.frombuffer(conv_model().SerializeToString(), np.uint8)
    refused = 0
    for _ in range(300):
        broken = content.copy()
        broken[random.integers(len(broken), size=random.integers(1, 4))] = random.integers(256)
        try:
            model = onnx.load_model_from_string(broken.tobytes())
        except Exception:  # no protobuf any more: `read_model` says so, see above
            continue
        try:
            from_model(model, "net")
        except EdgecompError:
            refused += 1
    assert refused > 20


@pytest.mark.parametrize("attributes", [{"kernel_shape": [7, 1]}, {"kernel_shape": [3, 3], "dilations": [3, 1]}])
@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool", "Conv"])
def test_window_larger_than_the_input(kind: str, attributes: dict[str, list[int]]) -> None:
    weights = np.ones((1, 1, *attributes["kernel_shape"]), np.float32)
    node = helper.make_node(kind, ["x", "w"] if kind == "Conv" else ["x"], ["y"], name="wide", **attributes)
    with pytest.raises((ModelError, UnsupportedError), match=r"net: (node 'wide' .*windows that fit|.*shapes do not fit|.*has shape)"):
        from_model(loose_model([node], (1, 1, 5, 5), 19, w=weights), "net")


def test_transposed_convolution_with_more_padding_than_output() -> None:
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], name="up", pads=[2, 2, 2, 2])
    with pytest.raises((ModelError, UnsupportedError), match=r"net: .*(size \[-1, -1\]|shape)"):
        from_model(loose_model([node], (1, 1, 2, 2), w=np.ones((1, 1, 2, 2), np.float32)), "net")

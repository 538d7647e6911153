"""The torch executor is held to numpy's float semantics, operator by operator and on whole networks; gradients reach the weights."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `edgecomp[train]`)")

import edgecomp  # noqa: E402
from edgecomp.errors import DataError, EdgecompError, UnsupportedError  # noqa: E402
from edgecomp.frontend.onnx_export import to_model  # noqa: E402
from edgecomp.frontend.onnx_import import from_model  # noqa: E402
from edgecomp.graph import Array, Graph  # noqa: E402
from edgecomp.interpret import evaluate  # noqa: E402
from edgecomp.ops import OPERATORS  # noqa: E402
from edgecomp.train.executor import TorchGraph, trained_constants  # noqa: E402
from edgecomp.train.functions import FUNCTIONS  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
MODELS = Path(os.environ.get("EDGECOMP_REAL_MODELS", ROOT.parent / "shared" / "data")) / "models"
BATCH = 3
NO_FORM = {
    "Cast": "types are fixed",
    "Constant": "import makes it a constant",
    "QuantizeLinear": "integers",
    "DequantizeLinear": "integers",
}

RNG = np.random.default_rng(0)
IMAGE, SIGNAL, ROW, HALVES = (1, 4, 7, 6), (1, 4, 9), (1, 12), (1, 8, 6, 4)


def made(
    op_type: str,
    shape: tuple[int, ...] = IMAGE,
    constants: tuple[Any, ...] = (),
    outputs: int = 1,
    inputs: tuple[str, ...] = ("x",),
    output_type: int = onnx.TensorProto.FLOAT,
    **attributes: Any,
) -> Graph:
    """One operator over an input `x` and constants, as a graph."""
    arrays = [
        np.asarray(value) if isinstance(value, np.ndarray) else np.asarray(value, np.float32) for value in constants if value is not None
    ]
    names = [*inputs, *("" if value is None else f"c{index}" for index, value in enumerate(constants))]
    results = [f"y{index}" for index in range(outputs)]
    node = helper.make_node(op_type, names, results, name=op_type.lower(), **attributes)
    graph = helper.make_graph(
        [node],
        op_type,
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, output_type, None) for name in results],
        [numpy_helper.from_array(value, name) for name, value in zip([name for name in names[len(inputs) :] if name], arrays, strict=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return from_model(model, op_type)


def weights(*shape: int) -> Array:
    return RNG.standard_normal(shape).astype(np.float32)


def integers(*values: int) -> Array:
    return np.array(values, np.int64)


FORMS: dict[str, Graph] = {
    "Conv, unequal padding, strides, groups": made(
        "Conv", constants=(weights(6, 2, 3, 2), weights(6)), pads=[0, 1, 2, 1], strides=[2, 1], group=2
    ),
    "Conv, dilated, no bias": made("Conv", constants=(weights(5, 4, 3, 3),), pads=[2, 2, 2, 2], dilations=[2, 2]),
    "Conv, depthwise": made("Conv", constants=(weights(8, 1, 3, 3), weights(8)), group=4, pads=[1, 1, 1, 1]),
    "Conv, 1-D": made("Conv", SIGNAL, (weights(5, 4, 3), weights(5)), pads=[2, 0], strides=[2]),
    "ConvTranspose": made(
        "ConvTranspose", constants=(weights(4, 3, 3, 2), weights(6)), group=2, strides=[2, 3], pads=[1, 0, 0, 1], output_padding=[1, 0]
    ),
    "ConvTranspose, 1-D, dilated": made("ConvTranspose", SIGNAL, (weights(4, 3, 3),), strides=[2], dilations=[2], pads=[1, 2]),
    "Gemm": made("Gemm", ROW, (weights(5, 12), weights(5)), transB=1),
    "Gemm, scaled": made("Gemm", ROW, (weights(12, 5), weights(1, 5)), alpha=0.5, beta=2.0),
    "MatMul": made("MatMul", ROW, (weights(12, 5),)),
    "MatMul, batched": made("MatMul", (1, 4, 6), (weights(1, 6, 3),)),
    "BatchNormalization": made("BatchNormalization", constants=(weights(4), weights(4), weights(4), weights(4) ** 2)),
    **{f"{kind}, a channel": made(kind, constants=(weights(4, 1, 1),)) for kind in ("Add", "Sub", "Mul", "Div", "Max", "Min")},
    **{
        kind: made(kind)
        for kind in "Relu Sigmoid Tanh Elu Celu Selu LeakyRelu HardSigmoid HardSwish Softplus Softsign Mish Erf Neg Abs Exp Identity "
        "ThresholdedRelu Flatten GlobalAveragePool GlobalMaxPool Softmax LogSoftmax Gelu".split()
    },
    "Gelu, tanh": made("Gelu", approximate="tanh"),
    "Log": made("Log"),
    "Sqrt": made("Sqrt"),
    "Reciprocal": made("Reciprocal"),
    "Pow": made("Pow", constants=(2.0,)),
    "PRelu": made("PRelu", constants=(weights(4, 1, 1),)),
    "Clip": made("Clip", constants=(-0.5, 0.75)),
    "Clip, one bound": made("Clip", constants=(None, 0.75)),
    "MaxPool, unequal padding": made("MaxPool", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 2, 1]),
    "MaxPool, dilated, ceil": made("MaxPool", kernel_shape=[2, 2], strides=[2, 2], dilations=[2, 2], ceil_mode=1),
    "MaxPool, 1-D": made("MaxPool", SIGNAL, kernel_shape=[3], strides=[2], pads=[1, 1]),
    "AveragePool, padding not counted": made("AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 0]),
    "AveragePool, padding counted": made(
        "AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1, ceil_mode=1
    ),
    "AveragePool, whole": made("AveragePool", kernel_shape=[7, 6]),
    "AveragePool, 1-D": made("AveragePool", SIGNAL, kernel_shape=[3], strides=[2]),
    "AveragePool, dilated": made("AveragePool", kernel_shape=[2, 2], dilations=[2, 2]),
    **{kind: made(kind, constants=(integers(2, 3),), keepdims=0) for kind in ("ReduceMean", "ReduceSum", "ReduceMax")},
    "ReduceMean, kept": made("ReduceMean", constants=(integers(1),)),
    "Reshape": made("Reshape", constants=(integers(1, -1),)),
    "Transpose": made("Transpose", perm=[0, 2, 3, 1]),
    "Squeeze": made("Squeeze", (1, 4, 1, 6), (integers(2),)),
    "Unsqueeze": made("Unsqueeze", constants=(integers(1, 4),)),
    "Concat": made("Concat", inputs=("x", "x"), axis=1),
    "Pad": made("Pad", constants=(integers(0, 1, 2, 0, 0, 0, 1, 3), 0.5)),
    "Slice": made("Slice", constants=(integers(1, -2), integers(7, -7), integers(2, 3), integers(2, -1))),
    "Split": made("Split", constants=(integers(1, 3),), outputs=2, axis=1),
    "Expand": made("Expand", (1, 4, 1, 6), (integers(1, 4, 5, 6),)),
    "Resize, nearest": made("Resize", constants=(None, None, integers(1, 4, 14, 9)), mode="nearest"),
    "Resize, linear": made("Resize", constants=(None, None, integers(1, 4, 11, 4)), mode="linear"),
    "DepthToSpace": made("DepthToSpace", HALVES, blocksize=2),
    "DepthToSpace, CRD": made("DepthToSpace", HALVES, blocksize=2, mode="CRD"),
    "SpaceToDepth": made("SpaceToDepth", HALVES, blocksize=2),
    "Dropout": made("Dropout"),
}


@pytest.mark.parametrize("form", FORMS)
def test_operators_compute_what_numpy_computes(form: str) -> None:
    graph = FORMS[form]
    x = RNG.standard_normal((BATCH, *graph.tensors["x"].shape[1:])).astype(np.float32)
    x = np.abs(x) + 0.1 if form in ("Log", "Sqrt", "Reciprocal") else x
    expected = evaluate(graph, {"x": x})
    network = TorchGraph(graph)
    given = torch.from_numpy(x).requires_grad_()
    found = network.run(given)
    for name in graph.outputs:
        assert found[name].shape == expected[name].shape
        np.testing.assert_allclose(found[name].detach().numpy(), expected[name], rtol=2e-5, atol=2e-5)
    sum(value.square().sum() for value in found.values()).backward()
    assert given.grad is not None and torch.isfinite(given.grad).all()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in network.parameters.values())


def test_every_operator_has_a_form_or_a_reason() -> None:
    without = {kind.__name__ for kind in OPERATORS.values() if kind.__name__ not in FUNCTIONS}
    assert without == NO_FORM.keys()
    tested = {node.kind for graph in FORMS.values() for node in graph.nodes}
    assert FUNCTIONS.keys() - tested <= {"Identity", "Dropout"}  # import removes them


@pytest.mark.parametrize("name", ["ad_fc_autoencoder", "cifar10_cnn6", "cifar10_keras_cnn", "cifar10_resnet20", "ic_resnet8", "kws_dscnn"])
def test_real_networks_run_train_and_come_back(name: str, tmp_path: Path) -> None:
    path = MODELS / f"{name}.onnx"
    if not path.exists():
        pytest.skip(f"{name}.onnx is not there (EDGECOMP_REAL_MODELS names the folder)")
    model = edgecomp.load(path)
    x = RNG.standard_normal((BATCH, *model.input_shape)).astype(np.float32)
    network = TorchGraph(model.simplified)
    output = model.simplified.outputs[0]
    found = network.run(torch.from_numpy(x))[output]
    np.testing.assert_allclose(
        found.detach().numpy(), evaluate(model.simplified, {model.simplified.inputs[0]: x})[output], rtol=1e-4, atol=5e-5
    )

    optimizer = torch.optim.SGD(network.parameters.values(), lr=1e-3)
    network.run(torch.from_numpy(x), [network.logits])[network.logits].square().mean().backward()
    optimizer.step()
    trained = network.run(torch.from_numpy(x))[output].detach().numpy()
    assert not np.array_equal(trained, found.detach().numpy())
    (tmp_path / "trained.onnx").write_bytes(to_model(network.to_graph()).SerializeToString())
    again = edgecomp.load(tmp_path / "trained.onnx").simplified
    np.testing.assert_allclose(evaluate(again, {again.inputs[0]: x})[again.outputs[0]], trained, rtol=1e-4, atol=5e-5)


def test_a_constant_beside_a_batch_is_repeated() -> None:
    graph = made("Concat", constants=(weights(1, 2, 7, 6),), axis=1)
    x = weights(BATCH, 4, 7, 6)
    found = TorchGraph(graph).run(torch.from_numpy(x))["y0"].detach().numpy()
    for row in range(BATCH):
        np.testing.assert_array_equal(found[row : row + 1], evaluate(graph, {"x": x[row : row + 1]})["y0"])


def test_a_graph_comes_back_as_it_was() -> None:
    graph = FORMS["Conv, depthwise"]
    again = TorchGraph(graph).to_graph()
    assert again.nodes == graph.nodes
    for name, tensor in graph.tensors.items():
        assert again.tensors[name].dtype == tensor.dtype
        np.testing.assert_array_equal(again.tensors[name].data, tensor.data)


def test_state_is_a_copy_and_loads_again() -> None:
    network = TorchGraph(FORMS["Gemm"])
    before = network.state()
    with torch.no_grad():
        for parameter in network.parameters.values():
            parameter += 1
    changed = network.state()
    assert all((changed[name] == before[name] + 1).all() for name in before)
    network.load(before)
    assert all((network.state()[name] == before[name]).all() for name in before)


def test_changes_stand_behind_tensors_and_constants_are_replaced() -> None:
    graph = FORMS["Gemm"]
    network, x = TorchGraph(graph), torch.ones(2, 12)
    plain = network.run(x)["y0"]
    assert torch.equal(network.run(x, behind={"y0": lambda y: y * 2})["y0"], plain * 2)
    assert torch.equal(network.run(x, behind={"x": lambda y: y * 0})["y0"], network.parameters["c1"].expand(2, 5))
    assert torch.equal(network.run(x, constants={"c1": network.parameters["c1"] + 1})["y0"], plain + 1)


def test_one_number_of_a_formula_and_statistics_are_not_trained() -> None:
    assert trained_constants(made("Mul", constants=(1 / 6,))) == ()
    assert trained_constants(FORMS["BatchNormalization"]) == ("c0", "c1")


def test_refusals_name_the_node_and_the_cure() -> None:
    graph = FORMS["Gemm"]
    quantized = made("QuantizeLinear", ROW, (0.1, np.array(0, np.int8)), output_type=onnx.TensorProto.INT8)
    with pytest.raises(UnsupportedError, match=r"'quantizelinear' \(QuantizeLinear\).*train the float network"):
        TorchGraph(quantized)
    with pytest.raises(DataError, match="no data for inputs"):
        TorchGraph(graph).run({})


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EdgecompError, match=r"edgecomp\[train\]"):
        TorchGraph(replace(FORMS["Gemm"]))

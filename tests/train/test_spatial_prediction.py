"""Zero prediction in torch leaves out what the ONNX layer leaves out, for any masks, and passes gradients to what took part."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `edgecomp[train]`)")

from edgecomp.graph import Array  # noqa: E402
from edgecomp.qgraph import IntArray  # noqa: E402
from edgecomp.skip.spatial_layer import SpatialLayer, insert_spatial, mask_bits  # noqa: E402
from edgecomp.train.spatial_prediction import SpatialPrediction  # noqa: E402

ROWS = 2


def by_onnx(layer: SpatialLayer, masks: IntArray, thresholds: Array, x: Array) -> tuple[Array, Array]:
    """(output, how often each patch is predicted to be zero) of the layer of ONNX operators."""
    shape = [None, layer.channels, layer.height, layer.width]
    nodes = [helper.make_node("Identity", ["x"], [layer.tensor]), helper.make_node("Identity", [layer.tensor], ["y"])]
    values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "one", values[:1], values[1:])
    model = insert_spatial(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), [layer], false_zeros=False)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(["y", layer.zeros], {"x": x, **layer.feeds(masks, thresholds)})
    return found[0], found[1]


@settings(max_examples=60)
@given(st.data())
def test_equals_the_onnx_layer(data: st.DataObject) -> None:
    patch = data.draw(st.integers(2, 4))
    layer = SpatialLayer("t", patch, *(data.draw(st.integers(1, 9)) for _ in range(3)))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    shape = [data.draw(st.sampled_from((1, whole))) for whole in (layer.rows, layer.columns, layer.channels)]
    masks = rng.integers(0, 1 << patch * patch, shape, dtype=np.uint16) & rng.integers(0, 1 << patch * patch, shape, dtype=np.uint16)
    thresholds = rng.normal(0.5, 0.5, layer.channels).astype(np.float32)
    x = rng.standard_normal((ROWS, layer.channels, layer.height, layer.width)).astype(np.float32)
    expected, zeros = by_onnx(layer, masks, thresholds, x)

    prediction = SpatialPrediction(layer, masks, thresholds, keep_most=True)
    given_x = torch.from_numpy(x).requires_grad_()
    found = prediction(given_x)
    np.testing.assert_array_equal(found.detach().numpy(), expected)
    assert prediction.computed is not None and prediction.most is not None
    np.testing.assert_array_equal((~prediction.computed).sum(0).numpy(), zeros)
    np.testing.assert_array_equal((prediction.most > 0).numpy(), prediction.computed.numpy())
    found.sum().backward()
    np.testing.assert_array_equal(given_x.grad.numpy(), (expected == x).astype(np.float32))  # no drawn value is zero


def test_straight_through_passes_every_gradient() -> None:
    layer = SpatialLayer("t", 2, 3, 4, 4)
    x = torch.full((1, 3, 4, 4), -1.0, requires_grad=True)
    masks = np.full((1, 1, 1), 0b1001, np.uint16)
    found = SpatialPrediction(layer, masks, np.zeros(3), straight_through=True)(x)
    assert found.sum() == -0.5 * x.numel()
    found.sum().backward()
    assert x.grad is not None and (x.grad == 1).all()


def test_the_largest_mask_position_gets_the_gradient_of_most() -> None:
    layer = SpatialLayer("t", 2, 1, 3, 2)
    x = torch.arange(6, dtype=torch.float32).reshape(1, 1, 3, 2).requires_grad_()
    prediction = SpatialPrediction(layer, np.full((1, 1, 1), 0b1001, np.uint16), np.array([0.5]), keep_most=True)
    prediction(x)
    assert prediction.most is not None
    assert prediction.most.flatten().tolist() == [2.5, 3.5]  # places 0 and 3, then place 4 alone at the border
    prediction.most.sum().backward()
    assert x.grad is not None and x.grad.flatten().tolist() == [0, 0, 0, 1, 1, 0]
    assert mask_bits(np.array([0b1001]), 2).tolist() == [[True, False, False, True]]

"""The Spatial layer does what `rules.Spatial` says, on any map, and masks are inputs of one session."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from edgecomp.skip.spatial_layer import SpatialLayer, dense_mask, insert_spatial


def session_of(layer: SpatialLayer) -> Any:
    """y = Relu(-x) with the layer between."""
    shape = ["samples", layer.channels, layer.height, layer.width]
    nodes = [helper.make_node("Neg", ["x"], [layer.tensor]), helper.make_node("Relu", [layer.tensor], ["y"])]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "made", ports[:1], ports[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnxruntime.InferenceSession(insert_spatial(model, [layer]).SerializeToString(), providers=["CPUExecutionProvider"])


def expected(layer: SpatialLayer, values: np.ndarray, masks: np.ndarray, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """The layer's output, predicted patches [channels, rows, columns] and false zeros, place by place."""
    result, zeros, false_zeros = values.copy(), np.zeros((layer.channels, layer.rows, layer.columns)), 0
    for sample, channel, row, column in np.ndindex(len(values), layer.channels, layer.rows, layer.columns):
        index = tuple(min(i, size - 1) for i, size in zip((row, column, channel), masks.shape, strict=True))
        places = [
            (y, x, bool(int(masks[index]) >> dy * layer.patch + dx & 1))
            for dy in range(layer.patch)
            for dx in range(layer.patch)
            if (y := row * layer.patch + dy) < layer.height and (x := column * layer.patch + dx) < layer.width
        ]
        counts = any(values[sample, channel, y, x] > thresholds[channel] for y, x, inside in places if inside)
        zeros[channel, row, column] += not counts
        for y, x, inside in places:
            if not counts and not inside:
                false_zeros += bool(values[sample, channel, y, x] > 0)
                result[sample, channel, y, x] = 0
    return np.maximum(result, 0), zeros, false_zeros


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(st.sampled_from((2, 3, 4)), st.integers(1, 7), st.integers(1, 7), st.integers(1, 3), st.integers(0, 7), st.integers(0, 99))
def test_the_layer_follows_the_rule(patch: int, height: int, width: int, channels: int, shared: int, seed: int) -> None:
    layer = SpatialLayer("judged", patch, channels, height, width)
    random = np.random.default_rng(seed)
    shape = tuple(1 if shared >> axis & 1 else size for axis, size in enumerate((layer.rows, layer.columns, channels)))
    masks = random.integers(1, dense_mask(patch) + 1, shape).astype(np.uint16)
    thresholds = random.integers(-2, 3, channels).astype(np.float32) + 0.5
    values = random.integers(-4, 5, (3, channels, height, width)).astype(np.float32)
    found = session_of(layer).run(["y", layer.zeros, layer.false_zeros], {"x": -values, **layer.feeds(masks, thresholds)})
    output, zeros, false_zeros = expected(layer, values, masks, thresholds)
    assert np.array_equal(found[0], output)
    assert np.array_equal(found[1], zeros)
    assert found[2].sum() == false_zeros


def test_dense_masks_change_nothing() -> None:
    layer = SpatialLayer("judged", 2, 2, 5, 5)
    x = np.random.default_rng(0).normal(size=(2, 2, 5, 5)).astype(np.float32)
    outputs = session_of(layer).run(["y", layer.false_zeros], {"x": x, **layer.dense()})
    assert np.array_equal(outputs[0], np.maximum(-x, 0))
    assert not outputs[1].any()


def test_positions_beyond_the_border_are_not_skipped() -> None:
    layer = SpatialLayer("judged", 2, 1, 3, 3)
    skipped = layer.skipped_positions(np.full((1, 1, 1), 0b0001, np.uint16))
    assert skipped.tolist() == [[[3, 1], [1, 0]]]


def test_a_tensor_that_nothing_computes_is_refused() -> None:
    graph = helper.make_graph([], "empty", [], [])
    with pytest.raises(ValueError, match="'judged' must be computed"):
        insert_spatial(helper.make_model(graph), [SpatialLayer("judged", 2, 1, 2, 2)])

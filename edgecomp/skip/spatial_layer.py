"""The *Spatial* layer for any ONNX graph, made of standard ONNX operators: `insert_spatial(model, layers) -> model`.

It stands behind the tensor on which zeros are predicted, the output of a convolution or of the residual sum behind it, before the ReLU,
and puts zero where `rules.Spatial` says so. Masks and thresholds are inputs of the graph, so one session of a runtime evaluates
any number of them without being built again; `feeds` makes them. Statistics are outputs.

The semantics are those of `rules.Spatial` with real numbers: a position counts where its value is larger than the real threshold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from edgecomp.graph import Array
from edgecomp.qgraph import IntArray

NEVER = np.float32(-1e30)
"""Added to positions that are not of the mask, so that they never win a maximum."""


@dataclass(frozen=True)
class SpatialLayer:
    """Where a layer is inserted: behind tensor `tensor`, [N, channels, height, width], in patches of `patch` x `patch`."""

    tensor: str
    patch: int
    channels: int
    height: int
    width: int

    @property
    def rows(self) -> int:
        """Patches from top to bottom, the last one cut off by the border."""
        return -(-self.height // self.patch)

    @property
    def columns(self) -> int:
        """Patches from left to right."""
        return -(-self.width // self.patch)

    @property
    def masks(self) -> str:
        """Graph input, bool [rows or 1, columns or 1, channels or 1, patch * patch]: which positions are always computed."""
        return f"{self.tensor}__spatial_masks"

    @property
    def thresholds(self) -> str:
        """Graph input, float32 [channels]: real values; a position of the mask counts where it is larger."""
        return f"{self.tensor}__spatial_thresholds"

    @property
    def zeros(self) -> str:
        """Graph output, float32 [channels, rows, columns]: of how many samples the patch was predicted to be zero."""
        return f"{self.tensor}__spatial_zeros"

    @property
    def false_zeros(self) -> str:
        """Graph output, float32 [channels]: how many positions above zero were taken as zero."""
        return f"{self.tensor}__spatial_false_zeros"

    def feeds(self, masks: IntArray, thresholds: Array) -> dict[str, Array]:
        """The two graph inputs from uint16 masks [rows or 1, columns or 1, channels or 1], as in `rules.Spatial`, and real thresholds."""
        return {self.masks: mask_bits(masks, self.patch), self.thresholds: np.asarray(thresholds, np.float32)}

    def dense(self) -> dict[str, Array]:
        """The two graph inputs with which nothing is predicted."""
        return self.feeds(np.full((1, 1, 1), dense_mask(self.patch), np.uint16), np.zeros(self.channels, np.float32))

    def skipped_positions(self, masks: IntArray) -> IntArray:
        """Positions within the map that a predicted patch leaves out, int64 [channels, rows, columns]."""
        outside = ~mask_bits(masks, self.patch)
        inside_rows = np.minimum(self.patch, self.height - self.patch * np.arange(self.rows))
        inside_columns = np.minimum(self.patch, self.width - self.patch * np.arange(self.columns))
        place = np.arange(self.patch * self.patch)
        inside = (place // self.patch < inside_rows[:, None])[:, None] & (place % self.patch < inside_columns[:, None])
        found: IntArray = (outside & inside[:, :, None]).sum(-1, dtype=np.int64)
        return np.ascontiguousarray(np.broadcast_to(found.transpose(2, 0, 1), (self.channels, self.rows, self.columns)))


def dense_mask(patch: int) -> int:
    """All bits set: every position is computed."""
    return (1 << patch * patch) - 1


def mask_bits(masks: IntArray, patch: int) -> Array:
    """Masks as bool [..., patch * patch]: bit y * patch + x first to last."""
    bits: Array = (np.asarray(masks, np.int64)[..., None] >> np.arange(patch * patch)) & 1 == 1
    return bits


def insert_spatial(model: ModelProto, layers: Sequence[SpatialLayer], false_zeros: bool = True) -> ModelProto:
    """A copy of `model` with a Spatial layer behind each tensor of `layers`; all that read the tensor now read the layer's output.

    `false_zeros` false leaves that statistic out, which saves a third of the layer's time.

    Raises:
        ValueError: no node computes a tensor, or it is an output of the model.
    """
    result = ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    for layer in layers:
        positions = [index for index, node in enumerate(graph.node) if layer.tensor in node.output]
        if not positions or any(layer.tensor == value.name for value in graph.output):
            raise ValueError(f"{graph.name}: {layer.tensor!r} must be computed by a node and read by another")
        made = _Nodes(layer)
        nodes = made.build(false_zeros)
        for node in graph.node:
            _rename_inputs(node, {layer.tensor: made.output})
        following = list(graph.node[positions[0] + 1 :])
        del graph.node[positions[0] + 1 :]
        graph.node.extend([*nodes, *following])
        graph.initializer.extend(made.constants)
        masks = [f"{layer.masks}_{axis}" for axis in ("rows", "columns", "channels")]
        graph.input.append(helper.make_tensor_value_info(layer.masks, TensorProto.BOOL, [*masks, layer.patch * layer.patch]))
        graph.input.append(helper.make_tensor_value_info(layer.thresholds, TensorProto.FLOAT, [layer.channels]))
        zeros = [layer.channels, layer.rows, layer.columns]
        graph.output.append(helper.make_tensor_value_info(layer.zeros, TensorProto.FLOAT, zeros))
        if false_zeros:
            graph.output.append(helper.make_tensor_value_info(layer.false_zeros, TensorProto.FLOAT, [layer.channels]))
    return result


def _rename_inputs(node: NodeProto, names: Mapping[str, str]) -> None:
    for index, name in enumerate(node.input):
        if name in names:
            node.input[index] = names[name]


class _Nodes:
    """The operators of one layer."""

    def __init__(self, layer: SpatialLayer) -> None:
        self.layer = layer
        self.output = self.name("output")
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def name(self, what: str) -> str:
        return f"{self.layer.tensor}__spatial_{what}"

    def constant(self, what: str, values: Any, dtype: str) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), self.name(what)))
        return self.name(what)

    def node(self, op_type: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        output = output if output.startswith(self.layer.tensor) else self.name(output)
        self.nodes.append(helper.make_node(op_type, list(inputs), [output], name=output, **attributes))
        return output

    def build(self, false_zeros: bool) -> list[NodeProto]:
        """Mask and threshold become one tensor that is added; a maximum over each patch then says whether anything of the mask counts."""
        layer, x = self.layer, self.layer.tensor
        always = self.mask_map()
        level = self.node("Reshape", [layer.thresholds, self.constant("by_channel", (1, -1, 1, 1), "int64")], "level")
        offset = self.node("Where", [always, self.node("Neg", [level], "negated"), self.constant("never", NEVER, "float32")], "offset")
        above = self.node("Add", [x, offset], "above")
        patch = layer.patch
        beyond = [0, 0, layer.rows * patch - layer.height, layer.columns * patch - layer.width]
        most = self.node("MaxPool", [above], "most", kernel_shape=[patch, patch], strides=[patch, patch], pads=beyond)
        zero = self.constant("zero", 0, "float32")
        counts = self.node("Cast", [self.node("Greater", [most, zero], "counts")], "counts_float", to=TensorProto.FLOAT)
        keep = self.node("Max", [self.spread(counts), self.node("Cast", [always], "always_float", to=TensorProto.FLOAT)], "keep")
        self.node("Mul", [x, keep], "output")
        skipped = self.node("Sub", [self.constant("one", 1, "float32"), counts], "skipped")
        axes = self.constant("samples_axis", (0,), "int64")
        self.node("ReduceSum", [skipped, axes], layer.zeros, keepdims=0)
        if false_zeros:
            lost = self.node("Greater", [x, self.node("Max", [self.output, zero], "not_lost")], "lost")
            lost = self.node("Cast", [lost], "lost_float", to=TensorProto.FLOAT)
            self.node("ReduceSum", [lost, self.constant("all_but_channels", (0, 2, 3), "int64")], layer.false_zeros, keepdims=0)
        return self.nodes

    def mask_map(self) -> str:
        """The mask at every position of the map, bool [1, channels, height, width]."""
        layer, patch = self.layer, self.layer.patch
        whole = self.constant("patches", (layer.rows, layer.columns, layer.channels, patch * patch), "int64")
        bits = self.node("Expand", [layer.masks, whole], "bits")
        split = self.constant("split", (layer.rows, layer.columns, layer.channels, patch, patch), "int64")
        placed = self.node("Transpose", [self.node("Reshape", [bits, split], "places")], "placed", perm=[2, 0, 3, 1, 4])
        shape = self.constant("padded", (1, layer.channels, layer.rows * patch, layer.columns * patch), "int64")
        return self.cut(self.node("Reshape", [placed, shape], "padded_map"), "map")

    def spread(self, counts: str) -> str:
        """A value a patch at every position of the map."""
        scales = self.constant("scales", (1, 1, self.layer.patch, self.layer.patch), "float32")
        options = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return self.cut(self.node("Resize", [counts, "", scales], "spread", **options), "spread_within")

    def cut(self, name: str, output: str) -> str:
        """Without what lies beyond the right and lower border."""
        layer = self.layer
        if layer.rows * layer.patch == layer.height and layer.columns * layer.patch == layer.width:
            return name
        starts, ends = (
            self.constant(f"{output}_starts", (0, 0), "int64"),
            self.constant(f"{output}_ends", (layer.height, layer.width), "int64"),
        )
        return self.node("Slice", [name, starts, ends, self.constant(f"{output}_axes", (2, 3), "int64")], output)

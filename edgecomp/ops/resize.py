"""Enlargement and reduction of images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgecomp.graph import Array, Node, Shape
from edgecomp.ops.base import Imported, OnnxCall, OnnxNode, Operator, refusal
from edgecomp.ops.images import image_size
from edgecomp.qops.resize_bilinear import WEIGHT_BITS, ResizeBilinear
from edgecomp.qops.resize_nearest import ResizeNearest

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering


Coordinates = Callable[[Array, float, int, int], Array]
"""(output places, scale, input size, output size) -> places in the input, fractional."""

COORDINATES: dict[str, Coordinates] = {
    "asymmetric": lambda x, scale, size_in, size_out: x / scale,
    "half_pixel": lambda x, scale, size_in, size_out: (x + 0.5) / scale - 0.5,
    "pytorch_half_pixel": lambda x, scale, size_in, size_out: (x + 0.5) / scale - 0.5 if size_out > 1 else x * 0.0,
    "tf_half_pixel_for_nn": lambda x, scale, size_in, size_out: (x + 0.5) / scale,
    "align_corners": lambda x, scale, size_in, size_out: x * (size_in - 1) / (size_out - 1) if size_out > 1 else x * 0.0,
    "half_pixel_symmetric": lambda x, scale, size_in, size_out: size_in / 2 * (1 - size_out / (scale * size_in)) + (x + 0.5) / scale - 0.5,
}

ROUNDING: dict[str, Callable[[Array], Array]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}

MODES = ("nearest", "linear")


@dataclass(frozen=True, eq=False)
class AxisTable:
    """How the output along one axis is made: (1 - weight) * input[low] + weight * input[high], one entry an output place."""

    axis: int
    low: Array
    high: Array
    weight: Array


@dataclass(frozen=True)
class Resize(Operator):
    """ONNX Resize. `scales` has one factor an axis, 1 where the axis stays; `sizes` is the output shape where that was given instead."""

    limits: ClassVar[str] = "nearest and linear, all coordinate and rounding modes but tf_crop_and_resize; constant sizes"
    keeps_scale: ClassVar[bool] = True
    spatial: ClassVar[bool] = True

    scales: tuple[float, ...]
    sizes: Shape | None = None
    mode: str = "nearest"
    coordinate_transformation_mode: str = "half_pixel"
    nearest_mode: str = "round_prefer_floor"

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        mode = _choice(node, "mode", "nearest", MODES)
        rounding = _choice(node, "nearest_mode", "round_prefer_floor", tuple(ROUNDING))
        if node.op_type == "Upsample" or node.opset < 11:
            given = node.attributes.get("scales", node.constant(1, "scales"))
            return cls(_full_scales(node, given), None, mode, "asymmetric", "floor"), node.inputs[:1]
        if node.attributes.get("antialias", 0):
            raise node.reject("antialias=1", "antialias=0", "resize without antialiasing")
        if node.attributes.get("exclude_outside", 0) and mode != "nearest":
            raise node.reject("exclude_outside=1", "exclude_outside=0", "resize without exclude_outside")
        coordinates = _choice(node, "coordinate_transformation_mode", "half_pixel", tuple(COORDINATES))
        scales, sizes = node.constant(2, "scales"), node.constant(3, "sizes")
        if sizes is not None and sizes.size:
            final = _full_sizes(node, sizes)
            ratios = tuple(new / old for new, old in zip(final, node.shape(0), strict=True))
            return cls(ratios, final, mode, coordinates, rounding), node.inputs[:1]
        return cls(_full_scales(node, scales), None, mode, coordinates, rounding), node.inputs[:1]

    def to_onnx(self) -> OnnxCall:
        attributes = {
            "mode": self.mode,
            "coordinate_transformation_mode": self.coordinate_transformation_mode,
            "nearest_mode": self.nearest_mode,
        }
        if self.sizes is not None:
            return OnnxCall("Resize", attributes, (None, None, np.asarray(self.sizes, np.int64)))
        return OnnxCall("Resize", attributes, (None, np.asarray(self.scales, np.float32)))

    def output_size(self, axis: int, size: int) -> int:
        """Length of an axis after resizing, from its length before."""
        return self.sizes[axis] if self.sizes is not None else int(np.floor(size * self.scales[axis] + 1e-6))

    def tables(self, shape: Shape) -> tuple[AxisTable, ...]:
        """One table for each axis that changes, for an input of this shape; applied one after the other they give the output."""
        return tuple(self._table(axis, shape[axis]) for axis, scale in enumerate(self.scales) if scale != 1.0)

    def _table(self, axis: int, size: int) -> AxisTable:
        count = self.output_size(axis, size)
        places = COORDINATES[self.coordinate_transformation_mode](np.arange(count, dtype=np.float64), self.scales[axis], size, count)
        if self.mode == "nearest":
            nearest = np.clip(ROUNDING[self.nearest_mode](places), 0, size - 1).astype(np.int64)
            return AxisTable(axis, nearest, nearest, np.zeros(count))
        places = np.clip(places, 0, size - 1)
        low = np.floor(places).astype(np.int64)
        return AxisTable(axis, low, np.minimum(low + 1, size - 1), places - low)

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        result = x
        for table in self.tables(x.shape):
            low = np.take(result, table.low, axis=table.axis)
            weight = table.weight.reshape([-1 if axis == table.axis else 1 for axis in range(x.ndim)])
            result = low if self.mode == "nearest" else low * (1 - weight) + np.take(result, table.high, axis=table.axis) * weight
        return (result.astype(x.dtype),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        x = str(node.inputs[0])
        shape = lowering.shape(x)
        tables = {table.axis: table for table in self.tables(shape)}
        if min(tables, default=2) < 2 or len(shape) not in (3, 4):
            raise refusal(node, f"a change along axes {sorted(tables)} of shape {shape}", "spatial axes", "Transpose before it")
        (input_h, input_w), (output_h, output_w) = image_size(node, shape), image_size(node, lowering.shape(node.outputs[0]))
        rows = _integers(tables.get(2) if len(shape) == 4 else None, input_h)
        columns = _integers(tables.get(len(shape) - 1), input_w)
        sizes = (input_h, input_w, shape[1], output_h, output_w)
        op = ResizeNearest(*sizes, rows[0], columns[0]) if self.mode == "nearest" else ResizeBilinear(*sizes, *rows, *columns)
        order = (0, *range(2, len(shape)), 1)
        lowering.move(node, op, lowering.channels_last(x), order)


def _integers(table: AxisTable | None, size: int) -> tuple[Array, Array, Array]:
    """low, high and weight as the kernels read them; the identity where the axis stays."""
    if table is None:
        whole = np.arange(size, dtype=np.uint16)
        return whole, whole, np.zeros(size, np.uint16)
    weight = np.floor(table.weight * (1 << WEIGHT_BITS) + 0.5)
    return table.low.astype(np.uint16), table.high.astype(np.uint16), weight.astype(np.uint16)


def _choice(node: OnnxNode, name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = node.attributes.get(name, default)
    value = value.decode() if isinstance(value, bytes) else str(value)
    value = "linear" if value == "bilinear" else value
    if value not in allowed:
        raise node.reject(f"{name}={value!r}", f"one of {', '.join(allowed)}", f"export with {name}={default!r}")
    return value


def _axes(node: OnnxNode, rank: int) -> list[int]:
    return [int(axis) % rank for axis in node.attributes.get("axes", range(rank))]


def _full_scales(node: OnnxNode, given: Array | None) -> tuple[float, ...]:
    """One factor an axis of the input."""
    rank = len(node.shape(0))
    if given is None or len(given) != len(_axes(node, rank)):
        raise node.reject("no scales or sizes", "constant scales or sizes", "export with a fixed output size")
    scales = [1.0] * rank
    for axis, scale in zip(_axes(node, rank), given, strict=True):
        scales[axis] = float(scale)
    return tuple(scales)


def _full_sizes(node: OnnxNode, given: Array) -> Shape:
    """The output shape; `keep_aspect_ratio_policy` is resolved into it."""
    shape = node.shape(0)
    axes = _axes(node, len(shape))
    wanted = [int(size) for size in given]
    policy = _choice(node, "keep_aspect_ratio_policy", "stretch", ("stretch", "not_larger", "not_smaller"))
    if policy != "stretch":
        ratios = [size / shape[axis] for axis, size in zip(axes, wanted, strict=True)]
        ratio = min(ratios) if policy == "not_larger" else max(ratios)
        wanted = [int(np.floor(shape[axis] * ratio + 0.5)) for axis in axes]
    sizes = list(shape)
    for axis, size in zip(axes, wanted, strict=True):
        sizes[axis] = size
    return tuple(sizes)

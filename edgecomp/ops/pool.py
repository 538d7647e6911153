"""Pooling over sliding windows."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgecomp.graph import Array, Node, Shape
from edgecomp.ops.base import Imported, OnnxCall, OnnxNode, Operator
from edgecomp.ops.images import CHANNELS_LAST, both, geometry
from edgecomp.ops.spatial import check_spatial_rank, extent, fitting_pads, output_sizes, pad_spatial, per_axis, windows
from edgecomp.qops.avg_pool2d import AveragePool2D
from edgecomp.qops.max_pool2d import MaxPool2D
from edgecomp.quant.scheme import INT8_MAX, INT8_MIN

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering


@dataclass(frozen=True)
class Pool(Operator):
    """Windows over the spatial axes. `pads` is explicit, and reaches as far as a last window that overhangs (ceil_mode)."""

    spatial: ClassVar[bool] = True

    kernel_shape: Shape
    strides: Shape
    pads: Shape
    dilations: Shape


@dataclass(frozen=True)
class MaxPool(Pool):
    """ONNX MaxPool; padding never wins.

    `ceil_mode` is resolved into `pads`; `ceil_pads` is what they were before, where the two differ (ONNX forbids padding as wide as
    the kernel, and dilated windows may overhang by that).
    """

    limits: ClassVar[str] = "1-D and 2-D; no Indices output"
    keeps_scale: ClassVar[bool] = True

    ceil_pads: Shape | None = None

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        if len(node.outputs) > 1:
            raise node.reject("its second output (Indices) in use", "the first output only", "replace MaxUnpool by Resize or ConvTranspose")
        kernel, strides, pads, dilations = _geometry(node)
        reach = _overhang(node, kernel, strides, pads, dilations)
        return cls(kernel, strides, reach, dilations, None if reach == pads else pads), node.inputs

    def to_onnx(self) -> OnnxCall:
        pads = self.pads if self.ceil_pads is None else self.ceil_pads
        attributes = {"kernel_shape": self.kernel_shape, "strides": self.strides, "pads": pads, "dilations": self.dilations}
        return OnnxCall("MaxPool", {**attributes, "ceil_mode": int(self.ceil_pads is not None)})

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        lowest = -inf if np.issubdtype(x.dtype, np.floating) else np.iinfo(x.dtype).min
        view = windows(pad_spatial(x, self.pads, lowest), self.kernel_shape, self.strides, self.dilations)
        return (view.max(axis=tuple(range(-len(self.kernel_shape), 0))),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        op = MaxPool2D(**geometry(node, lowering), clamp_min=INT8_MIN, clamp_max=INT8_MAX)
        lowering.move(node, op, lowering.channels_last(str(node.inputs[0])), CHANNELS_LAST[len(self.kernel_shape)])


@dataclass(frozen=True)
class AveragePool(Pool):
    """ONNX AveragePool.

    `counted_pads` is the part of `pads` that enters the divisor: with count_include_pad the padding as written, else none.
    """

    limits: ClassVar[str] = "1-D and 2-D; ceil_mode, dilations, count_include_pad"
    fuses_clamp: ClassVar[bool] = True

    counted_pads: Shape

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        kernel, strides, pads, dilations = _geometry(node)
        counted = pads if node.attributes.get("count_include_pad", 0) else (0,) * len(pads)
        return cls(kernel, strides, _overhang(node, kernel, strides, pads, dilations), dilations, counted), node.inputs

    def to_onnx(self) -> OnnxCall:
        counts = any(self.counted_pads)
        attributes = {
            "kernel_shape": self.kernel_shape,
            "strides": self.strides,
            "pads": self.counted_pads if counts else self.pads,
            "count_include_pad": int(counts),
            "ceil_mode": int(counts and self.pads != self.counted_pads),
        }
        if any(step != 1 for step in self.dilations):
            attributes["dilations"] = self.dilations  # opset 19
        return OnnxCall("AveragePool", attributes)

    def divisors(self, sizes: Shape) -> Array:
        """How many elements each window averages over, for an input of these spatial sizes; int64 of the output's spatial sizes."""
        rank = len(sizes)
        counted = pad_spatial(np.ones((1, 1, *sizes), np.int64), self.counted_pads, 1)
        rest = tuple(total - inner for total, inner in zip(self.pads, self.counted_pads, strict=True))
        view = windows(pad_spatial(counted, rest), self.kernel_shape, self.strides, self.dilations)
        count: Array = view.sum(axis=tuple(range(-rank, 0)))[0, 0]
        return count

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        rank = len(self.kernel_shape)
        total = windows(pad_spatial(x, self.pads), self.kernel_shape, self.strides, self.dilations).sum(axis=tuple(range(-rank, 0)))
        return ((total / self.divisors(x.shape[2:])).astype(x.dtype),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        x = str(node.inputs[0])
        source, result = lowering.quant(x), lowering.result(node)
        pad_bottom, pad_right = both(self.counted_pads[len(self.kernel_shape) :], 0)
        op = AveragePool2D(
            **geometry(node, lowering),
            pad_bottom=pad_bottom,
            pad_right=pad_right,
            count_include_pad=int(any(self.counted_pads)),
            input_zero_point=source.zero,
            output_zero_point=result.quant.zero,
            clamp_min=result.clamp_min,
            clamp_max=result.clamp_max,
            smallest_count=0,
            multiplier=np.ones(1, np.int32),
            shift=0,
        ).with_scale(source.step / result.quant.step)
        lowering.emit(op, (lowering.channels_last(x),), result, CHANNELS_LAST[len(self.kernel_shape)])


def _geometry(node: OnnxNode) -> tuple[Shape, Shape, Shape, Shape]:
    """(kernel, strides, pads, dilations), explicit."""
    rank = check_spatial_rank(node)
    if "kernel_shape" not in node.attributes:
        raise node.reject("no kernel_shape", f"kernel_shape with {rank} values", "add the attribute")
    kernel = per_axis(node, "kernel_shape", rank, 1)
    strides = per_axis(node, "strides", rank, 1)
    dilations = per_axis(node, "dilations", rank, 1)
    return kernel, strides, fitting_pads(node, node.shape(0)[2:], kernel, strides, dilations), dilations


def _overhang(node: OnnxNode, kernel: Shape, strides: Shape, pads: Shape, dilations: Shape) -> Shape:
    """`pads` with the end grown to where the last window ends, where ceil_mode adds one that overhangs."""
    if not node.attributes.get("ceil_mode", 0):
        return pads
    sizes = node.shape(0)[2:]
    rank = len(sizes)
    counts = output_sizes(sizes, kernel, strides, dilations, pads, ceil_mode=True)
    ends = [max(pads[a + rank], (counts[a] - 1) * strides[a] + extent(kernel[a], dilations[a]) - sizes[a] - pads[a]) for a in range(rank)]
    return (*pads[:rank], *ends)

"""Transposed convolution."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgecomp.graph import Array, Node, Shape
from edgecomp.ops.base import Imported, OnnxNode, Operator
from edgecomp.ops.images import CHANNELS_LAST, geometry
from edgecomp.ops.spatial import check_spatial_rank, extent, kernel_of, per_axis, resolve_pads, split_padding
from edgecomp.qops.conv_transpose2d import ConvTranspose2D, phase_bias
from edgecomp.qops.requantize import multiplier_and_shift

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering


@dataclass(frozen=True)
class ConvTranspose(Operator):
    """ONNX ConvTranspose: input [N, C, ...], weights [C, O / group, *kernel_shape], bias [O] or none.

    `auto_pad` and `output_shape` are resolved into `pads` and `output_padding` when the node is read. Output size of an axis:
    stride * (size - 1) + output_padding + (kernel - 1) * dilation + 1 - begin - end.
    """

    limits: ClassVar[str] = "1-D and 2-D; output_padding and output_shape included"
    fuses_clamp: ClassVar[bool] = True
    has_weights: ClassVar[bool] = True
    spatial: ClassVar[bool] = True

    kernel_shape: Shape
    strides: Shape
    pads: Shape
    dilations: Shape
    output_padding: Shape
    group: int = 1

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        rank = check_spatial_rank(node)
        weights, sizes = node.shape(1), node.shape(0)[2:]
        group = int(node.attributes.get("group", 1))
        if len(weights) != rank + 2 or weights[0] != node.shape(0)[1] or weights[0] % group:
            raise node.reject(
                f"weights {weights} with group={group} for input {node.shape(0)}", "weights [C, O / group, ...]", "correct the weights"
            )
        kernel = kernel_of(node, weights)
        strides = per_axis(node, "strides", rank, 1)
        dilations = per_axis(node, "dilations", rank, 1)
        extra = per_axis(node, "output_padding", rank, 0)
        pads, extra = _resolve(node, sizes, kernel, strides, dilations, extra)
        op = cls(kernel, strides, pads, dilations, extra, group)
        result = [full - pads[a] - pads[a + rank] for a, full in enumerate(op._uncropped_sizes(sizes))]
        if min(*result, *strides, *dilations) < 1:
            raise node.reject(f"an output of size {result}", "sizes and strides of at least 1", "use less padding")
        return op, node.inputs

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x, weights, bias = (*inputs, None)[:3]
        assert x is not None and weights is not None
        batch, channels, *sizes = x.shape
        outputs = weights.shape[1] * self.group
        rank = len(sizes)
        rows = x.reshape(batch, self.group, channels // self.group, -1)
        columns = weights.reshape(self.group, channels // self.group, -1)
        spread = np.matmul(columns.swapaxes(1, 2), rows).reshape(batch, outputs, *self.kernel_shape, *sizes)
        full = self._uncropped_sizes(tuple(sizes))
        canvas = np.zeros((batch, outputs, *full), x.dtype)
        for tap in product(*(range(k) for k in self.kernel_shape)):
            where = (
                slice(tap[a] * self.dilations[a], tap[a] * self.dilations[a] + (sizes[a] - 1) * self.strides[a] + 1, self.strides[a])
                for a in range(rank)
            )
            canvas[(slice(None), slice(None), *where)] += spread[(slice(None), slice(None), *tap)]
        crop = (slice(self.pads[a], full[a] - self.pads[a + rank]) for a in range(rank))
        result = canvas[(slice(None), slice(None), *crop)]
        return (result if bias is None else result + bias.reshape(-1, *(1,) * rank),)

    def _uncropped_sizes(self, sizes: Shape) -> Shape:
        axes = zip(sizes, self.kernel_shape, self.strides, self.dilations, self.output_padding, strict=True)
        return tuple((size - 1) * stride + extent(k, dilation) + extra for size, k, stride, dilation, extra in axes)

    def weight_axis(self, rank: int) -> int | None:
        return 1

    def lower(self, node: Node, lowering: Lowering) -> None:
        x = str(node.inputs[0])
        weights, scales = lowering.weights(str(node.inputs[1]), 1)
        outputs = weights.shape[1] * self.group
        scales = np.resize(np.broadcast_to(scales, weights.shape[1]), outputs)
        source, result = lowering.quant(x), lowering.result(node)
        plain = lowering.bias(node.inputs[2] if len(node.inputs) > 2 else None, outputs, source.step, scales)
        multiplier, shift = multiplier_and_shift(source.step * scales.astype(np.float64) / result.quant.step)
        members = geometry(node, lowering)
        height, width = members["kernel_h"], members["kernel_w"]
        grouped = weights.reshape(self.group, -1, weights.shape[1], height, width).transpose(0, 2, 3, 4, 1)
        filters = np.ascontiguousarray(grouped).reshape(outputs, height, width, -1)
        strides, dilations = (members["stride_h"], members["stride_w"]), (members["dilation_h"], members["dilation_w"])
        op = ConvTranspose2D(
            **members,
            output_c=outputs,
            groups=self.group,
            input_zero_point=source.zero,
            output_zero_point=result.quant.zero,
            clamp_min=result.clamp_min,
            clamp_max=result.clamp_max,
            weights=filters,
            bias=phase_bias(filters, plain, source.zero, strides, dilations).astype(np.int32),
            multiplier=multiplier,
            shift=shift,
        )
        lowering.emit(op, (lowering.channels_last(x),), result, CHANNELS_LAST[len(self.kernel_shape)])


def _resolve(node: OnnxNode, sizes: Shape, kernel: Shape, strides: Shape, dilations: Shape, extra: Shape) -> tuple[Shape, Shape]:
    """Explicit (pads, output_padding) from `auto_pad`, `pads` and `output_shape`."""
    mode = node.attributes.get("auto_pad", b"NOTSET")
    wanted = tuple(int(n) for n in node.attributes.get("output_shape", ()))[-len(sizes) :]
    if not wanted and mode in (b"NOTSET", b"VALID"):
        return resolve_pads(node, sizes, kernel, strides, dilations), extra
    wanted = wanted or tuple(size * stride for size, stride in zip(sizes, strides, strict=True))
    reach = [(size - 1) * stride + extent(k, d) for size, stride, k, d in zip(sizes, strides, kernel, dilations, strict=True)]
    totals = [full + more - want for full, more, want in zip(reach, extra, wanted, strict=True)]
    grown = tuple(more + max(-total, 0) for more, total in zip(extra, totals, strict=True))
    if prod(wanted) <= 0:
        raise node.reject(f"output_shape={list(wanted)}", "positive sizes", "correct output_shape")
    return split_padding([max(total, 0) for total in totals], more_at_end=mode == b"SAME_UPPER"), grown

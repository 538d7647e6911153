"""Convolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgecomp.graph import Array, Node, Shape
from edgecomp.ops.base import Imported, OnnxNode, Operator
from edgecomp.ops.images import CHANNELS_LAST, geometry
from edgecomp.ops.spatial import check_spatial_rank, fitting_pads, kernel_of, pad_spatial, patches, per_axis
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.depthwise_conv2d import DepthwiseConv2D
from edgecomp.qops.requantize import multiplier_and_shift

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering


@dataclass(frozen=True)
class Conv(Operator):
    """ONNX Conv: input [N, C, L] or [N, C, H, W], weights [O, C / group, *kernel_shape], bias [O] or none.

    `pads` is always explicit: `auto_pad` is resolved when the node is read.
    """

    limits: ClassVar[str] = "1-D and 2-D; any kernel, stride, dilation, group and padding"
    fuses_clamp: ClassVar[bool] = True
    has_weights: ClassVar[bool] = True
    spatial: ClassVar[bool] = True

    kernel_shape: Shape
    strides: Shape
    pads: Shape
    dilations: Shape
    group: int = 1

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        rank = check_spatial_rank(node)
        channels, weights = node.shape(0)[1], node.shape(1)
        group = int(node.attributes.get("group", 1))
        if len(weights) != rank + 2 or weights[1] * group != channels or weights[0] % group:
            raise node.reject(
                f"weights {weights} with group={group} for {channels} input channels",
                "weights [O, C / group, kernel...] with O a multiple of group",
                "correct the weights or the group",
            )
        kernel = kernel_of(node, weights)
        strides = per_axis(node, "strides", rank, 1)
        dilations = per_axis(node, "dilations", rank, 1)
        pads = fitting_pads(node, node.shape(0)[2:], kernel, strides, dilations)
        return cls(kernel, strides, pads, dilations, group), node.inputs

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x, weights, bias = (*inputs, None)[:3]
        assert x is not None and weights is not None
        rows, sizes = patches(pad_spatial(x, self.pads), self.group, self.kernel_shape, self.strides, self.dilations)
        outputs = weights.shape[0]
        columns = weights.reshape(self.group, outputs // self.group, -1).swapaxes(1, 2)
        result = np.matmul(rows, columns).swapaxes(2, 3).reshape(len(x), outputs, *sizes)
        return (result if bias is None else result + bias.reshape(-1, *(1,) * len(sizes)),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        x, weights_name = str(node.inputs[0]), str(node.inputs[1])
        weights, scales = lowering.weights(weights_name, 0)
        outputs = len(weights)
        source, result = lowering.quant(x), lowering.result(node)
        plain = lowering.bias(node.inputs[2] if len(node.inputs) > 2 else None, outputs, source.step, scales)
        multiplier, shift = multiplier_and_shift(np.broadcast_to(source.step * scales.astype(np.float64) / result.quant.step, outputs))
        members = geometry(node, lowering)
        kernel = (outputs, -1, members["kernel_h"], members["kernel_w"])
        shared = {
            **members,
            "output_c": outputs,
            "input_zero_point": source.zero,
            "output_zero_point": result.quant.zero,
            "clamp_min": result.clamp_min,
            "clamp_max": result.clamp_max,
            "bias": (plain - source.zero * weights.reshape(outputs, -1).sum(1, dtype=np.int64)).astype(np.int32),
            "multiplier": multiplier,
            "shift": shift,
        }
        op: Conv2D | DepthwiseConv2D
        if self.group == members["input_c"] > 1:
            filters = np.ascontiguousarray(weights.reshape(kernel).transpose(2, 3, 0, 1)[..., 0])
            op = DepthwiseConv2D(**shared, channel_multiplier=outputs // self.group, weights=filters)
        else:
            op = Conv2D(**shared, groups=self.group, weights=np.ascontiguousarray(weights.reshape(kernel).transpose(0, 2, 3, 1)))
        lowering.emit(op, (lowering.channels_last(x),), result, CHANNELS_LAST[len(self.kernel_shape)])

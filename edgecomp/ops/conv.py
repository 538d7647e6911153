"""Convolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.graph import Array, Shape
from edgecomp.ops.base import Imported, OnnxNode, Operator
from edgecomp.ops.spatial import check_spatial_rank, pad_spatial, patches, per_axis, resolve_pads


@dataclass(frozen=True)
class Conv(Operator):
    """ONNX Conv: input [N, C, L] or [N, C, H, W], weights [O, C / group, *kernel_shape], bias [O] or none.

    `pads` is always explicit: `auto_pad` is resolved when the node is read.
    """

    limits: ClassVar[str] = "1-D and 2-D; any kernel, stride, dilation, group and padding"
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
        kernel = weights[2:]
        strides = per_axis(node, "strides", rank, 1)
        dilations = per_axis(node, "dilations", rank, 1)
        pads = resolve_pads(node, node.shape(0)[2:], kernel, strides, dilations)
        return cls(kernel, strides, pads, dilations, group), node.inputs

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x, weights, bias = (*inputs, None)[:3]
        assert x is not None and weights is not None
        rows, sizes = patches(pad_spatial(x, self.pads), self.group, self.kernel_shape, self.strides, self.dilations)
        outputs = weights.shape[0]
        columns = weights.reshape(self.group, outputs // self.group, -1).swapaxes(1, 2)
        result = np.matmul(rows, columns).swapaxes(2, 3).reshape(len(x), outputs, *sizes)
        return (result if bias is None else result + bias.reshape(-1, *(1,) * len(sizes)),)

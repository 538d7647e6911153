"""Reduction along axes."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from edgecomp.graph import Array, Node, Shape
from edgecomp.ops.base import Imported, OnnxCall, OnnxNode, Operator, refusal
from edgecomp.ops.identity import Identity
from edgecomp.qops.avg_pool2d import AveragePool2D
from edgecomp.qops.max_pool2d import MaxPool2D
from edgecomp.quant.scheme import INT8_MAX, INT8_MIN

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering


@dataclass(frozen=True)
class Reduce(Operator):
    """One value for all elements along `axes`, which stay with length 1 where `keepdims`."""

    axes_input_since_opset: ClassVar[int] = 18

    axes: Shape
    keepdims: int = 1

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        rank = len(node.shape(0))
        given = node.attributes.get("axes") if node.opset < cls.axes_input_since_opset else node.constant(1, "axes")
        axes = () if given is None else tuple(sorted(int(axis) % rank for axis in given))
        if not axes and node.attributes.get("noop_with_empty_axes", 0):
            return Identity(), node.inputs[:1]
        return cls(axes or tuple(range(rank)), int(node.attributes.get("keepdims", 1))), node.inputs[:1]


@dataclass(frozen=True)
class ReduceMean(Reduce):
    """Mean along axes."""

    limits: ClassVar[str] = "any axes"
    fuses_clamp: ClassVar[bool] = True

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        return (np.mean(x, axis=self.axes, keepdims=bool(self.keepdims)).astype(x.dtype),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        lower_mean(node, lowering, self.axes, bool(self.keepdims))


@dataclass(frozen=True)
class ReduceSum(Reduce):
    """Sum along axes."""

    limits: ClassVar[str] = "any axes"
    fuses_clamp: ClassVar[bool] = True
    axes_input_since_opset: ClassVar[int] = 13

    def to_onnx(self) -> OnnxCall:
        return OnnxCall("ReduceSum", {"keepdims": self.keepdims}, (np.asarray(self.axes, np.int64),))

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        return (np.sum(x, axis=self.axes, keepdims=bool(self.keepdims)).astype(x.dtype),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        count = prod(lowering.shape(str(node.inputs[0]))[axis] for axis in self.axes)
        lower_mean(node, lowering, self.axes, bool(self.keepdims), gain=count)


@dataclass(frozen=True)
class ReduceMax(Reduce):
    """Maximum along axes."""

    limits: ClassVar[str] = "the spatial axes"
    keeps_scale: ClassVar[bool] = True

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        return (np.max(x, axis=self.axes, keepdims=bool(self.keepdims)),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        lower_max(node, lowering, self.axes, bool(self.keepdims))


def lower_mean(node: Node, lowering: Lowering, axes: Shape, keepdims: bool, gain: float = 1.0) -> None:
    """`gain` times the mean along `axes`, as a pool over [outer, reduced, inner]."""
    x = str(node.inputs[0])
    buffer, order, members = _runs(node, lowering, x, axes, keepdims)
    source, result = lowering.quant(x), lowering.result(node)
    op = AveragePool2D(
        **members,
        pad_bottom=0,
        pad_right=0,
        count_include_pad=0,
        input_zero_point=source.zero,
        output_zero_point=result.quant.zero,
        clamp_min=result.clamp_min,
        clamp_max=result.clamp_max,
        smallest_count=0,
        multiplier=np.ones(1, np.int32),
        shift=0,
    ).with_scale(gain * source.step / result.quant.step)
    lowering.emit(op, (buffer,), result, order)


def lower_max(node: Node, lowering: Lowering, axes: Shape, keepdims: bool) -> None:
    """The maximum along `axes`, as a pool over [outer, reduced, inner]."""
    buffer, order, members = _runs(node, lowering, str(node.inputs[0]), axes, keepdims)
    lowering.move(node, MaxPool2D(**members, clamp_min=INT8_MIN, clamp_max=INT8_MAX), buffer, order)


def _runs(node: Node, lowering: Lowering, x: str, axes: Shape, keepdims: bool) -> tuple[str, Shape, dict[str, Any]]:
    """The buffer with `axes` lying side by side, the order of the output's axes, and the geometry of the pool."""
    shape = lowering.shape(x)
    order = lowering.plain(x).permutation
    long = [axis for axis in order if shape[axis] != 1]
    where = [at for at, axis in enumerate(long) if axis in axes]
    if where and where[-1] - where[0] + 1 != len(where):
        order = (*(axis for axis in order if axis not in axes), *axes)
        long = [axis for axis in order if shape[axis] != 1]
        where = [at for at, axis in enumerate(long) if axis in axes]
    first, last = (where[0], where[-1] + 1) if where else (len(long), len(long))
    outer, reduced, inner = (prod(shape[axis] for axis in part) for part in (long[:first], long[first:last], long[last:]))
    if max(outer, reduced, inner) > 65535:
        raise refusal(node, f"{outer} x {reduced} x {inner} elements", "65535 an axis", "pool in two steps")
    members = {
        "input_h": outer,
        "input_w": reduced,
        "input_c": inner,
        "output_h": outer,
        "output_w": 1,
        "kernel_h": 1,
        "kernel_w": reduced,
        "stride_h": 1,
        "stride_w": 1,
        "dilation_h": 1,
        "dilation_w": 1,
        "pad_top": 0,
        "pad_left": 0,
    }
    kept = [axis for axis in range(len(shape)) if keepdims or axis not in axes]
    return lowering.ordered(x, order), tuple(kept.index(axis) for axis in order if axis in kept), members

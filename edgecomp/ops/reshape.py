"""Other dimensions for the same elements in the same order."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgecomp.graph import Array, Node, Shape
from edgecomp.ops.base import Imported, OnnxCall, OnnxNode, Operator

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering


@dataclass(frozen=True)
class Reshape(Operator):
    """`shape` is the final static shape; 0 and -1 are resolved when the node is read."""

    limits: ClassVar[str] = "constant shape"
    keeps_scale: ClassVar[bool] = True
    reorders: ClassVar[bool] = True

    shape: Shape

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        given = node.attributes.get("shape") if node.opset < 5 else node.constant(1, "shape")
        if given is None:
            raise node.reject("no shape", "a constant shape", "give the shape")
        source = node.shape(0)
        copies_zero = not node.attributes.get("allowzero", 0)
        if copies_zero and any(int(n) == 0 and axis >= len(source) for axis, n in enumerate(given)):
            raise node.reject(f"shape {[int(n) for n in given]} for {source}", "0 only where the input has that axis", "write the size")
        shape = [source[axis] if int(n) == 0 and copies_zero else int(n) for axis, n in enumerate(given)]
        if -1 in shape:
            shape[shape.index(-1)] = prod(source) // max(-prod(shape), 1)
        if prod(shape) != prod(source) or min(shape, default=1) < 0:
            raise node.reject(f"shape {[int(n) for n in given]} for {source}", f"{prod(source)} elements", "correct the shape")
        return cls(tuple(shape)), node.inputs[:1]

    def to_onnx(self) -> OnnxCall:
        return OnnxCall("Reshape", constants=(np.asarray(self.shape, np.int64),))

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        # more samples than the static shape has: the first axis is the batch
        return (x.reshape(self.shape if x.size == prod(self.shape) else (-1, *self.shape[1:])),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        lowering.reshape(node)


@dataclass(frozen=True)
class Flatten(Operator):
    """A matrix: axes before `axis` joined, axes from `axis` on joined."""

    limits: ClassVar[str] = "any axis"
    keeps_scale: ClassVar[bool] = True
    reorders: ClassVar[bool] = True

    axis: int = 1

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        axis = int(node.attributes.get("axis", 1))
        return cls(axis + len(node.shape(0)) if axis < 0 else axis), node.inputs

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        return (x.reshape(prod(x.shape[: self.axis]), prod(x.shape[self.axis :])),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        lowering.reshape(node)


@dataclass(frozen=True)
class Squeeze(Operator):
    """The input without `axes`, which have length 1."""

    limits: ClassVar[str] = "constant axes"
    keeps_scale: ClassVar[bool] = True
    reorders: ClassVar[bool] = True

    axes: Shape

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        shape = node.shape(0)
        axes = _axes(node, len(shape))
        if axes is None:
            axes = tuple(axis for axis, size in enumerate(shape) if size == 1)
        if any(shape[axis] != 1 for axis in axes):
            raise node.reject(f"axes {list(axes)} of shape {shape}", "axes of length 1", "correct the axes")
        return cls(axes), node.inputs[:1]

    def to_onnx(self) -> OnnxCall:
        return OnnxCall("Squeeze", constants=(np.asarray(self.axes, np.int64),))

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        return (np.squeeze(x, self.axes),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        lowering.reshape(node)


@dataclass(frozen=True)
class Unsqueeze(Operator):
    """The input with new axes of length 1, which stand at `axes` of the output."""

    limits: ClassVar[str] = "constant axes"
    keeps_scale: ClassVar[bool] = True
    reorders: ClassVar[bool] = True

    axes: Shape

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        given = node.attributes.get("axes") if node.opset < 13 else node.constant(1, "axes")
        axes = _axes(node, len(node.shape(0)) + (0 if given is None else len(given)))
        if axes is None:
            raise node.reject("no axes", "constant axes", "give the axes")
        return cls(axes), node.inputs[:1]

    def to_onnx(self) -> OnnxCall:
        return OnnxCall("Unsqueeze", constants=(np.asarray(self.axes, np.int64),))

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        return (np.expand_dims(x, self.axes),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        lowering.reshape(node)


def _axes(node: OnnxNode, rank: int) -> Shape | None:
    """`axes` from the attribute (before opset 13) or input 1, sorted, none negative; None where absent."""
    given = node.attributes.get("axes") if node.opset < 13 else node.constant(1, "axes")
    return None if given is None else tuple(sorted(int(axis) % rank for axis in given))

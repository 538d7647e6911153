"""Selection of a range along axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgecomp.graph import Array, Node, Shape
from edgecomp.ops.base import Imported, OnnxCall, OnnxNode, Operator
from edgecomp.qops.copy import Copy

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering


@dataclass(frozen=True)
class Slice(Operator):
    """x[start:end:step] along each of `axes`; other axes whole.

    Starts and ends are clamped to the shape. With a negative step an end of -size - 1 stands for "past the first element".
    """

    limits: ClassVar[str] = "constant range and step, also negative"
    keeps_scale: ClassVar[bool] = True

    starts: Shape
    ends: Shape
    axes: Shape
    steps: Shape

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        shape = node.shape(0)
        starts, ends, axes, steps = _arguments(node)
        taken = []
        for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
            size = shape[axis % len(shape)]
            first, last, step = slice(start, end, step).indices(size)
            if not len(range(first, last, step)):
                raise node.reject(f"an empty range {start}:{end}:{step} on an axis of {size}", "a range with elements", "remove the node")
            if (first, last, step) != (0, size, 1):
                taken.append((first, -size - 1 if last < 0 else last, axis % len(shape), step))
        starts, ends, axes, steps = zip(*taken, strict=True) if taken else ((), (), (), ())
        return cls(starts, ends, axes, steps), node.inputs[:1]

    def to_onnx(self) -> OnnxCall:
        return OnnxCall("Slice", constants=tuple(np.asarray(v, np.int64) for v in (self.starts, self.ends, self.axes, self.steps)))

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        index = [slice(None)] * x.ndim
        for start, end, axis, step in zip(self.starts, self.ends, self.axes, self.steps, strict=True):
            index[axis] = slice(start, end, step)
        return (x[tuple(index)],)

    def lower(self, node: Node, lowering: Lowering) -> None:
        value = lowering.plain(str(node.inputs[0]))
        order, sizes = value.permutation, lowering.shape(node.outputs[0])
        starts, steps = [0] * len(order), [1] * len(order)
        for start, axis, step in zip(self.starts, self.axes, self.steps, strict=True):
            starts[axis], steps[axis] = start, step
        op = Copy.sliced(value.stored, *([values[axis] for axis in order] for values in (starts, steps, sizes)))
        lowering.move(node, op, value.tensor, order)


def _arguments(node: OnnxNode) -> tuple[Shape, Shape, Shape, Shape]:
    """(starts, ends, axes, steps) of equal length from attributes (opset 1) or inputs."""
    if node.opset < 10:
        given = [node.attributes.get(name) for name in ("starts", "ends", "axes", "steps")]
    else:
        given = [node.constant(index, name) for index, name in enumerate(("starts", "ends", "axes", "steps"), start=1)]
    starts, ends, axes, steps = (None if v is None else tuple(int(i) for i in v) for v in given)
    if starts is None or ends is None:
        raise node.reject("no starts or ends", "constant starts and ends", "give both")
    return starts, ends, axes or tuple(range(len(starts))), steps or (1,) * len(starts)

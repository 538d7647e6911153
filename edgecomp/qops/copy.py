"""Strided copy of int8 elements: Transpose, Slice, Split, DepthToSpace, Expand, Pad."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from edgecomp.qgraph import S8, U32, Dims, IntArray, QOp, Steps, Work
from edgecomp.qops.boxes import box_offsets, broadcast_steps, merge_axes, row_major_steps
from edgecomp.qops.proofs import prove, prove_box, prove_positive


@dataclass(frozen=True, eq=False)
class Copy(QOp):
    """out[output_offset + i . output_steps] = in[input_offset + i . input_steps] for every index i of the box `dims`.

    Offsets and steps are in elements, steps may be negative. With `fill_count` > 0 the output has that many elements and is filled
    with `fill_value` first; with 0 the box covers the whole output.
    """

    kernel: ClassVar[str] = "copy_s8"

    dims: Dims
    input_offset: U32
    input_steps: Steps
    output_offset: U32
    output_steps: Steps
    fill_count: U32
    fill_value: S8

    @classmethod
    def strided(cls, dims: Sequence[int], input_steps: Sequence[int], input_offset: int = 0) -> Copy:
        """Gather elements of a dense output of shape `dims` from anywhere in the input.

        Raises:
            ValueError: more than six axes remain after merging neighbours.
        """
        box, steps_in, steps_out = merge_axes(dims, input_steps, row_major_steps(dims))
        return cls(box, input_offset, steps_in, 0, steps_out, 0, 0)

    @classmethod
    def transposed(cls, shape: Sequence[int], permutation: Sequence[int]) -> Copy:
        """Output axis i is axis permutation[i] of a dense input of `shape`."""
        steps = row_major_steps(shape)
        return cls.strided([shape[axis] for axis in permutation], [steps[axis] for axis in permutation])

    @classmethod
    def sliced(cls, shape: Sequence[int], starts: Sequence[int], steps: Sequence[int], sizes: Sequence[int]) -> Copy:
        """`sizes` elements an axis of a dense input of `shape`, from `starts` on in steps of `steps` (not 0, may be negative)."""
        dense = row_major_steps(shape)
        offset = sum(start * step for start, step in zip(starts, dense, strict=True))
        return cls.strided(sizes, [stride * step for stride, step in zip(steps, dense, strict=True)], offset)

    @classmethod
    def expanded(cls, shape: Sequence[int], output_shape: Sequence[int]) -> Copy:
        """A dense input of `shape` broadcast to `output_shape`."""
        return cls.strided(output_shape, broadcast_steps(shape, len(output_shape)))

    @classmethod
    def padded(cls, shape: Sequence[int], before: Sequence[int], after: Sequence[int], fill_value: int) -> Copy:
        """A dense input of `shape` with `before` and `after` (0 or more) elements of `fill_value` around each axis."""
        outer = [b + size + a for b, size, a in zip(before, shape, after, strict=True)]
        dense = row_major_steps(outer)
        offset = sum(b * step for b, step in zip(before, dense, strict=True))
        box, steps_in, steps_out = merge_axes(shape, row_major_steps(shape), dense)
        return cls(box, 0, steps_in, offset, steps_out, prod(outer), fill_value)

    @property
    def output_size(self) -> int:
        """Elements of the output."""
        return self.fill_count or prod(self.dims)

    def evaluate(self, *inputs: IntArray) -> IntArray:
        x = inputs[0].reshape(len(inputs[0]), -1)
        output = np.full((len(x), self.output_size), self.fill_value, np.int8)
        source = box_offsets(self.dims, self.input_steps, self.input_offset)
        output[:, box_offsets(self.dims, self.output_steps, self.output_offset)] = x[:, source]
        return output

    @property
    def work(self) -> Work:
        return Work()

    @property
    def describe(self) -> str:
        return f"{prod(self.dims)} elements"

    def verify(self) -> None:
        super().verify()
        prove_box(self, "dims", "input_steps", "output_steps")
        prove_positive(self, "dims")
        lowest, _ = self._reach(self.input_steps, self.input_offset)
        prove(self, "input_offset", lowest >= 0, f"the copy reads {-lowest} elements before the input")
        lowest, highest = self._reach(self.output_steps, self.output_offset)
        within = lowest >= 0 and highest < self.output_size
        prove(self, "output_offset", within, f"the copy writes elements {lowest}..{highest} of {self.output_size}")
        prove(self, "output_steps", self._apart(), f"two indices of {self.dims} write one element")

    def _reach(self, steps: Sequence[int], offset: int) -> tuple[int, int]:
        ends = [step * (size - 1) for size, step in zip(self.dims, steps, strict=True)]
        return offset + sum(min(end, 0) for end in ends), offset + sum(max(end, 0) for end in ends)

    def _apart(self) -> bool:
        """Whether every index writes an element of its own: each axis steps over all that smaller axes reach."""
        reached = 0
        for step, size in sorted((abs(step), size) for size, step in zip(self.dims, self.output_steps, strict=True) if size > 1):
            if step <= reached:
                return False
            reached += step * (size - 1)
        return True

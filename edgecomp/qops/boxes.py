"""Boxes of at most six axes walked with steps: how broadcasting and strided copies reach their elements.

A box is `dims` in row-major order; an operand's element at index i lies at offset + sum(i * steps), in elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from edgecomp.qgraph import MAX_RANK, IntArray, Shape
from edgecomp.qops.proofs import prove, prove_box, prove_positive


def row_major_steps(shape: Sequence[int]) -> Shape:
    """Elements between neighbours along each axis of a dense array."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def broadcast_steps(shape: Sequence[int], rank: int) -> Shape:
    """Steps of a dense array of `shape`, aligned to the right of `rank` axes; 0 along axes of length 1 or missing."""
    steps = tuple(0 if size == 1 else step for size, step in zip(shape, row_major_steps(shape), strict=True))
    return (0,) * (rank - len(shape)) + steps


def merge_axes(dims: Sequence[int], *steps: Sequence[int]) -> tuple[Shape, ...]:
    """`dims` and each operand's steps with axes of length 1 dropped and neighbours merged where all operands run on.

    Returned with exactly MAX_RANK axes, padded in front with length 1 and step 0.

    Raises:
        ValueError: more than MAX_RANK axes remain.
    """
    axes = [(size, *each) for size, *each in zip(dims, *steps, strict=True) if size != 1]
    merged = axes[:1]
    for (_, *outer), (size, *inner) in pairwise(axes):
        if all(o == size * i for o, i in zip(outer, inner, strict=True)):
            merged[-1] = (merged[-1][0] * size, *inner)
        else:
            merged.append((size, *inner))
    if len(merged) > MAX_RANK:
        raise ValueError(f"{len(merged)} axes remain after merging {tuple(dims)}, at most {MAX_RANK}")
    padded = [(1, *(0 for _ in steps))] * (MAX_RANK - len(merged)) + merged
    return tuple(tuple(column) for column in zip(*padded, strict=True))


def broadcast_box(shape_a: Sequence[int], shape_b: Sequence[int]) -> tuple[Shape, Shape, Shape]:
    """`dims`, `a_steps` and `b_steps` of an elementwise operator on two dense arrays, as ONNX (numpy) broadcasts them.

    Raises:
        ValueError: the shapes do not broadcast, or need more than MAX_RANK axes.
    """
    dims = np.broadcast_shapes(tuple(shape_a), tuple(shape_b))
    merged_dims, a_steps, b_steps = merge_axes(dims, broadcast_steps(shape_a, len(dims)), broadcast_steps(shape_b, len(dims)))
    return merged_dims, a_steps, b_steps


def box_offsets(dims: Sequence[int], steps: Sequence[int], offset: int = 0) -> IntArray:
    """Element offsets of every index of the box, flat in row-major order."""
    total = np.full((1,) * len(dims), offset, np.int64)
    for axis, (size, step) in enumerate(zip(dims, steps, strict=True)):
        shape = [1] * len(dims)
        shape[axis] = size
        total = total + (np.arange(size, dtype=np.int64) * step).reshape(shape)
    return np.broadcast_to(total, tuple(dims)).reshape(-1)


def box_view(flat: IntArray, dims: Sequence[int], steps: Sequence[int]) -> IntArray:
    """Samples [S, size] as a view [S, *dims] whose elements are reached with `steps` (0 or positive)."""
    samples, element = flat.strides
    strides = (samples, *(step * element for step in steps))
    return np.lib.stride_tricks.as_strided(flat, (len(flat), *dims), strides, writeable=False)


def is_dense_broadcast(dims: Sequence[int], steps: Sequence[int]) -> bool:
    """Whether `steps` walk a dense row-major array once, broadcast along the axes of step 0."""
    expected = 1
    for size, step in zip(reversed(dims), reversed(steps), strict=True):
        if size == 1 or step == 0:
            continue
        if step != expected:
            return False
        expected *= size
    return True


def prove_operands(op: Any) -> None:
    """`dims`, `a_steps` and `b_steps` describe two dense arrays, broadcast; so an operand of the output's size lies as the output does.

    Raises:
        ValueError: they do not; the message names the field.
    """
    prove_box(op, "dims", "a_steps", "b_steps")
    prove_positive(op, "dims")
    for item in ("a_steps", "b_steps"):
        steps = getattr(op, item)
        prove(op, item, is_dense_broadcast(op.dims, steps), f"must walk a dense array over {op.dims}, found {steps}")

"""Geometry of sliding windows over the spatial axes (all axes after batch and channel), as ONNX defines it."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from edgecomp.graph import Array, Shape
from edgecomp.ops.base import OnnxNode

MAX_SPATIAL_RANK = 2


def check_spatial_rank(node: OnnxNode) -> int:
    """Number of spatial axes of input 0.

    Raises:
        UnsupportedError: it is not 1 or 2.
    """
    rank = len(node.shape(0)) - 2
    if not 1 <= rank <= MAX_SPATIAL_RANK:
        raise node.reject(f"an input of shape {node.shape(0)}", "[N, C, L] or [N, C, H, W]", "reshape to one or two spatial axes")
    return rank


def per_axis(node: OnnxNode, name: str, rank: int, default: int) -> Shape:
    """An attribute with one integer a spatial axis."""
    values = tuple(int(value) for value in node.attributes.get(name, (default,) * rank))
    if len(values) != rank:
        raise node.reject(f"{name}={list(values)}", f"{rank} values", "give one value a spatial axis")
    return values


def kernel_of(node: OnnxNode, weights: Shape) -> Shape:
    """Sizes of the kernel in weights [., ., *kernel], which the attribute kernel_shape may only repeat."""
    stated = tuple(int(value) for value in node.attributes.get("kernel_shape", weights[2:]))
    if stated != weights[2:]:
        raise node.reject(f"kernel_shape={list(stated)} with weights {weights}", "the kernel of the weights", "correct the attribute")
    return stated


def extent(kernel: int, dilation: int) -> int:
    """Elements from the first to the last tap of a kernel."""
    return (kernel - 1) * dilation + 1


def fitting_pads(node: OnnxNode, sizes: Shape, kernel: Shape, strides: Shape, dilations: Shape) -> Shape:
    """Explicit padding of an operator that slides windows over its input.

    Raises:
        UnsupportedError: `pads` is malformed, or a window does not fit into the padded input.
    """
    pads = resolve_pads(node, sizes, kernel, strides, dilations)
    reach = [extent(k, dilation) for k, dilation in zip(kernel, dilations, strict=True)]
    room = [size + begin + end for size, begin, end in zip(sizes, pads[: len(sizes)], pads[len(sizes) :], strict=True)]
    if min(*kernel, *strides, *dilations) < 1 or any(taken > given for taken, given in zip(reach, room, strict=True)):
        found = f"windows of {reach} on a padded input of {room}, strides {list(strides)}"
        raise node.reject(found, "windows that fit, and strides of at least 1", "use a smaller kernel or a larger input")
    return pads


def resolve_pads(node: OnnxNode, sizes: Shape, kernel: Shape, strides: Shape, dilations: Shape) -> Shape:
    """`auto_pad` and `pads` as explicit padding: all begins, then all ends."""
    rank = len(kernel)
    mode = node.attributes.get("auto_pad", b"NOTSET")
    mode = mode.decode() if isinstance(mode, bytes) else mode
    if mode == "NOTSET":
        pads = tuple(int(value) for value in node.attributes.get("pads", (0,) * (2 * rank)))
        if len(pads) != 2 * rank or min(pads) < 0:
            raise node.reject(f"pads={list(pads)}", f"{2 * rank} values, none negative", "crop with Slice instead of negative padding")
        return pads
    if mode == "VALID":
        return (0,) * (2 * rank)
    totals = [
        max((-(-size // stride) - 1) * stride + extent(k, dilation) - size, 0)
        for size, k, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True)
    ]
    return split_padding(totals, more_at_end=mode == "SAME_UPPER")


def split_padding(totals: Sequence[int], more_at_end: bool) -> Shape:
    """Total padding an axis as begins and ends that differ by one at most."""
    small = [total // 2 for total in totals]
    large = [total - total // 2 for total in totals]
    return (*small, *large) if more_at_end else (*large, *small)


def output_sizes(sizes: Shape, kernel: Shape, strides: Shape, dilations: Shape, pads: Shape, ceil_mode: bool = False) -> Shape:
    """Windows an axis; with `ceil_mode` one that overhangs the end counts, if it starts before the padding at the end."""
    rank = len(kernel)
    result = []
    for axis in range(rank):
        begin, end = pads[axis], pads[axis + rank]
        room = sizes[axis] + begin + end - extent(kernel[axis], dilations[axis])
        count = (-(-room // strides[axis]) if ceil_mode else room // strides[axis]) + 1
        if ceil_mode and (count - 1) * strides[axis] >= sizes[axis] + begin:
            count -= 1
        result.append(count)
    return tuple(result)


def pad_spatial(x: Array, pads: Shape, value: float = 0.0) -> Array:
    """Pad the spatial axes of [N, C, ...]."""
    rank = len(pads) // 2
    if not any(pads):
        return x
    return np.pad(x, ((0, 0), (0, 0), *zip(pads[:rank], pads[rank:], strict=True)), constant_values=value)


def windows(x: Array, kernel: Shape, strides: Shape, dilations: Shape) -> Array:
    """A view [N, C, *output sizes, *kernel] on [N, C, *sizes]."""
    rank = len(kernel)
    reach = tuple(extent(k, dilation) for k, dilation in zip(kernel, dilations, strict=True))
    view = np.lib.stride_tricks.sliding_window_view(x, reach, axis=tuple(range(2, 2 + rank)))
    steps = tuple(slice(None, None, step) for step in (*strides, *dilations))
    return view[(slice(None), slice(None), *steps)]


def patches(x: Array, groups: int, kernel: Shape, strides: Shape, dilations: Shape) -> tuple[Array, Shape]:
    """Rows for a matrix product, [N, groups, positions, channels / groups * taps], and the output sizes."""
    view = windows(x, kernel, strides, dilations)
    batch, channels, *rest = view.shape
    rank = len(kernel)
    sizes = tuple(rest[:rank])
    grouped = view.reshape(batch, groups, channels // groups, *rest)
    positions = tuple(range(3, 3 + rank))
    taps = tuple(range(3 + rank, 3 + 2 * rank))
    rows = grouped.transpose(0, 1, *positions, 2, *taps)
    return rows.reshape(batch, groups, prod(sizes), channels // groups * prod(kernel)), sizes

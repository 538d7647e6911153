"""In which order a tensor's elements lie in its buffer, and what Transpose and Reshape make of that without moving any."""

from __future__ import annotations

from dataclasses import dataclass

from edgecomp.graph import Graph, Shape

Permutation = tuple[int, ...]


@dataclass(frozen=True)
class Value:
    """A tensor in a buffer: the array of `shape` is `array.reshape(base)` stored as `.transpose(permutation)` in row-major order."""

    tensor: str
    shape: Shape
    base: Shape
    permutation: Permutation

    @property
    def stored(self) -> Shape:
        """Dimensions of the buffer, outermost first."""
        return tuple(self.base[axis] for axis in self.permutation)

    @property
    def reshaped(self) -> bool:
        """Whether `permutation` speaks of other axes than `shape`."""
        return self.shape != self.base

    @property
    def row_major(self) -> bool:
        """Whether the buffer holds the elements in the order of the ONNX array: no axis longer than 1 has moved."""
        moved = [axis for axis in self.permutation if self.base[axis] != 1]
        return moved == sorted(moved)


def in_order(tensor: str, shape: Shape) -> Value:
    """A value whose elements lie in the order of its ONNX array."""
    return Value(tensor, shape, shape, tuple(range(len(shape))))


def relabelled(value: Value, shape: Shape) -> Value:
    """The same buffer as an array of another shape, its elements in ONNX order unchanged.

    Axes split and join where the buffer's order allows it (a channel axis into groups, say); else the new shape stands over the old.
    """
    if value.row_major:
        return in_order(value.tensor, shape)
    if value.reshaped:
        return Value(value.tensor, shape, value.base, value.permutation)
    fine = common_refinement(value.base, shape)
    if fine is None:
        return Value(value.tensor, shape, value.base, value.permutation)
    parts_of_old, parts_of_new = axis_parts(value.base, fine), axis_parts(shape, fine)
    order = [part for axis in value.permutation for part in parts_of_old[axis] if fine[part] != 1]
    permutation = []
    at = 0
    while at < len(order):
        axis = next(a for a, parts in enumerate(parts_of_new) if order[at] in parts)
        run = [part for part in parts_of_new[axis] if fine[part] != 1]
        if order[at : at + len(run)] != run:
            return Value(value.tensor, shape, value.base, value.permutation)
        permutation.append(axis)
        at += len(run)
    ones = tuple(axis for axis in range(len(shape)) if axis not in permutation)
    return Value(value.tensor, shape, shape, (*ones, *permutation))


def common_refinement(a: Shape, b: Shape) -> Shape | None:
    """The coarsest shape of which both are made by joining neighbouring axes; None where there is none. Axes of length 1 are left out."""
    left, right = [n for n in a if n != 1], [n for n in b if n != 1]
    fine = []
    while left and right:
        smaller, larger = sorted((left[-1], right[-1]))
        if larger % smaller:
            return None
        fine.append(smaller)
        for side in (left, right):
            side[-1] //= smaller
            if side[-1] == 1:
                side.pop()
    return tuple(reversed(fine))


def axis_parts(shape: Shape, fine: Shape) -> list[list[int]]:
    """For each axis of `shape` the axes of its refinement that make it up; none for an axis of length 1."""
    parts: list[list[int]] = []
    at = 0
    for size in shape:
        parts.append([])
        reached = 1
        while reached < size:
            reached *= fine[at]
            parts[-1].append(at)
            at += 1
    return parts


def reordering(value: Value, permutation: Permutation) -> tuple[Shape, Permutation] | None:
    """How to move a value into row-major order of its array `.transpose(permutation)`: dimensions of the buffer, and their new order.

    None where no one transposition does it: the array and what it was reshaped from cut the elements across one another.
    """
    fine = common_refinement(value.base, value.shape)
    if fine is None:
        return None
    parts_of_base, parts_of_shape = axis_parts(value.base, fine), axis_parts(value.shape, fine)
    stored = [part for axis in value.permutation for part in parts_of_base[axis]]
    wanted = [part for axis in permutation for part in parts_of_shape[axis]]
    return tuple(fine[part] for part in stored), tuple(stored.index(part) for part in wanted)


def channels_last(rank: int) -> Permutation:
    """(0, 2, 3, 1) for images, (0, 2, 1) for sequences, (0, 1) for vectors."""
    return (0, *range(2, rank), 1) if rank > 1 else tuple(range(rank))


def wants_channels_last(graph: Graph, name: str) -> bool:
    """Whether a model input is first used by an operator that wants channels last, looking through operators that keep the order."""
    seen: set[str] = set()
    queue = [name]
    while queue:
        tensor = queue.pop()
        for node in graph.consumers.get(tensor, ()):
            if getattr(node.op, "spatial", False):
                return True
            if not getattr(node.op, "reorders", False) and node.outputs[0] not in seen:
                seen.add(node.outputs[0])
                queue.append(node.outputs[0])
    return False

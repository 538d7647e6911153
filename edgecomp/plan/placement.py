"""Offsets for storages with lifetimes, so that those alive together do not overlap and the arena is small.

This is dynamic storage allocation, NP-hard in general. Several greedy orders are tried first; where none reaches the lower bound,
a bounded branch-and-bound search follows. All of it is deterministic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from edgecomp.plan.lifetimes import Storage

Relaxed = Mapping[tuple[int, int], int]
"""(storage of an input, storage of the output computed from it) -> distance at which the output may start before the input, or further
before it; at 0 it starts where the input starts, or lies apart."""

SEARCH_LIMIT = 4000
"""Placements the exact search tries before it settles for the best found."""
SEARCH_STORAGES = 200
"""The exact search is left out for more storages than these."""


@dataclass(frozen=True)
class Placement:
    """Offset of each storage, in the order given."""

    offsets: tuple[int, ...]
    arena_bytes: int
    alignment: int


def lower_bound_bytes(requests: Sequence[Storage], alignment: int = 1) -> int:
    """Bytes that no placement can go below: at some step all live storages lie beside each other.

    With offsets on multiples of `alignment` every storage but the topmost takes whole multiples.
    """
    bound = 0
    for step in {request.lifetime.first_step for request in requests}:
        live = [r.bytes for r in requests if r.lifetime.first_step <= step <= r.lifetime.last_step]
        padding = [_align(size, alignment) - size for size in live]
        bound = max(bound, sum(live) + sum(padding) - max(padding))
    return bound


def place(requests: Sequence[Storage], alignments: Sequence[int], relaxed: Relaxed | None = None) -> Placement:
    """The smallest placement found; among equals the one with the earliest of `alignments`, and without an overlap."""
    apart = _place_apart(requests, alignments)
    if not relaxed:
        return apart
    orders = _orders(requests, (*_GREEDY_ORDERS, *_LATE_FIRST_ORDERS))
    found = [_fit_relaxed(requests, order, alignment, relaxed) for alignment in alignments for order in orders]
    return min([apart, *found], key=_arena_bytes)


def _place_apart(requests: Sequence[Storage], alignments: Sequence[int]) -> Placement:
    floor = min(lower_bound_bytes(requests, alignment) for alignment in alignments)
    best = _place_aligned(requests, alignments[0])
    for alignment in alignments[1:]:
        if best.arena_bytes <= floor:
            break
        best = min(best, _place_aligned(requests, alignment), key=_arena_bytes)
    return best


def _place_aligned(requests: Sequence[Storage], alignment: int) -> Placement:
    bound = lower_bound_bytes(requests, alignment)
    found = []
    for order, best_fit in product(_orders(requests, _GREEDY_ORDERS), (False, True)):
        found.append(_fit_in_order(requests, order, alignment, best_fit))
        if found[-1].arena_bytes <= bound:
            return found[-1]
    best = min(found, key=_arena_bytes)
    return best if len(requests) > SEARCH_STORAGES else _Search(requests, alignment, best, bound).result()


def _arena_bytes(placement: Placement) -> int:
    return placement.arena_bytes


def _length(request: Storage) -> int:
    return request.lifetime.last_step - request.lifetime.first_step + 1


OrderKey = Callable[[Storage], tuple[int, ...]]

_GREEDY_ORDERS: tuple[OrderKey, ...] = (
    lambda r: (-r.bytes, -_length(r), r.lifetime.first_step),
    lambda r: (-_length(r), -r.bytes, r.lifetime.first_step),
    lambda r: (-_length(r) * r.bytes, r.lifetime.first_step),
    lambda r: (r.lifetime.first_step, -r.bytes),
    lambda r: (-r.lifetime.last_step, -r.bytes),
)
_LATE_FIRST_ORDERS: tuple[OrderKey, ...] = (
    lambda r: (-r.bytes, -r.lifetime.first_step),
    lambda r: (-r.bytes, -_length(r), -r.lifetime.first_step),
    lambda r: (-_length(r), -r.lifetime.first_step),
    lambda r: (-_length(r) * r.bytes, -r.lifetime.first_step),
    lambda r: (-r.lifetime.first_step, -r.bytes),
)
"""An output that is placed before its input finds the room before it."""


def _orders(requests: Sequence[Storage], keys: Sequence[OrderKey]) -> list[list[int]]:
    """Indices of the storages sorted by each key."""
    return [sorted(range(len(requests)), key=lambda index: (*key(requests[index]), index)) for key in keys]


def _fit_relaxed(requests: Sequence[Storage], order: Sequence[int], alignment: int, relaxed: Relaxed) -> Placement:
    """Place one storage after the other, each as low as the others let it, outputs over inputs where that is allowed."""
    offsets = [0] * len(requests)
    placed: list[int] = []
    for index in order:
        request = requests[index]
        blocked = []
        for other in placed:
            if not requests[other].lifetime.meets(request.lifetime):
                continue
            low, high = offsets[other] - request.bytes, offsets[other] + requests[other].bytes
            distance = relaxed.get((other, index), relaxed.get((index, other)))
            if distance == 0:
                blocked += [(low, offsets[other]), (offsets[other], high)]
            elif (other, index) in relaxed:
                blocked.append((offsets[other] - relaxed[other, index], high))
            elif (index, other) in relaxed:
                blocked.append((low, offsets[other] + relaxed[index, other]))
            else:
                blocked.append((low, high))
        offsets[index] = _lowest_start(blocked, alignment)
        placed.append(index)
    arena_bytes = max((offset + request.bytes for offset, request in zip(offsets, requests, strict=True)), default=0)
    return Placement(tuple(offsets), arena_bytes, alignment)


def _lowest_start(blocked: Sequence[tuple[int, int]], alignment: int) -> int:
    """The lowest aligned start that lies strictly inside none of the intervals."""
    start = 0
    while inside := [high for low, high in blocked if low < start < high]:
        start = _align(max(inside), alignment)
    return start


def _fit_in_order(requests: Sequence[Storage], order: Sequence[int], alignment: int, best_fit: bool) -> Placement:
    """Place one storage after the other, each in the lowest gap that holds it, or in the tightest."""
    offsets = [0] * len(requests)
    placed: list[int] = []
    arena_bytes = 0
    for index in order:
        request = requests[index]
        taken = [(offsets[other], requests[other].bytes) for other in placed if requests[other].lifetime.meets(request.lifetime)]
        offsets[index] = free_offset(taken, request.bytes, alignment, best_fit)
        arena_bytes = max(arena_bytes, offsets[index] + request.bytes)
        placed.append(index)
    return Placement(tuple(offsets), arena_bytes, alignment)


def free_offset(taken: Sequence[tuple[int, int]], wanted_bytes: int, alignment: int, best_fit: bool = False) -> int:
    """Lowest aligned offset of a free gap beside `taken` (offset, bytes); with `best_fit`, of the smallest gap that is not the open end."""
    cursor = 0
    tightest: tuple[int, int] | None = None
    for offset, size in sorted(taken):
        gap = offset - cursor
        if gap >= wanted_bytes and wanted_bytes:
            if not best_fit:
                return cursor
            if tightest is None or gap < tightest[0]:
                tightest = (gap, cursor)
        cursor = max(cursor, _align(offset + size, alignment))
    return cursor if tightest is None else tightest[1]


def _align(value: int, alignment: int) -> int:
    return -(-value // alignment) * alignment


class _Search:
    """Depth-first search over packings in order of rising offset, in which each storage rests on those below it."""

    def __init__(self, requests: Sequence[Storage], alignment: int, best: Placement, bound: int) -> None:
        self._requests = requests
        self._alignment = alignment
        self._best = best
        self._bound = bound
        self._left = SEARCH_LIMIT
        starts = sorted({request.lifetime.first_step for request in requests})
        # Storages meet only where one of them begins, so these steps stand for all.
        self._steps = [tuple(k for k, step in enumerate(starts) if r.lifetime.first_step <= step <= r.lifetime.last_step) for r in requests]
        self._skyline = [0] * len(starts)
        self._waiting = [0] * len(starts)
        for request, steps in zip(requests, self._steps, strict=True):
            for k in steps:
                self._waiting[k] += request.bytes
        self._offsets = [0] * len(requests)

    def result(self) -> Placement:
        """The best placement found within the limit."""
        self._descend(frozenset(range(len(self._requests))), (0, -1))
        return self._best

    def _descend(self, unplaced: frozenset[int], last: tuple[int, int]) -> None:
        if not unplaced:
            arena_bytes = max((o + r.bytes for o, r in zip(self._offsets, self._requests, strict=True)), default=0)
            self._best = Placement(tuple(self._offsets), arena_bytes, self._alignment)
            return
        for offset, _, index in self._candidates(unplaced):
            if self._left <= 0 or self._best.arena_bytes <= self._bound:
                return
            # Rising (offset, index) visits each packing once.
            if (offset, index) < last:
                continue
            self._left -= 1
            saved = self._put(index, offset)
            if self._can_improve(offset):
                self._descend(unplaced - {index}, (offset, index))
            self._take_back(index, saved)

    def _candidates(self, unplaced: frozenset[int]) -> list[tuple[int, int, int]]:
        return sorted(
            (_align(max(self._skyline[k] for k in self._steps[i]), self._alignment), -self._requests[i].bytes, i) for i in unplaced
        )

    def _put(self, index: int, offset: int) -> list[int]:
        saved = [self._skyline[k] for k in self._steps[index]]
        self._offsets[index] = offset
        for k in self._steps[index]:
            self._skyline[k] = offset + self._requests[index].bytes
            self._waiting[k] -= self._requests[index].bytes
        return saved

    def _take_back(self, index: int, saved: Sequence[int]) -> None:
        for k, height in zip(self._steps[index], saved, strict=True):
            self._skyline[k] = height
            self._waiting[k] += self._requests[index].bytes

    def _can_improve(self, offset: int) -> bool:
        """All that waits at a step will lie above its skyline and not below the last offset."""
        best = self._best.arena_bytes
        return all(max(top, offset if waits else 0) + waits < best for top, waits in zip(self._skyline, self._waiting, strict=True))

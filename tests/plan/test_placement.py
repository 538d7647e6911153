"""Offsets: against brute force on few storages, and against the lower bound on many."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecomp.plan import placement
from edgecomp.plan.lifetimes import Lifetime, Storage
from edgecomp.plan.placement import free_offset, lower_bound_bytes, place


def storage(name: str, size: int, first: int, last: int) -> Storage:
    return Storage((name,), size, Lifetime(first, last))


@st.composite
def requests(draw: st.DrawFn) -> list[Storage]:
    found = []
    for index in range(draw(st.integers(1, 6))):
        first = draw(st.integers(0, 5))
        found.append(storage(str(index), draw(st.integers(1, 20)), first, draw(st.integers(first, 5))))
    return found


def smallest_by_brute_force(wanted: list[Storage], alignment: int) -> int:
    """Some order of first fit is optimal: that of the offsets in an optimal packing."""

    def first_fit(order: tuple[Storage, ...]) -> int:
        placed: list[tuple[Storage, int]] = []
        for item in order:
            taken = [(offset, other.bytes) for other, offset in placed if other.lifetime.meets(item.lifetime)]
            placed.append((item, free_offset(taken, item.bytes, alignment)))
        return max(offset + item.bytes for item, offset in placed)

    return min(first_fit(order) for order in permutations(wanted))


@settings(derandomize=True, deadline=None, max_examples=150)
@given(requests(), st.sampled_from([1, 4, 16]))
def test_few_storages_are_placed_optimally(wanted: list[Storage], alignment: int) -> None:
    assert place(wanted, [alignment]).arena_bytes == smallest_by_brute_force(wanted, alignment)


def test_search_finds_what_no_greedy_order_finds() -> None:
    """Fifty random cases of twelve storages: the search must improve on the greedy orders at least once, and never be worse."""
    random = np.random.default_rng(3)
    gained = 0
    for _ in range(50):
        spans = np.sort(random.integers(0, 10, (12, 2)), axis=1).tolist()
        wanted = [storage(str(i), int(random.integers(1, 60)), first, last) for i, (first, last) in enumerate(spans)]
        searched = place(wanted, [1]).arena_bytes
        limit, placement.SEARCH_LIMIT = placement.SEARCH_LIMIT, 0
        try:
            greedy = place(wanted, [1]).arena_bytes
        finally:
            placement.SEARCH_LIMIT = limit
        assert lower_bound_bytes(wanted) <= searched <= greedy
        gained += searched < greedy
    assert gained


def test_widest_alignment_that_costs_nothing_is_taken() -> None:
    assert place([storage("a", 32, 0, 1), storage("b", 16, 1, 1)], [16, 8, 4]).alignment == 16
    assert place([storage("a", 8, 0, 1), storage("b", 8, 1, 1)], [16, 8, 4]).alignment == 8


def test_lower_bound_counts_the_padding_of_all_but_the_topmost() -> None:
    assert lower_bound_bytes([storage("a", 7, 0, 0), storage("b", 10, 0, 0)], 8) == 18

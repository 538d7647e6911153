"""An output that may take its input's place starts where the input starts, or lies apart: a kernel that goes channel by channel
overwrites others' inputs at any distance between."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgecomp.plan.lifetimes import Lifetime, Storage
from edgecomp.plan.placement import place

spans = st.tuples(st.integers(1, 40), st.integers(0, 6), st.integers(0, 3))


@settings(derandomize=True, max_examples=300)
@given(st.lists(spans, max_size=6), st.integers(1, 40), st.integers(0, 5), st.integers(0, 2))
@example([(5, 1, 4), (7, 0, 0)], 3, 5, 1)
@example([(8, 4, 2), (10, 2, 7), (9, 1, 2)], 3, 5, 1)
def test_distance_zero_is_exact_or_apart(others: list[tuple[int, int, int]], size: int, step: int, kept: int) -> None:
    around = [Storage((f"t{i}",), 4 * n, Lifetime(first, first + length)) for i, (n, first, length) in enumerate(others)]
    source, output = Storage(("in",), 4 * size, Lifetime(0, step)), Storage(("out",), 4 * size, Lifetime(step, step + kept))
    placement = place([*around, source, output], (4,), {(len(around), len(around) + 1): 0})
    start, end = placement.offsets[-2:]
    assert start == end or abs(start - end) >= 4 * size

"""Limits as people write them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgecomp.compare import Limits, parse_limit
from edgecomp.errors import DataError


@pytest.mark.parametrize(
    ("text", "baseline", "most"),
    [
        ("+2%", 100, 102),
        ("+2.5 %", 1000, 1025),
        ("-10%", 1000, 900),
        ("+0", 7, 7),
        ("+500", 7, 507),
        ("-1k", 5000, 4000),
        ("+4KiB", 0, 4096),
        ("300000", 7, 300_000),
        ("300,000", 7, 300_000),
        ("1.5M", 7, 1_500_000),
        ("64KiB", 7, 65536),
        ("64kB", 7, 64_000),
        (4096, 7, 4096),
    ],
)
def test_forms(text: str | int, baseline: int, most: int) -> None:
    assert parse_limit(text).most(baseline) == most


@pytest.mark.parametrize("text", ["", "%", "2%", "+", "much", "+2%%", "1e6", "--1", "+2 apples", "nan"])
def test_what_is_no_limit_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(DataError, match=r"understood|two things"):
        parse_limit(text)


@given(st.integers(1, 10**12), st.integers(0, 1000))
def test_a_percentage_is_exact(baseline: int, tenths: int) -> None:
    assert parse_limit(f"+{tenths / 10}%").most(baseline) == Fraction(baseline * (1000 + tenths), 1000)


def test_an_unknown_quantity_is_named() -> None:
    with pytest.raises(DataError, match=r"'speed'.*instructions"):
        Limits(totals={"speed": parse_limit("+1%")})
    with pytest.raises(DataError, match="'ram'"):
        Limits(layers={"ram": parse_limit("+1%")})

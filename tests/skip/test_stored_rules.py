"""Rules as text in the artifact: the same rules come back, and anything else is refused."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecomp.errors import ModelError
from edgecomp.skip.rules import Early, Perforated, Rule, Spatial, ZeroInput
from edgecomp.skip.stored import SCHEMA, from_text, to_text

RULES: dict[str, Rule] = {
    "a": Spatial(3, np.arange(12, dtype=np.uint16).reshape(2, 2, 3), np.array([-(2**31), 0, 2**31 - 1], np.int32)),
    "b": ZeroInput(0.25, 7, np.array([1, -2], np.int32)),
    "c": ZeroInput(1.0),
    "d": Early(np.array([[1, 0], [0, 1]]), np.array([2, 1]), np.array([0, 1]), np.array([5, -5])),
    "e": Perforated(np.array([[0, 0], [2, 2]], np.uint16)),
}
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def members(rule: Rule) -> dict[str, Any]:
    return dict(vars(rule))


def test_rules_come_back() -> None:
    found = from_text(to_text(RULES), "model.onnx")
    assert found.keys() == RULES.keys()
    for name, rule in RULES.items():
        assert type(found[name]) is type(rule)
        for member, value in members(rule).items():
            np.testing.assert_array_equal(members(found[name])[member], value)
            assert np.asarray(members(found[name])[member]).dtype == np.asarray(value).dtype
    assert to_text(found) == to_text(RULES)


@given(odd=ODD, path=st.lists(st.integers(0, 3), max_size=3))
@settings(max_examples=200)
def test_damaged_text_never_ends_in_another_error(odd: Any, path: list[int]) -> None:
    document: Any = json.loads(to_text(RULES))
    place, at = document, "rules"
    for step in path:
        if not isinstance(place[at], dict) or not place[at]:
            break
        place, at = place[at], sorted(place[at])[step % len(place[at])]
    place[at] = odd
    with suppress(ModelError):
        from_text(json.dumps(document), "model.onnx")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", json.dumps({"schema": "other/1", "rules": {}}), json.dumps({"schema": SCHEMA})])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match="edgecomp skip again"):
        from_text(text, "model.onnx")


def test_arrays_are_bounded() -> None:
    huge = {"dtype": "uint8", "shape": [1 << 40], "base64": ""}
    text = json.dumps({"schema": SCHEMA, "rules": {"t": {"kind": "Perforated", "source": huge}}})
    with pytest.raises(ModelError, match="array of shape"):
        from_text(text, "model.onnx")

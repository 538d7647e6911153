"""What the page reads: reports of any age as they are, anything else refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecomp.errors import DataError
from edgecomp.page import read, render

REPORTS = Path(__file__).parent / "reports"
Load = Callable[[str], dict[str, Any]]

PLAIN = st.none() | st.booleans() | st.integers(-3, 10**12) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
ANYTHING = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=6
)


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a document at which something else could stand."""
    inner = content.items() if isinstance(content, dict) else enumerate(content[:3]) if isinstance(content, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "no key schema"),
        ('{"layers": []}', "no key schema"),
        ('{"schema": "edgecomp.skip/1"}', "edgecomp.skip/1"),
        ('{"schema": "edgecomp.run/1", "layers": 5}', "layers is 5, where a list is needed"),
        ('{"schema": "edgecomp.run/1", "layers": [{"macs": 1.5}]}', "layers[0].macs is 1.5, where a whole number is needed"),
        ('{"schema": "edgecomp.run/1", "model": {"name": 7}}', "model.name is 7, where a text is needed"),
        ('{"schema": "edgecomp.run/1", "memory": []}', "memory is [], where an object is needed"),
        ('{"schema": "edgecomp.run/1", "per_inference": {"cycles": NaN}}', "per_inference.cycles is NaN"),
        ('{"schema": "edgecomp.run/1", "worst_samples": [{"input": {"kind": "image"}}]}', "thumbnail"),
    ],
)
def test_anything_else_is_refused_by_name(text: str, says: str) -> None:
    with pytest.raises(DataError) as refused:
        read(text, "some/run.json")
    assert says in str(refused.value)
    assert str(refused.value).startswith("some/run.json: ")
    assert "edgecomp run --json" in str(refused.value)


def test_missing_and_null_keys_are_unknown() -> None:
    (document,) = read('{"schema": "edgecomp.run/1", "layers": [{}], "memory": null}', "folder/run.json")
    assert document.source == "run.json"
    assert document.memory.ram_bytes is None and document.memory.buffers == ()
    assert document.layers[0].name is None and document.accuracy is None


def test_a_baseline_is_a_run_of_its_own(report: Load) -> None:
    content = report("digits_m4")
    content["baseline"] = report("digits_rv32")
    first, second = read(json.dumps(content), "run.json")
    assert (first.target.board, second.target.board) == ("qemu_cortex_m4", "qemu_rv32imc")


@settings(max_examples=150)
@given(st.data())
def test_whatever_stands_in_a_report_is_shown_or_refused(data: st.DataObject) -> None:
    content = json.loads((REPORTS / f"{data.draw(st.sampled_from(['masks', 'digits_m4']))}.json").read_text())
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from([place for place in places(content) if place]))
        within = content
        for key in path:
            within = within[key]
        within[last] = data.draw(ANYTHING)
    with suppress(DataError):
        assert "</html>" in render(read(json.dumps(content), "run.json"))

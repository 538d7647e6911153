"""Rules as text: what the artifact's metadata holds, so that a file comes back to the same bits."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args

import numpy as np

from edgecomp.errors import ModelError
from edgecomp.qgraph import IntArray
from edgecomp.skip.rules import Rule, Rules

METADATA_KEY = "edgecomp.skip"
SCHEMA = "edgecomp.skip.rules/1"
KINDS: Mapping[str, type[Rule]] = {kind.__name__: kind for kind in get_args(Rule)}
ELEMENTS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64")
MOST_ELEMENTS = 1 << 26


def to_text(rules: Rules) -> str:
    """JSON, the same for equal rules."""
    stored = {tensor: {"kind": type(rule).__name__, **_members(rule)} for tensor, rule in rules.items()}
    return json.dumps({"schema": SCHEMA, "rules": stored}, sort_keys=True)


def _members(rule: Rule) -> dict[str, Any]:
    values = {item.name: getattr(rule, item.name) for item in fields(rule)}
    return {name: _array(value) if isinstance(value, np.ndarray) else value for name, value in values.items()}


def _array(values: IntArray) -> dict[str, Any]:
    little = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"))
    return {"dtype": values.dtype.name, "shape": list(values.shape), "base64": base64.b64encode(little.tobytes()).decode("ascii")}


def from_text(text: str, source: str) -> Rules:
    """The rules that `to_text` wrote; `source` names the file in errors.

    Raises:
        ModelError: the text is something else.
    """
    try:
        document = json.loads(text)
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']!r}, expected {SCHEMA!r}")
        return {str(tensor): _rule(dict(stored)) for tensor, stored in document["rules"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"{source}: metadata {METADATA_KEY} is not what edgecomp writes ({error}); run edgecomp skip again") from error


def _rule(stored: dict[str, Any]) -> Rule:
    kind = KINDS[stored.pop("kind")]
    values: dict[str, Any] = {}
    for item in fields(kind):
        value = stored.pop(item.name)
        if item.type == "IntArray":
            values[item.name] = _elements(value)
        else:
            wanted = {"int": int, "float": float}[str(item.type)]
            values[item.name] = wanted(value)
    if stored:
        raise ValueError(f"unknown members {sorted(stored)}")
    return kind(**values)


def _elements(stored: Mapping[str, Any]) -> IntArray:
    if stored["dtype"] not in ELEMENTS:
        raise ValueError(f"elements of type {stored['dtype']!r}")
    shape = tuple(int(size) for size in stored["shape"])
    if len(shape) > 8 or any(size < 0 for size in shape) or int(np.prod(shape, dtype=object)) > MOST_ELEMENTS:
        raise ValueError(f"an array of shape {shape}")
    found = np.frombuffer(base64.b64decode(stored["base64"], validate=True), np.dtype(stored["dtype"]).newbyteorder("<"))
    return found.reshape(shape).astype(stored["dtype"])

"""The JSON of `run`, `analyze` and `generate` as the page reads it: whatever is missing or null is None, whatever is of a wrong kind is
refused by name."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from math import isfinite
from pathlib import PurePath
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from edgecomp.errors import DataError
from edgecomp.thumbnail import Thumbnail

SCHEMAS = ("edgecomp.run/1", "edgecomp.analyze/1", "edgecomp.generate/1")
Number = float
"""`float` under a name of its own, for the schema has a key of that name."""
T = TypeVar("T")


@dataclass(frozen=True)
class Model:
    """Of `model`."""

    name: str | None
    sha256: str | None
    firmware_sha256: str | None
    macs: int | None
    parameters: int | None


@dataclass(frozen=True)
class Board:
    """Of `target`."""

    board: str | None
    core: str | None
    counter: str | None
    cycle_model: str | None
    notes: tuple[str, ...]
    flash_limit_bytes: int | None
    ram_limit_bytes: int | None


@dataclass(frozen=True)
class Accuracy:
    """Of `accuracy`."""

    metric: str | None
    float: Number | None
    quantized: Number | None
    target: Number | None


@dataclass(frozen=True)
class Difference:
    """Of `bit_exact.first_difference`."""

    sample: int | None
    layer: int | None
    layer_name: str | None
    index: int | None
    reference: int | None
    target: int | None


@dataclass(frozen=True)
class BitExact:
    """Of `bit_exact`."""

    equal: bool | None
    compared: int | None
    first_difference: Difference | None


@dataclass(frozen=True)
class PerInference:
    """Of `per_inference`."""

    instructions: int | None
    estimated_cycles: int | None
    cycles: int | None
    macs_executed: int | None


@dataclass(frozen=True)
class Buffer:
    """Of `memory.buffers`."""

    name: str | None
    role: str | None
    offset_bytes: int | None
    bytes: int | None
    first_layer: int | None
    last_layer: int | None
    layer: int | None


@dataclass(frozen=True)
class Section:
    """Of `memory.flash_sections`."""

    name: str | None
    bytes: int | None


@dataclass(frozen=True)
class Memory:
    """Of `memory`."""

    arena_bytes: int | None
    scratch_bytes: int | None
    stack_bytes: int | None
    flash_bytes: int | None
    code_bytes: int | None
    weight_bytes: int | None
    ram_bytes: int | None
    arena_used_bytes: int | None
    buffers: tuple[Buffer, ...]
    flash_sections: tuple[Section, ...]


@dataclass(frozen=True)
class Skip:
    """Of `layers[].skip`."""

    rule: str | None
    mask: str | None
    threshold: str | None
    zero_rate: float | None
    false_zero_rate: float | None
    places: Thumbnail | None


@dataclass(frozen=True)
class Layer:
    """Of `layers`."""

    name: str | None
    op: str | None
    kernel: str | None
    describe: str | None
    macs: int | None
    macs_skipped: int | None
    instructions: int | None
    estimated_instructions: int | None
    estimated_cycles: int | None
    cycles: int | None
    sqnr_db: float | None
    note: str | None
    input_bytes: int | None
    output_bytes: int | None
    constant_bytes: int | None
    best_instructions_per_mac: float | None
    skip: Skip | None


@dataclass(frozen=True)
class Confused:
    """Of `confusion.most_confused`."""

    label: int | None
    predicted: int | None
    count: int | None


@dataclass(frozen=True)
class Confusion:
    """Of `confusion`."""

    classes: int | None
    names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    most_confused: tuple[Confused, ...]


@dataclass(frozen=True)
class WorstSample:
    """Of `worst_samples`."""

    row: int | None
    label: int | None
    predicted: int | None
    float_predicted: int | None
    margin: float | None
    sqnr_db: float | None
    input: Thumbnail | None


@dataclass(frozen=True)
class Quantization:
    """Of `quantization`."""

    method: str | None
    output_sqnr_db: Mapping[str, float] | None


@dataclass(frozen=True)
class Removal:
    """Of `removal`."""

    macs_before: int | None
    macs_after: int | None
    share: float | None


@dataclass(frozen=True)
class Transport:
    """Of `transport`."""

    kind: str | None
    frames: int | None
    retries: int | None


@dataclass(frozen=True)
class Document:
    """One report. `source` is the name of its file, without folders."""

    schema: str | None
    model: Model
    target: Board
    samples: int | None
    outputs_sha256: str | None
    accuracy: Accuracy | None
    bit_exact: BitExact | None
    per_inference: PerInference
    memory: Memory
    transport: Transport | None
    layers: tuple[Layer, ...]
    toolchain: Mapping[str, Any] | None
    quantization: Quantization
    removal: Removal | None
    warnings: tuple[str, ...]
    confusion: Confusion | None
    worst_samples: tuple[WorstSample, ...]
    fits: bool | None
    source: str | None = None


def read(text: str, source: str) -> tuple[Document, ...]:
    """The report in `text`, and its baseline behind it where it has one; errors name the path `source`, the page the file alone.

    Raises:
        DataError: it is no report; the message names the key.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source}: is not JSON ({error}); {_CURE}") from error
    if not isinstance(content, dict) or not isinstance(content.get("schema"), str):
        raise DataError(f"{source}: is not a report of edgecomp, for it has no key schema; {_CURE}")
    if content["schema"] not in SCHEMAS:
        raise DataError(f"{source}: has schema {content['schema']!r}; allowed: {', '.join(SCHEMAS)}; {_CURE}")
    found = [content]
    if isinstance(content.get("baseline"), dict):
        found.append(content["baseline"])
    try:
        return tuple(replace(_object(Document, each, ""), source=PurePath(source).name) for each in found)
    except DataError as error:
        raise DataError(f"{source}: {error}; {_CURE}") from error


_CURE = "give files that `edgecomp run --json FILE`, `analyze` or `generate` wrote"


@cache
def _hints(kind: Hashable) -> Mapping[str, Any]:
    return get_type_hints(cast(type, kind))


def _object(kind: type[T], value: Any, where: str) -> T:
    """A dataclass from an object; unknown keys are left."""
    if not isinstance(value, dict):
        raise _fault(where, value, "an object")
    hints = _hints(cast(Hashable, kind))
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: _value(hints[name], value.get(name), f"{where}.{name}".lstrip(".")) for name in names})


def _value(hint: Any, value: Any, where: str) -> Any:
    """`value` as the hint says; null becomes None, an empty tuple or an object of nothing but nulls."""
    choices = get_args(hint)
    if type(None) in choices:
        return None if value is None else _value(next(choice for choice in choices if choice is not type(None)), value, where)
    if get_origin(hint) is tuple:
        return _sequence(choices[0], value, where)
    if isinstance(hint, type) and is_dataclass(hint):
        if hint is Thumbnail and isinstance(value, dict):
            return Thumbnail.from_dict(value)
        return _object(hint, {} if value is None else value, where)
    if get_origin(hint) is not None:
        return _mapping(choices[1], value, where)
    return _plain(hint, value, where)


def _sequence(kind: Any, value: Any, where: str) -> tuple[Any, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _fault(where, value, "a list")
    return tuple(_value(kind, item, f"{where}[{index}]") for index, item in enumerate(value))


def _mapping(kind: Any, value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _fault(where, value, "an object")
    return {str(name): item if kind is Any else _value(kind, item, f"{where}.{name}") for name, item in value.items()}


def _plain(kind: type, value: Any, where: str) -> Any:
    if kind is bool and isinstance(value, bool):
        return value
    if kind is str and isinstance(value, str):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    if kind is float and is_number:
        return float(value)
    if kind is int and is_number and value == int(value):
        return int(value)
    raise _fault(where, value, {bool: "true or false", str: "a text", float: "a number", int: "a whole number"}[kind])


def _fault(where: str, value: Any, wanted: str) -> DataError:
    shown = json.dumps(value)
    return DataError(f"{where or 'the report'} is {shown if len(shown) <= 40 else f'{shown[:40]}...'}, where {wanted} is needed")

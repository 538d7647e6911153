"""Reports of `edgecomp run --json` read back, one file or a folder of them, and written as the baseline to commit."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edgecomp.compare.quantities import QUANTITIES
from edgecomp.errors import DataError

SCHEMA: Final = "edgecomp.run/1"
_SCHEMA_FAMILY: Final = "edgecomp.run/"


@dataclass(frozen=True)
class LayerFigures:
    """One kernel call; `figures` by the name of a quantity."""

    name: str
    figures: Mapping[str, int | None]


@dataclass(frozen=True, eq=False)
class Run:
    """What of a report is compared. `document` is all of it."""

    source: str
    """The file, for messages."""
    model: str
    board: str
    model_sha256: str
    samples: int
    figures: Mapping[str, int | None]
    """By the name of a quantity; None where the board could not tell."""
    layers: Sequence[LayerFigures]
    metric: str | None
    """Of `accuracy`: top1 (a fraction) or sqnr_db; None where nothing ran."""
    accuracy: float | None
    bit_exact: bool | None
    outputs_sha256: str | None
    compiler: str
    document: Mapping[str, Any] = field(repr=False)

    @property
    def key(self) -> tuple[str, str]:
        """What a baseline is looked up by."""
        return self.model, self.board

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.model} on {self.board}"


def run_of(document: object, source: str) -> Run:
    """A report as data, checked.

    Raises:
        DataError: it is no report, of another schema, or lacks a key; names the key.
    """
    reader = _Reader(source)
    whole = reader.mapping(document, "the report")
    schema = whole.get("schema")
    if schema != SCHEMA:
        found = f"has schema {schema!r}" if schema else "has no schema"
        raise DataError(f"{source}: {found} where {SCHEMA!r} is read: write it with this version's `edgecomp run ... --json FILE`")
    reader.whole = whole
    accuracy = reader.section("accuracy", optional=True)
    exact = reader.section("bit_exact", optional=True)
    target = None if accuracy is None else reader.value("accuracy.target", float)
    return Run(
        source=source,
        model=reader.text("model.name"),
        board=reader.text("target.board"),
        model_sha256=reader.text("model.sha256"),
        samples=reader.value("samples", int) or 0,
        figures={name: reader.count(f"{quantity.section}.{quantity.key}") for name, quantity in QUANTITIES.items()},
        layers=_layers(reader),
        metric=None if accuracy is None else reader.text("accuracy.metric"),
        accuracy=target,
        bit_exact=None if exact is None else bool(reader.at("bit_exact.equal")),
        outputs_sha256=reader.value("outputs_sha256", str),
        compiler=str(reader.at("toolchain.compiler")),
        document=whole,
    )


def _layers(reader: _Reader) -> tuple[LayerFigures, ...]:
    entries = reader.at("layers")
    if not isinstance(entries, list):
        raise reader.wrong("layers", entries, "a list")
    of_layers = [quantity for quantity in QUANTITIES.values() if quantity.of_layers]
    seen: dict[str, int] = {}
    layers = []
    for index in range(len(entries)):
        name = reader.text(f"layers.{index}.name")
        seen[name] = seen.get(name, 0) + 1
        shown = name if seen[name] == 1 else f"{name} ({seen[name]})"
        layers.append(LayerFigures(shown, {quantity.name: reader.count(f"layers.{index}.{quantity.key}") for quantity in of_layers}))
    return tuple(layers)


class _Reader:
    """Values of a report by path; what is missing or of a wrong kind is named."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.whole: Mapping[str, Any] = {}

    def at(self, path: str) -> Any:
        value: Any = self.whole
        for part in path.split("."):
            try:
                value = value[int(part)] if isinstance(value, list) else value[part]
            except (KeyError, IndexError, TypeError, ValueError):
                raise DataError(
                    f"{self.source}: {path} is missing; a report of schema {SCHEMA} has every key: write it again with "
                    f"`edgecomp run ... --json FILE`, or `edgecomp compare ... --update` where it is the baseline"
                ) from None
        return value

    def section(self, path: str, *, optional: bool) -> Mapping[str, Any] | None:
        value = self.at(path)
        return None if optional and value is None else self.mapping(value, path)

    def mapping(self, value: object, path: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self.wrong(path, value, "an object")
        return value

    def text(self, path: str) -> str:
        value = self.at(path)
        if not isinstance(value, str) or not value:
            raise self.wrong(path, value, "a text")
        return value

    def count(self, path: str) -> int | None:
        value = self.at(path)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
            return value
        raise self.wrong(path, value, "a whole number, 0 or greater, or null")

    def value(self, path: str, kind: type) -> Any:
        value = self.at(path)
        accepted = (int, float) if kind is float else kind
        if value is None or (isinstance(value, accepted) and not isinstance(value, bool)):
            return value
        raise self.wrong(path, value, f"of type {kind.__name__}, or null")

    def wrong(self, path: str, value: object, allowed: str) -> DataError:
        return DataError(f"{self.source}: {path} is {value!r:.60}; it must be {allowed}")


def read_runs(*paths: str | os.PathLike[str]) -> list[Run]:
    """The runs in files, and in folders at any depth; in a folder other JSON than reports of runs is passed over.

    Raises:
        DataError: a path is missing, is no report, or two files hold a run of the same model on the same board.
    """
    runs: dict[tuple[str, str], Run] = {}
    for path in paths:
        for run in _read(Path(path)):
            other = runs.setdefault(run.key, run)
            if other is not run:
                raise DataError(f"{other.source} and {run.source} both hold a run of {run.title}: give one of them")
    return list(runs.values())


def _read(path: Path) -> Iterable[Run]:
    if not path.is_dir():
        yield run_of(_load(path), os.fspath(path))
        return
    found = False
    for file in sorted(path.rglob("*.json")):
        document = _load(file)
        if isinstance(document, dict) and str(document.get("schema", "")).startswith(_SCHEMA_FAMILY):
            found = True
            yield run_of(document, os.fspath(file))
    if not found:
        raise DataError(f"{path}: holds no report of `edgecomp run ... --json FILE`")


def _load(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is not JSON: {error}") from error


def write_runs(baseline: str | os.PathLike[str], runs: Sequence[Run]) -> list[str]:
    """Write runs as a baseline: to the file where the path ends in `.json`, else each as `<model>.<board>.json` in the folder.

    Other runs in the folder stay. Returns the files written.

    Raises:
        DataError: several runs for one file, or a run whose outputs differ from the reference.
        OutputError: a file cannot be written.
    """
    from edgecomp.artifacts import write_atomically

    path = Path(baseline)
    wrong = next((run for run in runs if run.bit_exact is False), None)
    if wrong:
        raise DataError(f"{wrong.source}: outputs of {wrong.title} differ from the reference: such a run is no baseline")
    if path.suffix == ".json" and not path.is_dir():
        if len(runs) != 1:
            raise DataError(f"{path}: one file holds one run, there are {len(runs)}: name a folder")
        files = {path: runs[0]}
    else:
        files = {path / f"{run.model}.{run.board}.json": run for run in runs}
    for file, run in files.items():
        write_atomically(file, json.dumps(run.document, indent=2, allow_nan=False) + "\n")
    return [os.fspath(file) for file in files]

"""The table of layers: of one run with all figures, of several side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgecomp.page.axes import place
from edgecomp.page.documents import Document, Layer
from edgecomp.page.families import family
from edgecomp.page.measure import Measure, total
from edgecomp.readable import short_kernel, short_layers


@dataclass(frozen=True)
class Row:
    """One layer, by its short name; `width` is the bar, of the longest layer's, as CSS reads it."""

    index: int
    name: str
    layer: Layer
    family: str
    kernel: str
    value: int | None
    share: float
    width: str
    per_mac: float | None
    skipped: float | None


@dataclass(frozen=True)
class Cell:
    """What one run has of a layer; `change` is relative to the first run."""

    value: int | None
    width: str
    change: float | None
    family: str
    kernel: str


@dataclass(frozen=True)
class SharedRow:
    """A layer over several runs; a run that does not have it has None."""

    name: str
    full_name: str
    op: str
    cells: tuple[Cell | None, ...]


def rows(document: Document, measure: Measure) -> tuple[Row, ...]:
    """One a layer, in order."""
    whole = total(measure, document)
    longest = max((measure.of(layer) or 0 for layer in document.layers), default=0)
    names = layer_names(document)
    return tuple(_row(index, names[index], layer, measure, whole, longest) for index, layer in enumerate(document.layers))


def layer_names(document: Document) -> tuple[str, ...]:
    """Short names of the layers, in order."""
    return short_layers([layer.name or f"layer {index}" for index, layer in enumerate(document.layers)])


def shared_rows(documents: Sequence[Document], measure: Measure) -> tuple[SharedRow, ...]:
    """Layers by name, in the order of the runs; bars have one scale."""
    found = [_by_name(document) for document in documents]
    longest = max((measure.of(layer) or 0 for document in documents for layer in document.layers), default=0)
    shared = []
    keys = _merged([list(each) for each in found])
    for key, name in zip(keys, short_layers([key[0] for key in keys]), strict=True):
        layers = [each.get(key) for each in found]
        base = layers[0]
        first = measure.of(base) if base else None
        op = next((layer.op for layer in layers if layer and layer.op), "")
        shared.append(SharedRow(name, key[0], op, tuple(_cell(layer, measure, first, longest) for layer in layers)))
    return tuple(shared)


def _row(index: int, name: str, layer: Layer, measure: Measure, whole: int, longest: int) -> Row:
    value = measure.of(layer)
    return Row(
        index=index,
        name=name,
        layer=layer,
        family=family(layer),
        kernel=short_kernel(layer.kernel),
        value=value,
        share=(value or 0) / whole,
        width=place((value or 0) / max(longest, 1)),
        per_mac=value / layer.macs if value and layer.macs and not measure.is_work else None,
        skipped=layer.macs_skipped / layer.macs if layer.macs_skipped and layer.macs else None,
    )


def _cell(layer: Layer | None, measure: Measure, first: int | None, longest: int) -> Cell | None:
    if layer is None:
        return None
    value = measure.of(layer)
    change = value / first - 1.0 if value is not None and first else None
    return Cell(value, place((value or 0) / max(longest, 1)), change, family(layer), short_kernel(layer.kernel))


def _by_name(document: Document) -> dict[tuple[str, int], Layer]:
    """Layers by name and, as names may come again, by how often it came before."""
    found: dict[tuple[str, int], Layer] = {}
    seen: dict[str, int] = {}
    for index, layer in enumerate(document.layers):
        name = layer.name or f"layer {index}"
        found[name, seen.get(name, 0)] = layer
        seen[name] = seen.get(name, 0) + 1
    return found


def _merged(orders: Sequence[Sequence[tuple[str, int]]]) -> list[tuple[str, int]]:
    """All keys once; one that the runs before do not have stands behind what is before it in its own run."""
    merged: list[tuple[str, int]] = []
    for order in orders:
        at = 0
        for key in order:
            if key in merged:
                at = merged.index(key) + 1
            else:
                merged.insert(at, key)
                at += 1
    return merged

"""Everything the template shows, decided: one `RunView` a run, and what they share."""

from __future__ import annotations

import string
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from edgecomp.page import comparison, flash, layers, memory_map, mistakes, quality, roofline
from edgecomp.page.axes import place
from edgecomp.page.documents import Document, Skip
from edgecomp.page.measure import Measure, common_measure
from edgecomp.readable import compact, count, decibel, percent, ratio

GOOD, BAD, PLAIN = "good", "bad", ""


@dataclass(frozen=True)
class Tile:
    """A figure at the top; `tone` is GOOD, BAD or PLAIN."""

    name: str
    value: str
    detail: str
    tone: str = PLAIN


@dataclass(frozen=True)
class SkipRow:
    """A layer that leaves work out."""

    index: int
    name: str
    family: str
    left_out: float
    width: str
    facts: Skip | None
    picture: mistakes.Picture | None


@dataclass(frozen=True)
class Fact:
    """A line about how a run came about; `is_code` for hashes and flags, `differs` where not all runs agree."""

    name: str
    value: str
    is_code: bool
    differs: bool


@dataclass(frozen=True)
class RunView:
    """One run. `letter` tells it from the others; `title` says what it is."""

    letter: str
    title: str
    document: Document
    tiles: tuple[Tile, ...]
    ram_meter: flash.Meter | None
    flash_meter: flash.Meter | None
    rows: tuple[layers.Row, ...]
    roofline: roofline.Roofline | None
    memory_map: memory_map.MemoryMap | None
    constants: tuple[flash.Constants, ...]
    skipping: tuple[SkipRow, ...]
    left_out: float
    matrix: mistakes.Matrix | None
    worst: tuple[mistakes.Sample, ...]
    noise: quality.QualityChart | None
    methods: tuple[quality.Method, ...]
    facts: tuple[Fact, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class PageView:
    """The page. `by_accuracy` and `by_noise` put runs together that have the same to show.

    `sections` are (id, name) of those that have something to show, in order.
    """

    title: str
    subtitle: str
    measure: Measure
    runs: tuple[RunView, ...]
    totals: tuple[comparison.Line, ...]
    shared: tuple[layers.SharedRow, ...]
    by_accuracy: tuple[tuple[RunView, ...], ...]
    by_noise: tuple[tuple[RunView, ...], ...]
    sections: tuple[tuple[str, str], ...]


def view(documents: Sequence[Document]) -> PageView:
    """Lay out the page of one or more documents."""
    measure = common_measure(documents)
    titles = _titles(documents)
    facts = _facts(documents)
    plots = zip(roofline.rooflines(documents, measure), memory_map.memory_maps(documents), quality.quality_charts(documents), strict=True)
    runs = tuple(
        _run(string.ascii_uppercase[at % 26], titles[at], document, measure, plot, facts[at])
        for at, (document, plot) in enumerate(zip(documents, plots, strict=True))
    )
    several = len(runs) > 1
    models = dict.fromkeys(document.model.name or "model" for document in documents)
    return PageView(
        title=", ".join(models),
        subtitle=(" vs ".join(titles) if len(titles) == 2 else f"{len(titles)} runs") if several else _board(documents[0]),
        measure=measure,
        runs=runs,
        totals=comparison.lines(documents) if several else (),
        shared=layers.shared_rows(documents, measure) if several else (),
        by_accuracy=_grouped(runs, lambda run: (run.matrix, run.worst)),
        by_noise=_grouped(runs, lambda run: (run.noise, run.methods)),
        sections=_sections(runs),
    )


def _grouped(runs: Sequence[RunView], key: Callable[[RunView], Hashable]) -> tuple[tuple[RunView, ...], ...]:
    """Runs with equal keys together, in the order of the first of each."""
    found: dict[Hashable, list[RunView]] = {}
    for run in runs:
        found.setdefault(key(run), []).append(run)
    return tuple(map(tuple, found.values()))


Plots = tuple[roofline.Roofline | None, memory_map.MemoryMap | None, quality.QualityChart | None]


def _run(letter: str, title: str, document: Document, measure: Measure, plots: Plots, facts: tuple[Fact, ...]) -> RunView:
    rows = layers.rows(document, measure)
    skipped, macs = sum(layer.macs_skipped or 0 for layer in document.layers), sum(layer.macs or 0 for layer in document.layers)
    slow = [f"Layer {row.index} takes {row.layer.note}." for row in rows if row.layer.note]
    return RunView(
        letter,
        title,
        document,
        _tiles(document, measure),
        flash.ram_meter(document),
        flash.flash_meter(document),
        rows,
        plots[0],
        plots[1],
        flash.constants(document),
        _skipping(rows),
        skipped / macs if macs else 0.0,
        mistakes.matrix(document.confusion),
        tuple(mistakes.sample(worst, document.confusion) for worst in document.worst_samples),
        plots[2],
        quality.methods(document),
        facts,
        (*document.warnings, *document.target.notes, *slow),
    )


def _sections(runs: Sequence[RunView]) -> tuple[tuple[str, str], ...]:
    shown = {
        ("totals", "Totals"): True,
        ("layers", "Layers"): any(run.rows for run in runs),
        ("roofline", "Roofline"): any(run.roofline for run in runs),
        ("memory", "Memory"): any(run.memory_map for run in runs),
        ("flash", "Flash"): any(run.flash_meter or run.constants for run in runs),
        ("skipping", "Left out"): any(run.skipping for run in runs),
        ("accuracy", "Accuracy"): any(run.matrix or run.worst for run in runs),
        ("quantization", "Quantization"): any(run.noise or run.methods for run in runs),
        ("build", "Build"): True,
    }
    return tuple(section for section, is_shown in shown.items() if is_shown)


def _board(document: Document) -> str:
    target = document.target
    name = target.board or "no board"
    return f"{name} ({target.core})" if target.core and target.core != target.board else name


def _titles(documents: Sequence[Document]) -> list[str]:
    """What tells the runs apart: the board, else the model, else the file."""
    for titles in (
        [document.target.board or "" for document in documents],
        [document.model.name or "" for document in documents],
        [f"{document.model.name} on {document.target.board}" for document in documents],
        [(document.source or "").removesuffix(".json") for document in documents],
    ):
        if all(titles) and len(set(titles)) == len(titles):
            return titles
    return [f"{(document.source or 'run').removesuffix('.json')} {at}" for at, document in enumerate(documents, start=1)]


def _tiles(document: Document, measure: Measure) -> tuple[Tile, ...]:
    found = [_time_tile(document, measure)]
    per = document.per_inference
    if per.estimated_cycles is not None and per.cycles is None:
        found.append(Tile("Estimated cycles", compact(per.estimated_cycles), f"timing table {document.target.cycle_model}, no wait states"))
    found += [tile for tile in (_accuracy_tile(document), _exact_tile(document), _fit_tile(document)) if tile]
    if not measure.is_work:
        found.append(Tile("MACs", compact(document.model.macs), f"{count(document.model.parameters)} parameters"))
    return tuple(found)


def _time_tile(document: Document, measure: Measure) -> Tile:
    value = measure.total(document)
    macs = sum(layer.macs or 0 for layer in document.layers)
    if measure.is_work:
        return Tile("MACs", compact(value), f"{count(document.model.parameters)} parameters")
    each = f"{ratio(value / macs)} per MAC" if value and macs else ""
    return Tile(f"{measure.name} per inference", compact(value), each)


def _accuracy_tile(document: Document) -> Tile | None:
    accuracy = document.accuracy
    if accuracy is None or accuracy.target is None:
        return None
    of = f"{count(document.samples)} samples"
    if accuracy.metric != "top1":
        return Tile("Output SQNR", decibel(accuracy.target), f"against the float model, {of}")
    parts = [f"float {percent(accuracy.float, 2)}"] if accuracy.float is not None else []
    parts += [f"int8 reference {percent(accuracy.quantized, 2)}"] if accuracy.quantized is not None else []
    return Tile("Top-1 accuracy", percent(accuracy.target, 2), ", ".join([*parts, of]))


def _exact_tile(document: Document) -> Tile | None:
    exact = document.bit_exact
    if exact is None or exact.equal is None:
        return None
    if exact.equal:
        return Tile("Bit-exact", "Yes", f"{count(exact.compared)} outputs equal the reference", GOOD)
    first = exact.first_difference
    if first is None:
        return Tile("Bit-exact", "No", "outputs differ from the reference", BAD)
    where = f"layer {first.layer} ({first.layer_name})" if first.layer is not None else "output"
    return Tile("Bit-exact", "No", f"sample {first.sample}, {where}, index {first.index}: {first.target}, not {first.reference}", BAD)


def _fit_tile(document: Document) -> Tile | None:
    if document.fits is None:
        return None
    return Tile("Fits the board", "Yes" if document.fits else "No", document.target.board or "", GOOD if document.fits else BAD)


def _skipping(rows: Sequence[layers.Row]) -> tuple[SkipRow, ...]:
    """Layers under a rule, or that left something out."""
    return tuple(
        SkipRow(
            row.index,
            row.name,
            row.family,
            row.skipped or 0.0,
            place(row.skipped or 0.0),
            row.layer.skip,
            mistakes.picture(row.layer.skip.places) if row.layer.skip and row.layer.skip.places else None,
        )
        for row in rows
        if row.layer.skip or row.skipped
    )


def _facts(documents: Sequence[Document]) -> list[tuple[Fact, ...]]:
    """How each run came about, every fact that at least one run has."""
    known = [_build_facts(document) for document in documents]
    names = dict.fromkeys(name for each in known for name in each)
    return [
        tuple(
            Fact(name, each.get(name, ""), name in _CODE, len({other.get(name, "") for other in known}) > 1)
            for name in names
            if any(other.get(name) for other in known)
        )
        for each in known
    ]


_CODE = ("Flags", "Model file, SHA-256", "Integer network, SHA-256", "Outputs, SHA-256")


def _build_facts(document: Document) -> dict[str, str]:
    toolchain, transport = dict(document.toolchain or {}), document.transport
    flags = toolchain.pop("flags", None)
    facts = {"Board": _board(document), "Compiler": str(toolchain.pop("compiler", None) or "")}
    facts["Flags"] = " ".join(map(str, flags)) if isinstance(flags, list) else ""
    facts |= {name: str(value) for name, value in toolchain.items() if value is not None}
    facts["Calibration"] = document.quantization.method or ""
    if transport and transport.kind:
        counts = {"frames": transport.frames, "retries": transport.retries}
        facts["Transport"] = ", ".join([transport.kind, *(f"{value:,} {name}" for name, value in counts.items() if value is not None)])
    if document.removal and document.removal.share:
        facts["Exact removal"] = f"{percent(document.removal.share)} of MACs removed, outputs identical"
    facts["Samples"] = count(document.samples) if document.samples else ""
    facts["Model file, SHA-256"] = document.model.sha256 or ""
    facts["Integer network, SHA-256"] = document.model.firmware_sha256 or ""
    facts["Outputs, SHA-256"] = document.outputs_sha256 or ""
    facts["Report"] = ", ".join(filter(None, (document.source, document.schema)))
    return facts

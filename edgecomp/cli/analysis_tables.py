"""The tables that `edgecomp analyze` prints."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edgecomp.cli.terminal import report_table
from edgecomp.plan import CONTEXT_BYTES, Plan, fits
from edgecomp.plan.bookkeeping import Book
from edgecomp.readable import short_kernel
from edgecomp.removal import Removed


@dataclass(frozen=True)
class Analysis:
    """A model with its plan and the plan's book-keeping."""

    model_name: str
    model_sha256: str
    parameters: int
    plan: Plan
    book: Book
    has_target: bool
    """Whether `plan` is for a board the user named; else it stands for what is the same on all of them."""
    boards: tuple[Plan, ...]
    """The plan for each board there is, where the user named none."""
    removed: Removed | None = None
    """What was left out of the network before it was planned; None where its integers are made up."""


def print_analysis(analysis: Analysis, console: Console) -> None:
    """All tables and what follows from them."""
    work = analysis.book.work
    console.print(
        f"[bold]{escape(analysis.model_name)}[/]: {analysis.parameters:,} parameters, {work.macs:,} MACs "
        f"({work.padding_macs:,} on padding), {work.additions:,} additions, {work.comparisons:,} comparisons"
    )
    _print_layers(analysis.book, console)
    _print_kinds(analysis.book, console)
    _print_edges(analysis.book, console)
    _print_memory(analysis, console)
    for sentence in findings(analysis):
        console.print(escape(sentence), soft_wrap=False)
    if analysis.boards:
        _print_boards(analysis.boards, console)


def findings(analysis: Analysis) -> list[str]:
    """What the figures say: where RAM peaks, what dominates, what tiling wastes."""
    plan, book = analysis.plan, analysis.book
    if not book.layers:
        return []
    peak = book.layers[book.peak_layer]
    said = [f"RAM peaks at layer {peak.index} ({peak.name}): {peak.live_bytes:,} bytes are alive, arena {plan.arena_bytes:,}."]
    count = len(book.layers)
    size = f"feature maps take {plan.arena_bytes:,} bytes of RAM, filters {book.filter_bytes:,} bytes of flash"
    said.append(f"{book.dominant.capitalize()} dominate: {size}.")
    if analysis.removed and analysis.removed.share:
        said.append(f"{100 * analysis.removed.share:.1f} % of {analysis.removed.macs_before:,} MACs were removed, outputs identical.")
    if book.estimated_instructions is not None:
        said.append(f"About {book.estimated_instructions:,} instructions an inference, by the measured prices of the kernels on this core.")
    if book.half_of_filters:
        said.append(
            f"Half of all feature-map bytes are written by the first {book.half_of_maps} of {count} layers; "
            f"half of all filter bytes lie in the last {book.half_of_filters}."
        )
    wasteful = [layer for layer in book.layers if layer.tiling_waste]
    said += [f"Layer {layer.index} ({layer.name}) wastes {layer.tiling_waste:.1%} on partly filled blocks." for layer in wasteful]
    return said


def _print_layers(book: Book, console: Console) -> None:
    headings = ["MACs"] if book.estimated_instructions is None else ["MACs", "est. instr."]
    table = _narrow_table(texts=["layer"], fixed=["kernel", "work"], numbers=[*headings, "filters", "in", "out", "RAM"], index="#")
    for layer in book.layers:
        estimate = () if book.estimated_instructions is None else (layer.estimated_instructions or 0,)
        counts = (layer.work.macs, *estimate, layer.filter_bytes, layer.input_bytes, layer.output_bytes)
        row = (
            escape(layer.name),
            escape(short_kernel(layer.kernel)),
            escape(layer.describe),
            *map(_count, counts),
            f"{layer.peak_share:.0%}",
        )
        table.add_row(str(layer.index), *row)
    console.print(table)
    console.print("[dim]in, out: bytes of feature maps; RAM: part of the arena and scratch that is alive[/]\n")


def _print_kinds(book: Book, console: Console) -> None:
    table = _narrow_table(texts=["kernel"], numbers=["layers", "MACs", "%", "additions", "comparisons", "filters"])
    for kind in book.kinds:
        share = f"{kind.work.macs / book.work.macs:.0%}" if kind.work.macs else ""
        counts = (kind.work.additions, kind.work.comparisons, kind.filter_bytes)
        table.add_row(escape(short_kernel(kind.kind)), str(kind.layers), _count(kind.work.macs), share, *map(_count, counts))
    console.print(table)


def _print_edges(book: Book, console: Console) -> None:
    table = _narrow_table(
        texts=["feature map"], fixed=["shape"], numbers=["bytes", "offset", "written by", "read by", "kept for", "in place of"]
    )
    writers = {edge.tensor: "input" if edge.producer is None else str(edge.producer) for edge in book.edges}
    for edge in book.edges:
        table.add_row(
            escape(edge.tensor),
            "x".join(map(str, edge.shape)),
            f"{edge.bytes:,}",
            f"{edge.offset_bytes:,}",
            writers[edge.tensor],
            ", ".join([*map(str, edge.consumers), *(["output"] if edge.is_output else [])]),
            f"{edge.first_step}-{edge.last_step}",
            writers[edge.overwrites] if edge.overwrites else "",
        )
    console.print(table)
    console.print("[dim]layers by number: which writes it, which read it, while which it is kept, whose map it takes the place of[/]\n")


def _narrow_table(texts: Sequence[str], numbers: Sequence[str], fixed: Sequence[str] = (), index: str = "") -> Table:
    """A table in which only `texts` give way where the terminal is narrow."""
    table = report_table()
    table.padding = (0, 1, 0, 0)
    if index:
        table.add_column(index, justify="right", no_wrap=True)
    for heading in texts:
        table.add_column(heading, overflow="ellipsis")
    for heading in fixed:
        table.add_column(heading, no_wrap=True)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _print_memory(analysis: Analysis, console: Console) -> None:
    plan = analysis.plan
    table = report_table("memory", "")
    table.columns[1].justify = "right"
    rows = {"arena": plan.arena_bytes, "scratch": plan.scratch_bytes}
    if analysis.has_target:
        rows |= {"stack (estimate)": plan.stack_bytes, "context": CONTEXT_BYTES}
        rows |= {f"[bold]RAM[/] of {plan.target.ram_bytes:,}": plan.ram_bytes}
    rows |= {"weights": plan.weight_bytes}
    if analysis.has_target:
        rows |= {"code (estimate)": plan.code_bytes, "records (estimate)": plan.record_bytes}
        rows |= {f"[bold]flash[/] of {plan.target.flash_bytes:,}": plan.flash_bytes}
    for name, value in rows.items():
        table.add_row(name, f"{value:,}")
    console.print(table)


def _print_boards(plans: Iterable[Plan], console: Console) -> None:
    table = report_table()
    for heading in ("board", "core", "RAM", "of", "flash", "of", "fits"):
        table.add_column(heading, justify="left" if heading in ("board", "core", "fits") else "right")
    for plan in plans:
        verdict = "[green]yes[/]" if fits(plan) else "[red]no[/]"
        sizes = (plan.ram_bytes, plan.target.ram_bytes, plan.flash_bytes, plan.target.flash_bytes)
        table.add_row(escape(plan.target.name), escape(plan.target.core), *(f"{size:,}" for size in sizes), verdict)
    console.print(table)


def _count(value: int) -> str:
    return f"{value:,}" if value else ""

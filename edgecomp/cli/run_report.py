"""A RunReport as a person reads it: a table of the layers as wide as the terminal allows, then the totals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from edgecomp.cli.terminal import report_table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from edgecomp.report import Accuracy, BitExact, LayerFacts, RunReport

LEAST_NAME_COLUMNS = 24
"""To which a layer's name may be cut before the table takes its narrow form: rounded numbers, the kernel under the layer."""
FORMS = ((True, 16), (True, 8), (False, 16), (False, 8))
"""Forms of the table, whether wide and how long the longest bar is; the first that fits is taken, else the last."""
SHORT_UNITS = {"cycles": "cycles", "instructions": "instr."}
EIGHTHS = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True)
class _Column:
    """`cell` gives a layer's text in rich markup."""

    heading: str
    cell: Callable[[int, LayerFacts], str]
    is_text: bool = False


def print_report(report: RunReport, console: Console) -> None:
    """Print layers, then the totals."""
    from rich.markup import escape

    console.print(_layer_table(report, console))
    facts = report_table("", "")
    facts.show_header = False
    for name, text in _facts(report):
        facts.add_row(f"[bold]{name}[/]", text)
    console.print(facts)
    slow = [f"layer {layer.index} takes {layer.note}" for layer in report.layers if layer.note]
    for note in (*report.target.notes, *report.warnings, *slow):
        console.print(f"[dim]note: {escape(note)}[/]")


def bar(share: float, columns: int) -> str:
    """A share 0..1 as a bar of at most `columns` characters, to an eighth of one; what is not nothing is seen."""
    eighths = round(min(max(share, 0.0), 1.0) * columns * 8)
    eighths = max(eighths, 1) if share > 0 else 0
    return (EIGHTHS[8] * (eighths // 8) + EIGHTHS[eighths % 8]).rstrip()


def _layer_table(report: RunReport, console: Console) -> Table:
    """The first form that fits; names of layers alone are cut."""
    from rich.measure import Measurement

    from edgecomp.readable import short_layers

    names = short_layers([layer.name for layer in report.layers])
    longest = max(map(len, names), default=0)
    unlimited = console.options.update(max_width=10_000)
    tables = [_table(report, names, is_wide, bar_columns) for is_wide, bar_columns in FORMS]
    needed = [Measurement.get(console, unlimited, table).maximum - longest + min(longest, LEAST_NAME_COLUMNS) for table in tables]
    return next((table for table, columns in zip(tables, needed, strict=True) if columns <= console.width), tables[-1])


def _table(report: RunReport, names: Sequence[str], is_wide: bool, bar_columns: int) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from edgecomp.readable import short_kernel

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    columns = _columns(report, is_wide, bar_columns)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("layer", min_width=min(LEAST_NAME_COLUMNS, max(map(len, names), default=0)))
    for column in columns:
        table.add_column(column.heading, justify="left" if column.is_text else "right", no_wrap=True)
    for index, layer in enumerate(report.layers):
        name = Text(names[index], no_wrap=True, overflow="ellipsis")
        if not is_wide:
            name.append(f"\n{short_kernel(layer.kernel)}", style="dim")
        table.add_row(str(layer.index), name, *(column.cell(index, layer) for column in columns))
    return table


def _columns(report: RunReport, is_wide: bool, bar_columns: int) -> list[_Column]:
    """The columns behind the layer's name that have something to say, in order."""
    from rich.markup import escape

    from edgecomp.readable import compact, short_kernel

    def number(value: int | None) -> str:
        return "" if value is None else _count(value) if is_wide else compact(value)

    unit, of = _counted(report)
    found = []
    if is_wide:
        found.append(_Column("operator", lambda _, layer: escape(layer.op), is_text=True))
        found.append(_Column("kernel", lambda _, layer: escape(short_kernel(layer.kernel)), is_text=True))
    found.append(_Column("MACs", lambda _, layer: number(layer.macs or None)))
    if any(layer.macs_skipped for layer in report.layers):
        found.append(_Column("skipped", lambda _, layer: f"{layer.macs_skipped / layer.macs:.1%}" if layer.macs_skipped else ""))
    if unit:
        found.append(_Column(unit if is_wide else SHORT_UNITS[unit], lambda _, layer: number(of(layer))))
        found.append(_Column("per MAC" if is_wide else "/MAC", lambda _, layer: _per_mac(of(layer), layer.macs)))
    if is_wide and unit == "instructions" and report.per_inference.estimated_cycles is not None:
        found.append(_Column("est. cycles", lambda _, layer: _count(layer.estimated_cycles)))
    if is_wide and any(layer.sqnr_db is not None for layer in report.layers):
        found.append(_Column("SQNR", lambda _, layer: "" if layer.sqnr_db is None else f"{layer.sqnr_db:.1f} dB"))
    return [*found, _share(report.layers, of if unit else lambda layer: layer.macs, bar_columns)]


def _counted(report: RunReport) -> tuple[str | None, Callable[[LayerFacts], int | None]]:
    """What the board counted layer by layer: cycles, else instructions, else nothing."""
    for unit in ("cycles", "instructions"):
        if any(getattr(layer, unit) is not None for layer in report.layers):
            return unit, attrgetter(unit)
    return None, lambda layer: None


def _share(layers: Sequence[LayerFacts], of: Callable[[LayerFacts], int | None], columns: int) -> _Column:
    """A bar and a percentage of the sum over all layers; the longest bar is the largest share."""
    values = [of(layer) or 0 for layer in layers]
    whole, largest = max(sum(values), 1), max([*values, 1])

    def cell(index: int, _: LayerFacts) -> str:
        return f"{values[index] / whole:>5.1%} [cyan]{bar(values[index] / largest, columns):<{columns}}[/]"

    return _Column("share", cell, is_text=True)


def _per_mac(value: int | None, macs: int) -> str:
    return f"{value / macs:.2f}" if value and macs else ""


def _facts(report: RunReport) -> list[tuple[str, str]]:
    from rich.markup import escape

    memory, per = report.memory, report.per_inference
    board = f"{report.target.board} ({report.target.core}), {report.toolchain.get('compiler', '')}"
    model = f"{report.model.name}, {report.model.parameters:,} parameters, {report.model.macs:,} MACs"
    facts = [("model", escape(model)), ("board", escape(board))]
    if report.accuracy:
        facts.append(("accuracy", _accuracy(report.accuracy, report.samples)))
    if report.bit_exact:
        facts.append(("bit-exact", _bit_exact(report.bit_exact)))
    if report.removal and report.removal.share:
        facts.append(("exact removal", f"{100 * report.removal.share:.1f} % of MACs removed, outputs identical"))
    macs = sum(layer.macs for layer in report.layers)
    if report.samples and per.macs_executed < macs:
        facts.append(("zero prediction", f"{1 - per.macs_executed / macs:.1%} of MACs left out, {per.macs_executed:,} executed"))
    if per.instructions is not None:
        facts.append(("instructions", f"{per.instructions:,} an inference, {per.instructions / max(macs, 1):.2f} a MAC"))
    if per.estimated_cycles is not None:
        facts.append(("estimated cycles", f"{per.estimated_cycles:,} by the timing table {report.target.cycle_model}"))
    stack = "not measured" if memory.stack_bytes is None else f"{memory.stack_bytes:,}"
    facts.append(("RAM", f"{memory.ram_bytes:,} bytes: arena {memory.arena_bytes:,}, scratch {memory.scratch_bytes:,}, stack {stack}"))
    facts.append(("flash", f"{memory.flash_bytes:,} bytes: weights {memory.weight_bytes:,}, code {memory.code_bytes:,}"))
    facts.append(("calibration", str(report.quantization.get("method"))))
    return facts


def _accuracy(accuracy: Accuracy, samples: int) -> str:
    if accuracy.metric == "sqnr_db":
        return f"SQNR {accuracy.target:.1f} dB against the float model on {samples:,} samples"
    parts = f"float {accuracy.float:.2%}, " if accuracy.float is not None else ""
    parts += f"int8 reference {accuracy.quantized:.2%}, " if accuracy.quantized is not None else ""
    return f"{parts}board {accuracy.target:.2%} (top-1 of {samples:,})"


def _bit_exact(exact: BitExact) -> str:
    if exact.equal:
        return f"[green]yes[/], {exact.compared:,} outputs equal the reference"
    first = exact.first_difference
    assert first is not None
    where = f"layer {first.layer} {first.layer_name!r}" if first.layer is not None else "output"
    return f"[red]NO[/]: sample {first.sample}, {where}, index {first.index}: reference {first.reference}, board {first.target}"


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"

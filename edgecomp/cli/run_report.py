"""A RunReport as a person reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgecomp.cli.terminal import report_table

if TYPE_CHECKING:
    from rich.console import Console

    from edgecomp.report import Accuracy, BitExact, RunReport


def print_report(report: RunReport, console: Console) -> None:
    """Print layers, then the totals."""
    from rich.markup import escape

    counts = report.per_inference.instructions is not None
    cycles = report.per_inference.estimated_cycles is not None
    headings = ["#", "layer", "operator", "kernel", "MACs"]
    skips = any(layer.macs_skipped for layer in report.layers)
    headings += ["left out"] if skips else []
    headings += ["instructions", "per MAC"] if counts else []
    headings += ["est. cycles"] if cycles else []
    headings += ["SQNR"] if any(layer.sqnr_db is not None for layer in report.layers) else []
    table = report_table(*headings)
    for heading in headings[4:]:
        table.columns[headings.index(heading)].justify = "right"
    for layer in report.layers:
        row = [str(layer.index), escape(layer.name), escape(layer.op), escape(layer.kernel), f"{layer.macs:,}"]
        if skips:
            row.append(f"{layer.macs_skipped / layer.macs:.1%}" if layer.macs else "")
        if counts:
            row += [_count(layer.instructions), f"{layer.instructions / layer.macs:.2f}" if layer.macs and layer.instructions else ""]
        if cycles:
            row.append(_count(layer.estimated_cycles))
        if "SQNR" in headings:
            row.append("" if layer.sqnr_db is None else f"{layer.sqnr_db:.1f} dB")
        table.add_row(*row)
    console.print(table)
    facts = report_table("", "")
    facts.show_header = False
    for name, text in _facts(report):
        facts.add_row(f"[bold]{name}[/]", text)
    console.print(facts)
    slow = [f"layer {layer.index} takes {layer.note}" for layer in report.layers if layer.note]
    for note in (*report.target.notes, *report.warnings, *slow):
        console.print(f"[dim]note: {escape(note)}[/]")


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

"""`edgecomp skip`: find products that need not be computed, within a loss of accuracy."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from edgecomp.cli.model_options import calibration_option, model_argument, open_model, preprocessing_of, quantized_model, select
from edgecomp.cli.options import json_option, preprocessing_options, sample_options, target_option, write_json

if TYPE_CHECKING:
    from edgecomp.skip.modes import Outcome

SCHEMA = "edgecomp.skip/1"
MODES = (
    *("auto", "exact", "uniform-layer", "uniform-filter", "uniform-patch", "max-granularity", "exhaustive-uniform-layer"),
    *("early-exact", "early-predictive", "perforated"),
)


def ones_range(text: str) -> tuple[int, int]:
    """Read `A:B`."""
    first, _, last = text.partition(":")
    if not first.isdecimal() or not last.isdecimal() or int(first) > int(last):
        raise click.BadParameter(f"{text!r} is not A:B, the least and most positions that a pattern computes, such as 1:3")
    return int(first), int(last)


def names(text: str) -> tuple[str, ...]:
    """Read `A,B,C`."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


@click.command("skip")
@model_argument
@target_option(required=False)
@sample_options
@preprocessing_options
@calibration_option
@click.option("--max-loss", type=click.FloatRange(0, 100), required=True, metavar="POINTS", help="Accuracy that may be lost, in points.")
@click.option("--mode", type=click.Choice(MODES), default="auto", show_default=True, help="What is searched; auto combines what pays.")
@click.option("--patch", type=click.Choice(["2", "3", "4"]), default="2", show_default=True, help="Side of a patch.")
@click.option("--ones-range", type=ones_range, metavar="A:B", help="How many positions a pattern may compute.")
@click.option(
    "--patterns", metavar="diagonal|LIST|FILE", help="Patterns to search, such as 1001,0110 (rows of a patch, one after another)."
)
@click.option(
    "--granularity", type=click.IntRange(min=0), default=1, show_default=True, metavar="G", help="Side of a target in patches; 0: all."
)
@click.option("--top", type=click.IntRange(min=1), default=2, show_default=True, metavar="M", help="Candidates kept per stage.")
@click.option("--layers", type=names, default="", metavar="A,B", help="Layers to change: ONNX names, or indices among the convolutions.")
@click.option("--couple", type=names, multiple=True, metavar="A,B", help="Layers to optimise jointly; may be repeated.")
@click.option("--budget-seconds", type=click.FloatRange(min=1), default=600.0, show_default=True, help="Return the best found by then.")
@click.option(
    "--finetune", type=click.IntRange(min=0), default=0, metavar="EPOCHS", help="Train first, so that zeros are predictable (torch)."
)
@click.option("--train", "train_file", metavar="D.npz", help="Samples x and labels y for --finetune.")
@click.option("--records", metavar="FILE", help="Keep all records there; a search that was ended goes on from it.")
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="A Dask cluster that shares the work.")
@click.option(
    "--figures/--no-figures",
    default=None,
    help="Draw accuracy against work, and the masks, as OUT.front.png and OUT.masks.png. Default: if matplotlib is installed.",
)
@click.option("-o", "--output", required=True, metavar="OUT.onnx", help="The QDQ file with the rules in its metadata.")
@json_option
def command(
    model_file: str,
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
    target: str | None,
    data: str,
    calib: str | None,
    calib_samples: int | None,
    samples: int | None,
    layout: str | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    calibration: str,
    max_loss: float,
    mode: str,
    patch: str,
    ones_range: tuple[int, int] | None,
    patterns: str | None,
    granularity: int,
    top: int,
    layers: tuple[str, ...],
    couple: tuple[tuple[str, ...], ...],
    budget_seconds: float,
    finetune: int,
    train_file: str | None,
    records: str | None,
    scheduler: str | None,
    figures: bool | None,
    output: str,
    json_file: str | None,
) -> None:
    """Search what MODEL need not compute, within --max-loss points of accuracy, and write it as QDQ ONNX with the rules.

    The file runs dense in ONNX Runtime; `run` and `generate` follow the rules, bit for bit as the reference does. With --target the
    search saves instructions of that board, measured on it; without, products. Half of the data choose, the other half judge: give data
    that the network was not trained on, or the loss will look smaller than it is.

    \b
    Examples:
      edgecomp skip cnn.onnx --data val.npz --max-loss 1.0 --target qemu_cortex_m4 -o cnn.skip.onnx
      edgecomp skip cnn.onnx --data val.npz --max-loss 0 --mode exact --target qemu_rv32imc -o cnn.skip.onnx
      edgecomp skip cnn.onnx --data val.npz --max-loss 1.0 --mode uniform-layer --patterns diagonal -o cnn.skip.onnx
      edgecomp skip cnn.onnx --data val.npz --max-loss 1.0 --finetune 3 --train train.npz --target qemu_cortex_m4 -o cnn.skip.onnx
    """
    from edgecomp.artifacts import write_atomically
    from edgecomp.cli.terminal import stages
    from edgecomp.errors import DataError
    from edgecomp.skip.figures import require_matplotlib
    from edgecomp.skip.modes import Wanted, search
    from edgecomp.skip.search.patterns import parse_patterns
    from edgecomp.target import load_target

    if figures:
        require_matplotlib()
    if bool(finetune) != bool(train_file):
        raise DataError("--finetune and --train belong together: give the epochs and the samples to train on")
    if finetune:
        from edgecomp.train.installation import require_torch

        require_torch()
    board = load_target(target) if target else None
    side = int(patch)
    wanted = Wanted(
        mode=mode,
        max_loss_points=max_loss,
        samples=samples,
        seconds=budget_seconds,
        patch=side,
        ones_range=ones_range,
        patterns=parse_patterns(patterns, side) if patterns else None,
        granularity=granularity,
        top=top,
        layers=layers,
        couple=couple,
        records=records,
        scheduler=scheduler,
    )
    model = open_model(model_file, shapes)
    preprocessing = preprocessing_of(model, layout, mean, std)
    selection = select(model, data, calib, calib_samples, None)
    quantize = partial(quantized_model, preprocessing=preprocessing, selection=selection, calibration=calibration)
    say = partial(click.echo, err=True)
    with stages() as watch:
        if train_file:
            from edgecomp.data.samples import load_samples
            from edgecomp.skip.tuning import apart, search_finetuned

            rows = apart(selection.x, selection.y, *load_samples(train_file))
            outcome = search_finetuned(model, quantize, rows, finetune, board, wanted, watch, say)
        else:
            outcome = search(quantize(model), selection.x, selection.y, board, wanted, watch, say)
    write_atomically(output, outcome.quantized.to_onnx())
    document = _document(outcome, target, output)
    document["figures"] = _figures(outcome, output, figures)
    write_json(json_file, document)
    _print(outcome, document, json_file)


def _figures(outcome: Outcome, output: str, wanted: bool | None) -> list[str]:
    """Paths of the pictures; none where they are not wanted, or not asked for and matplotlib is missing."""
    from importlib.util import find_spec
    from pathlib import Path

    if wanted is False or (wanted is None and find_spec("matplotlib") is None):
        return []
    from edgecomp.skip.figures import draw

    return [str(path) for path in draw(outcome, Path(output).with_suffix(""))]


def _document(outcome: Outcome, target: str | None, output: str) -> dict[str, Any]:
    from dataclasses import asdict

    costs = outcome.costs
    return {
        "schema": SCHEMA,
        "mode": outcome.mode,
        "model": {"name": outcome.quantized.model.name, "sha256": outcome.quantized.model.sha256},
        "target": target,
        "output": output,
        "accuracy": {"dense": outcome.accuracy_dense, "skip": outcome.accuracy_skip, "split": outcome.split},
        "macs": {"dense": outcome.macs_dense, "executed": round(outcome.macs_executed)},
        "objective": {
            "unit": outcome.unit,
            "dense": costs.total if costs else None,
            "why_macs": costs.why_macs if costs else None,
            "board": costs.board if costs else None,
        },
        "layers": [asdict(layer) for layer in outcome.layers],
        "front": [{"cost": cost, "loss_points": loss} for cost, loss in outcome.front],
        "evaluations": outcome.evaluations,
        "seconds": round(outcome.seconds, 1),
    }


def _print(outcome: Outcome, document: dict[str, Any], json_file: str | None) -> None:
    from rich.markup import escape

    from edgecomp.cli.terminal import report_console, report_table

    console = report_console(json_file)
    table = report_table("layer", "left out", "false zeros", "rule", "threshold", "kernel")
    for layer in outcome.layers:
        rates = (f"{layer.zero_rate:.1%}", f"{layer.false_zero_rate:.2%}") if layer.enabled else ("", "")
        rule = escape(layer.mask or "") if layer.enabled else f"[dim]dense: {escape(layer.reason or '')}[/]"
        table.add_row(escape(layer.name), *rates, rule, escape(layer.threshold or ""), escape(layer.kernel))
    console.print(table)
    saved = 1.0 - outcome.macs_executed / max(outcome.macs_dense, 1)
    console.print(f"MACs: {outcome.macs_executed:,.0f} of {outcome.macs_dense:,} executed, {saved:.1%} left out")
    lost = 100 * (outcome.accuracy_dense - outcome.accuracy_skip)
    console.print(f"accuracy: dense {outcome.accuracy_dense:.2%}, with rules {outcome.accuracy_skip:.2%} ({lost:+.2f} points lost)")
    console.print(f"[dim]{escape(outcome.split)}; {outcome.evaluations} evaluations in {outcome.seconds:.0f} s[/]")
    if outcome.costs and outcome.costs.why_macs and document["target"]:
        console.print(f"[yellow]searched for MACs, not instructions:[/] {escape(outcome.costs.why_macs)}")
    console.print(f"wrote {escape(', '.join([document['output'], *document['figures']]))}")

"""`edgecomp compress`: a trained network becomes a smaller one that stays dense."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgecomp.cli.model_options import model_argument, open_model, preprocessing_of
from edgecomp.cli.options import json_option, preprocessing_options, write_json

if TYPE_CHECKING:
    from edgecomp.compress.goals import Trial
    from edgecomp.compress.job import Samples
    from edgecomp.compress.recipe import Step
    from edgecomp.compress.run import Bench, Compressed, Orders
    from edgecomp.data.samples import Preprocessing
    from edgecomp.pipeline import Model
    from edgecomp.target import Target

SCHEMA = "edgecomp.compress/1"
SHARE = click.FloatRange(0, 1, min_open=True)


def assignment(text: str) -> tuple[str, str]:
    """Read `NAME=VALUE`."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE")
    return name, value


class MethodList(click.Command):
    """The command, with the methods and their options at the end of its help."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from edgecomp.compress.registry import METHODS

        with formatter.section("Methods"):
            formatter.write_dl([(name, _described(entry)) for name, entry in METHODS.items()])


def _described(entry: Any) -> str:
    options = "; ".join(
        f"{name} ({option.help}{': ' + ', '.join(option.allowed) if option.allowed else ''}; default {option.default})"
        for name, option in entry.options.items()
    )
    return f"{entry.summary}. Options: {options}" if options else f"{entry.summary}."


@click.command("compress", cls=MethodList)
@model_argument
@click.option("--method", metavar="NAME", help="One method (see below). Without --method and --recipe a plan is made.")
@click.option("--option", "options", type=assignment, multiple=True, metavar="NAME=VALUE", help="An option of the method; repeatable.")
@click.option("--recipe", metavar="FILE.toml", help="Steps, one [[step]] after another: method, keep_macs, epochs, layers, ...")
@click.option("--keep-macs", type=SHARE, metavar="F", help="Share of the MACs that may remain, 0..1.")
@click.option("--keep-parameters", type=SHARE, metavar="F", help="Share of the parameters that may remain, 0..1.")
@click.option("--fit", metavar="BOARD", help="Make it fit this board's RAM and flash, and no smaller.")
@click.option("--max-loss", type=click.FloatRange(0, 100), metavar="POINTS", help="Accuracy that may be lost, in points: sizes are tried.")
@click.option(
    "--epochs", type=click.IntRange(min=0), default=3, show_default=True, help="Of each sub-problem and each fine-tuning; 0: none."
)
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), default=3e-3, show_default=True, help="Adam's at its highest.")
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same result on the same machine.")
@click.option("--layers", metavar="A,B", help="Layers that may change, by ONNX name. Default: all.")
@click.option("--data", required=True, metavar="TRAIN.npz", help="Samples x and classes y to train on; every tenth is set aside to judge.")
@click.option("--test", "test_file", metavar="TEST.npz", help="Samples x and classes y for the accuracy reported; they choose nothing.")
@preprocessing_options
@click.option("--target", metavar="BOARD", help="Report RAM, flash and estimated instructions on this board. Default: that of --fit.")
@click.option(
    "-o", "--output", required=True, metavar="OUT.onnx", help="The smaller network; checkpoints lie beside it until it is written."
)
@click.option("--figure", metavar="FILE.png", help="Draw accuracy against size there.")
@json_option
def command(
    model_file: str,
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
    method: str | None,
    options: tuple[tuple[str, str], ...],
    recipe: str | None,
    keep_macs: float | None,
    keep_parameters: float | None,
    fit: str | None,
    max_loss: float | None,
    epochs: int,
    learning_rate: float,
    seed: int,
    layers: str | None,
    data: str,
    test_file: str | None,
    layout: str | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    target: str | None,
    output: str,
    figure: str | None,
    json_file: str | None,
) -> None:
    """Make MODEL smaller with little loss of accuracy, and write it as float ONNX that runs wherever it did.

    The size is a share of MACs or parameters, what a board holds (--fit), or what a loss allows (--max-loss). A run that is stopped goes on
    where it was when the same command is given again. Methods that train need `pip install 'edgecomp[train]'`.

    \b
    Examples:
      edgecomp compress cnn.onnx --method thinet --keep-macs 0.5 --data train.npz --test test.npz -o small.onnx
      edgecomp compress cnn.onnx --method prune-filters-l1 --max-loss 1 --epochs 5 --data train.npz -o small.onnx
      edgecomp compress cnn.onnx --fit bluepill --data train.npz --test test.npz -o small.onnx
      edgecomp compress cnn.onnx --recipe steps.toml --data train.npz -o small.onnx --figure small.png
    """
    import shutil
    import time
    from functools import partial

    from edgecomp.artifacts import write_atomically
    from edgecomp.cli.terminal import stages
    from edgecomp.compress.report import document, draw
    from edgecomp.compress.run import Orders, bench
    from edgecomp.target import load_target

    started = time.monotonic()
    if figure:
        from edgecomp.skip.figures import require_matplotlib

        require_matplotlib()
    board = load_target(fit) if fit else None
    shown = load_target(target) if target else board
    steps = _steps(method, options, recipe)
    model = open_model(model_file, shapes)
    graph = _float_graph(model)
    preprocessing = preprocessing_of(model, layout, mean, std)
    samples = _samples(model, preprocessing, data)
    test = _samples(model, preprocessing, test_file) if test_file else None
    checkpoints = Path(output).with_suffix(".checkpoints")
    named = None if layers is None else tuple(part.strip() for part in layers.split(",") if part.strip())
    orders = Orders(keep_macs, keep_parameters, epochs, learning_rate, seed, named, checkpoints)
    with stages() as watch:
        made = bench(graph, samples, watch, partial(click.echo, err=True))
        steps, result, trials = _compress(made, steps, orders, board, max_loss)
        accuracy = _accuracy(test, made, result)
    write_atomically(output, _artifact(result, model, preprocessing))
    shutil.rmtree(checkpoints, ignore_errors=True)
    facts = {
        "schema": SCHEMA,
        "method": "+".join(step.method for step in steps),
        "model": {"name": model.name, "sha256": model.sha256},
        "output": output,
        **document(graph, result, accuracy, trials, shown),
        "recipe": [_written(step) for step in steps],
        "split": f"{len(made.train)} rows of {data} trained, {len(made.judge)} chose; accuracy on {test_file or 'no test data'}",
        "epochs": epochs,
        "seed": seed,
        "figure": str(draw(made.reference, result, trials, Path(figure))) if figure else None,
        "seconds": round(time.monotonic() - started, 1),
    }
    write_json(json_file, facts)
    _print(facts, json_file)


def _steps(method: str | None, options: tuple[tuple[str, str], ...], recipe: str | None) -> tuple[Step, ...] | None:
    """The steps asked for; None where a plan is wanted.

    Raises:
        DataError: the options contradict one another.
    """
    from edgecomp.compress.recipe import read_recipe, step
    from edgecomp.errors import DataError

    if method and recipe:
        raise DataError("--method and --recipe exclude one another: write the method as a [[step]] of the recipe")
    if options and not method:
        raise DataError("--option belongs to --method; in a recipe it is a key of its step")
    if recipe:
        return read_recipe(recipe)
    return (step({**dict(options), "method": method}, "--method"),) if method else None


def _float_graph(model: Model) -> Any:
    from edgecomp.errors import UnsupportedError

    if model.is_quantized:
        raise UnsupportedError(
            f"{model.path}: is quantized, and integers are not compressed: give the float model, and quantize the result"
        )
    if len(model.graph.inputs) != 1:
        raise UnsupportedError(f"{model.path}: has {len(model.graph.inputs)} inputs {list(model.graph.inputs)}; data can be given for one")
    return model.simplified


def _samples(model: Model, preprocessing: Preprocessing, file: str) -> Samples:
    """Rows as the network reads them.

    Raises:
        DataError: they do not fit the network.
    """
    from edgecomp.compress.job import Samples, checked_classes
    from edgecomp.data.samples import load_samples

    x, y = load_samples(file)
    found = Samples(preprocessing.apply(x, model.input_shape, source=file), y)
    checked_classes(model.simplified, found, file)
    return found


def _compress(
    made: Bench, steps: tuple[Step, ...] | None, orders: Orders, board: Target | None, max_loss: float | None
) -> tuple[tuple[Step, ...], Compressed, tuple[Trial, ...]]:
    """The steps that were made, the result, and the sizes that were tried on the way."""
    from edgecomp.compress.goals import fitting, wanted, within_loss
    from edgecomp.compress.planner import planned

    chosen = planned(made, orders, board, max_loss) if steps is None else steps
    if board is not None:
        goal = fitting(made, chosen, orders, board)
        chosen, orders = goal.steps, goal.orders
    if max_loss is not None:
        result, trials = within_loss(made, wanted(chosen, orders), max_loss)
        return chosen, result, trials
    return chosen, made.run(chosen, orders), ()


def _accuracy(test: Samples | None, made: Bench, result: Compressed) -> tuple[float, float] | None:
    from edgecomp.compress.judge import accuracy

    if test is None or test.y is None:
        return None
    return accuracy(made.original, test), accuracy(result.graph, test)


def _artifact(result: Compressed, model: Model, preprocessing: Preprocessing) -> bytes:
    """The file: checked, with what turns data into its input."""
    import json
    from dataclasses import replace

    from onnx import checker

    from edgecomp.frontend.onnx_export import to_model
    from edgecomp.pipeline import PREPROCESSING_KEY

    metadata = {**result.graph.metadata, PREPROCESSING_KEY: json.dumps(preprocessing.to_dict(), sort_keys=True)}
    written = to_model(replace(result.graph, metadata=metadata, name=model.name))
    checker.check_model(written, full_check=True)
    serialized: bytes = written.SerializeToString(deterministic=True)
    return serialized


def _written(step: Step) -> dict[str, Any]:
    from dataclasses import asdict

    return {name: value for name, value in asdict(step).items() if value is not None}


def _print(facts: dict[str, Any], json_file: str | None) -> None:
    from rich.markup import escape

    from edgecomp.cli.terminal import report_console, report_table

    console = report_console(json_file)
    table = report_table("layer", "operator", "width", "MACs", "parameters")
    for layer in facts["layers"]:
        table.add_row(escape(layer["name"]), layer["op"], *(_change(layer[what]) for what in ("width", "macs", "parameters")))
    console.print(table)
    for what, name in (("macs", "MACs"), ("parameters", "parameters")):
        pair = facts[what]
        console.print(f"{name}: {pair['before']:,} -> {pair['after']:,} ({pair['after'] / max(pair['before'], 1):.1%} left)")
    board = facts["board"]
    if board:
        sizes = ", ".join(f"{name} {_change(board[key])} bytes" for key, name in (("ram_bytes", "RAM"), ("flash_bytes", "flash")))
        console.print(f"{escape(board['name'])}: {sizes}, estimated instructions {_change(board['estimated_instructions'])}")
    judged, tested = facts["judged"]["accuracy"], facts["accuracy"]
    for name, pair in (("on the judging rows", judged), ("on the test data", tested)):
        if pair["before"] is not None:
            lost = 100 * (pair["before"] - pair["after"])
            console.print(f"accuracy {name}: {pair['before']:.2%} -> {pair['after']:.2%} ({lost:+.2f} points lost)")
    console.print(f"[dim]{escape(facts['split'])}; {facts['seconds']:.0f} s[/]")
    console.print(f"wrote {escape(', '.join(str(path) for path in (facts['output'], facts['figure']) if path))}")


def _change(pair: dict[str, int | None]) -> str:
    before, after = (None if pair[when] is None else f"{pair[when]:,}" for when in ("before", "after"))
    if before == after:
        return str(before or "")
    return f"{before or 'new'} -> {after or 'gone'}"

"""`edgecomp run`: generate, build, run, verify, measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from edgecomp.cli.model_options import (
    calibration_option,
    model_argument,
    open_model,
    optimize_option,
    preprocessing_of,
    quantized_model,
    select,
)
from edgecomp.cli.options import json_option, preprocessing_options, sample_options, target_option, write_json

if TYPE_CHECKING:
    from edgecomp.pipeline import QuantizedModel
    from edgecomp.report import RunReport
    from edgecomp.target import Target

ENGINES = ("edgecomp", "tvm")


@click.command("run")
@model_argument
@target_option(required=True)
@sample_options
@preprocessing_options
@calibration_option
@optimize_option
@click.option("--outputs", metavar="FILE.npz", help="Write index, target, target_float and float, one row a sample.")
@click.option("--timeout-s", type=click.FloatRange(min=0.1), default=300.0, show_default=True, help="Longest time for one sample.")
@click.option("--profile-samples", type=click.IntRange(min=0), default=5, show_default=True, help="Samples that are profiled.")
@click.option("--sanitize", is_flag=True, help="Build with address and undefined-behaviour sanitizers (host only).")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="edgecomp",
    show_default=True,
    help="With tvm the float model is compiled by Apache TVM, run too, and compared.",
)
@click.option(
    "--transport",
    type=click.Choice(("semihosting", "serial")),
    help="How samples reach the board; by default the first way it has.",
)
@click.option(
    "--port",
    "ports",
    multiple=True,
    metavar="URL",
    help="Serial line: /dev/ttyACM0, socket://HOST:PORT, rfc2217://HOST:PORT or another pyserial URL; several share the samples. "
    "Default: from the hardware map.",
)
@click.option("--map", "map_file", metavar="FILE", help="Hardware map; default: ./boards.toml, then the user's own.")
@click.option("--baud", type=click.IntRange(min=1), help="Speed of the serial line; the firmware is built for it.  [default: the board's]")
@click.option("--emulate", is_flag=True, help="Run a real board's image in the QEMU machine that models it.")
@click.option("--build-only", is_flag=True, help="Stop before running: sizes only.")
@json_option
def command(
    model_file: str,
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
    target: str,
    data: str,
    calib: str | None,
    calib_samples: int | None,
    samples: int | None,
    layout: str | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    calibration: str,
    optimize: str,
    outputs: str | None,
    timeout_s: float,
    profile_samples: int,
    sanitize: bool,
    engine: str,
    transport: str | None,
    ports: tuple[str, ...],
    map_file: str | None,
    baud: int | None,
    emulate: bool,
    build_only: bool,
    json_file: str | None,
) -> None:
    """Run MODEL on a board over data, verify every output bit against the reference, and report.

    A float model is quantized on the way. Exit code 1 if a single bit differs.

    \b
    Examples:
      edgecomp run examples/digits/digits.onnx --target qemu_cortex_m4 --data digits.npz --layout nhwc --std 16
      edgecomp run digits.qdq.onnx --target qemu_rv32imc --data digits.npz --samples 20 --json run.json
      edgecomp run digits.onnx --target qemu_cortex_m4 --data digits.npz --engine tvm
      edgecomp run digits.qdq.onnx --target nucleo_f446re --data digits.npz --port /dev/ttyACM0
      edgecomp run digits.qdq.onnx --target stm32f405 --data digits.npz --emulate
    """
    from edgecomp.cli.comparison import print_comparison
    from edgecomp.cli.run_report import print_report
    from edgecomp.cli.terminal import progress, report_console
    from edgecomp.errors import RunError
    from edgecomp.run import Connection
    from edgecomp.target import load_target
    from edgecomp.verify import RunOptions

    if engine == "tvm":
        from edgecomp.tvm.installation import require_tvm

        require_tvm()
    board = load_target(target)
    if board.runner == "serial" and not (ports or emulate or build_only):
        ports, baud = _mapped(board, map_file, baud)
    board = _reached(board, transport, ports, baud, emulate)
    model = open_model(model_file, shapes)
    preprocessing = preprocessing_of(model, layout, mean, std)
    selection = select(model, data, calib, calib_samples, samples)
    quantized = quantized_model(model, preprocessing, selection, calibration)
    over = "serial" if ports else transport
    connection = Connection(ports[0] if ports else None, emulate, ports[1:])
    options = RunOptions(optimize, timeout_s, profile_samples, sanitize, build_only, progress, over, connection)
    run_baseline = _baseline(quantized) if engine == "tvm" else None
    given: dict[str, Any] = {"index": selection.index, "source": selection.source, "options": options}
    report = quantized.run(board, selection.x, selection.y, classes=selection.classes, **given)
    if run_baseline:
        report = replace(report, baseline=run_baseline(board, selection.x, selection.y, **given))
    if outputs:
        _write_outputs(outputs, report)
    write_json(json_file, report.to_json())
    console = report_console(json_file)
    print_report(report, console)
    if report.baseline:
        print_comparison(report, report.baseline, console)
    if report.bit_exact and not report.bit_exact.equal:
        raise RunError(f"{board.name} computes other bits than the reference; see the first difference above")


def _mapped(board: Target, map_file: str | None, baud: int | None) -> tuple[tuple[str, ...], int | None]:
    """Where the hardware map has boards of this kind, and the speed of their lines; nothing where it has none.

    Raises:
        TargetError: the map is out of form, or has boards of one kind at different speeds.
    """
    from edgecomp.boards.connected import find_places
    from edgecomp.boards.hardware_map import line_speed

    places = find_places(board.name, map_file)
    return tuple(place.port for place in places), baud or (line_speed(places, board.serial_baud) if places else None)


def _reached(board: Target, transport: str | None, ports: tuple[str, ...], baud: int | None, emulate: bool) -> Target:
    """The board at the speed that is wanted; options that contradict each other end here."""
    from edgecomp.errors import TargetError

    if ports and emulate:
        raise TargetError("--port names a board and --emulate an emulator in its place: give one of them")
    wants_line = [name for name, given in (("--port", ports), ("--baud", baud)) if given]
    if wants_line and transport not in (None, "serial"):
        raise TargetError(f"{wants_line[0]} is for the serial line: leave out --transport {transport}")
    if wants_line and "serial" not in board.transports:
        raise TargetError(f"board {board.name} has no serial line: leave out {wants_line[0]}")
    if emulate and board.runner != "serial":
        raise TargetError(f"board {board.name} is no real board: leave out --emulate")
    return replace(board, serial_baud=baud) if baud else board


def _baseline(quantized: QuantizedModel) -> Callable[..., RunReport]:
    """`quantized.run` for what TVM makes of the float model; it is compiled at once, so that a model TVM cannot take ends here."""
    from edgecomp.tvm.baseline import compile_baseline, run

    return partial(run, quantized, compiled=compile_baseline(quantized))


def _write_outputs(path: str, report: RunReport) -> None:
    import io

    import numpy as np

    from edgecomp.artifacts import write_atomically

    found = report.outputs
    if found is None:
        return
    arrays: dict[str, Any] = {"index": found.index, "target": found.target, "target_float": found.target_float, "float": found.float}
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    write_atomically(path, stream.getvalue())

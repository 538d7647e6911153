"""`edgecomp flash`: put the firmware that speaks over a serial line onto a board."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgecomp.cli.model_options import calibration_option, model_argument, optimize_option
from edgecomp.cli.options import json_option, preprocessing_options, target_option, write_json
from edgecomp.cli.terminal import report_console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from edgecomp.boards.hardware_map import MappedBoard
    from edgecomp.target import Target

SCHEMA = "edgecomp.flash/1"
ELF_MAGIC = b"\x7fELF"


@click.command("flash")
@model_argument
@target_option(required=True)
@click.option("--port", metavar="URL", help="Serial port, where flashing needs it. Default: from the hardware map.")
@click.option(
    "--baud", type=click.IntRange(min=1), help="Speed of the serial line, for which the firmware is built.  [default: the board's]"
)
@click.option("--probe", metavar="ID", help="Debug probe by its serial number. Default: from the hardware map.")
@click.option("--map", "map_file", metavar="FILE", help="Hardware map; default: ./boards.toml, then the user's own.")
@click.option("-o", "--output", metavar="DIR", help="Keep the firmware and its images in this folder.")
@click.option("--image", metavar="FILE", help="Write the image to FILE (.elf, .bin, .hex or .uf2) and do not flash.")
@click.option("--dry-run", is_flag=True, help="Print the command that would flash, and build nothing.")
@click.option("--data", metavar="FILE.npz", help="Samples x [N, ...]; a float model is calibrated on its first rows.")
@click.option("--calib", metavar="FILE.npz", help="Calibrate on this file instead.")
@click.option("--calib-samples", type=click.IntRange(min=1), metavar="N", help="Calibrate on the first N rows. Default: 200.")
@preprocessing_options
@calibration_option
@optimize_option
@json_option
def command(
    model_file: str,
    target: str,
    port: str | None,
    baud: int | None,
    probe: str | None,
    map_file: str | None,
    output: str | None,
    image: str | None,
    dry_run: bool,
    json_file: str | None,
    **model_options: Any,
) -> None:
    """Build MODEL for a board's serial line and write it to the board; MODEL may be a firmware.elf that is built already.

    The program that writes is the one board.toml names in [flash]: pyOCD, OpenOCD, picotool, esptool, west or any other. Where the
    hardware map has several boards of the kind, all are written. Afterwards `edgecomp run MODEL --target BOARD --port PORT` talks to it.

    \b
    Examples:
      edgecomp flash digits.qdq.onnx --target nucleo_f446re
      edgecomp flash digits.qdq.onnx --target esp32c3_devkit --port /dev/ttyUSB0
      edgecomp flash digits.qdq.onnx --target rp2040_pico --image digits.uf2
    """
    from dataclasses import replace

    from edgecomp.boards.hardware_map import line_speed
    from edgecomp.target import load_target

    if image and dry_run:
        raise click.UsageError("--image and --dry-run exclude each other: the first builds and writes a file, the second does neither")
    board = load_target(target)
    places = _places(board, map_file, port, probe)
    board = replace(board, serial_baud=baud or line_speed(places, board.serial_baud))
    given = Path(model_file) if _is_elf(Path(model_file)) else None
    with _folder(output) as folder:

        def firmware() -> Path:
            return given or _build(model_file, board, folder, model_options)

        if image:
            _write_image(firmware(), board, Path(image))
            done: dict[str, Any] = {"image": image, "commands": []}
        else:
            done = {"image": None, "commands": _flash(board, given or folder / "firmware.elf", places, None if dry_run else firmware)}
    write_json(json_file, {"schema": SCHEMA, "board": board.name, "flashed": not image and not dry_run, **done})
    console = report_console(json_file)
    for line in done["commands"] if dry_run else []:
        console.print(line, markup=False, soft_wrap=True)
    if image:
        console.print(f"wrote {image}", markup=False)
    elif not dry_run:
        count = f"{len(places)} boards {board.name} run" if len(places) > 1 else f"{board.name} runs"
        console.print(f"{count} the firmware of {model_file}", markup=False)


def _flash(board: Target, elf: Path, places: Sequence[MappedBoard], firmware: Callable[[], Path] | None) -> list[str]:
    """Build by `firmware` and write it to the boards at `places`, one after the other; only say the commands where it is None."""
    from edgecomp.boards.flashing import find_program, flash, plan_flashing
    from edgecomp.cli.terminal import progress

    plans = [plan_flashing(board, elf, place.port, place.probe) for place in places]
    if firmware:
        find_program(plans[0])  # before minutes go into a build
        firmware()
        with progress("flashing") as report:
            for done, plan in enumerate(plans, start=1):
                flash(plan)
                report(done, len(plans))
    return [str(plan) for plan in plans]


def _folder(output: str | None) -> AbstractContextManager[Path]:
    from contextlib import contextmanager
    from tempfile import TemporaryDirectory

    @contextmanager
    def kept(path: Path) -> Iterator[Path]:
        path.mkdir(parents=True, exist_ok=True)
        yield path

    @contextmanager
    def temporary() -> Iterator[Path]:
        with TemporaryDirectory(prefix="edgecomp-flash-") as name:
            yield Path(name)

    return kept(Path(output)) if output else temporary()


def _is_elf(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(len(ELF_MAGIC)) == ELF_MAGIC
    except OSError:
        return False  # reading it as a model says what is wrong


def _places(board: Target, map_file: str | None, port: str | None, probe: str | None) -> list[MappedBoard]:
    """The boards to write: the one that the options name, with what the map knows of it, else all of this kind in the map."""
    from edgecomp.boards.hardware_map import MappedBoard, find_map

    mapped = find_map(map_file).of(board.name)
    if not port and not probe:
        return list(mapped) or [MappedBoard(board.name, "")]
    known = [each for each in mapped if port in (None, each.port) and probe in (None, each.probe)]
    return known[:1] or [MappedBoard(board.name, port or "", probe or "")]


def _build(model_file: str, board: Target, folder: Path, options: dict[str, Any]) -> Path:
    from edgecomp.build import build
    from edgecomp.cli.model_options import open_model, preprocessing_of, quantized_model, select
    from edgecomp.cli.terminal import progress
    from edgecomp.emit import emit

    model = open_model(model_file, options["shapes"])
    preprocessing = preprocessing_of(model, options["layout"], options["mean"], options["std"])
    source = options["data"] or options["calib"]
    wanted = source and not model.is_quantized
    selection = select(model, source, options["calib"], options["calib_samples"], None) if wanted else None
    quantized = quantized_model(model, preprocessing, selection, options["calibration"])
    sources = emit(quantized.plan(board, options["optimize"]))
    with progress("building") as report:
        return build(sources, board, folder, progress=report, transport="serial", optimize=options["optimize"]).elf


def _write_image(elf: Path, board: Target, file: Path) -> None:
    from edgecomp.artifacts import write_atomically
    from edgecomp.boards.flashing import IMAGE_FORMS, image_content
    from edgecomp.boards.images import read_image
    from edgecomp.errors import OutputError

    form = file.suffix.removeprefix(".")
    if form == "elf":
        write_atomically(file, elf.read_bytes())
    elif form in IMAGE_FORMS:
        write_atomically(file, image_content(read_image(elf), form, board))
    else:
        allowed = ", ".join(f".{name}" for name in ("elf", *IMAGE_FORMS))
        raise OutputError(f"--image {file}: unknown kind of image {file.suffix!r}; allowed: {allowed}")

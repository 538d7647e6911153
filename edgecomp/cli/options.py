"""Options that several commands share, each a decorator, and the JSON file that every command can write."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from edgecomp.data.samples import Preprocessing

Command = TypeVar("Command", bound=Callable[..., Any])

LAYOUTS = ("nhwc", "nchw")


class NamingGroup(click.Group):
    """A group that answers an unknown or missing sub-command with the names there are."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        names = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in names:
            raise click.UsageError(f"no command {args[0]!r}: must be one of {', '.join(names)}", ctx)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not self.invoke_without_command:
            raise click.UsageError(f"no command given: must be one of {', '.join(self.list_commands(ctx))}", ctx)
        return super().parse_args(ctx, args)


def number_list(text: str) -> tuple[float, ...]:
    """Read `127.5` or `123.675,116.28,103.53`: one number, or one a channel."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is neither a number nor numbers separated by commas") from None


def json_option(command: Command) -> Command:
    """`--json FILE`, passed as `json_file: str | None`; hand it to `write_json`."""
    return click.option("--json", "json_file", metavar="FILE", help="Also write the result as JSON to FILE; - for standard output.")(
        command
    )


def target_option(*, required: bool) -> Callable[[Command], Command]:
    """`--target BOARD`, passed as `target: str` (None where not required and not given); hand it to `edgecomp.target.load_target`."""
    return click.option(
        "--target", metavar="BOARD", required=required, help="Board by name (see `edgecomp boards`) or the path of a board folder."
    )


def input_shape(text: str) -> tuple[str, tuple[int, ...]]:
    """Read `images=1,3,32,32`: the name of an input and its dimensions, all positive."""
    name, _, dimensions = text.rpartition("=")
    sizes = dimensions.split(",")
    if not name or not all(size.isdecimal() and int(size) for size in sizes):
        raise click.BadParameter(f"{text!r} is not NAME=N,N,...: the name of an input and its dimensions, each 1 or more")
    return name, tuple(int(size) for size in sizes)


def shape_option(command: Command) -> Command:
    """`--shape NAME=N,N,...`, repeatable, passed as `shapes`, pairs of name and dimensions; `load` takes `dict(shapes)`."""
    return click.option(
        "--shape", "shapes", type=input_shape, multiple=True, metavar="NAME=N[,N...]", help="Fix an input's open dimensions; once an input."
    )(command)


def preprocessing_options(command: Command) -> Command:
    """`--layout`, `--mean` and `--std`, passed under these names, None where not given; see `chosen_preprocessing`."""
    for option in (
        click.option("--std", type=number_list, metavar="S[,S...]", help="Divide by it: one number, or one a channel. Default 1."),
        click.option("--mean", type=number_list, metavar="M[,M...]", help="Subtract it first: one number, or one a channel. Default 0."),
        click.option("--layout", type=click.Choice(LAYOUTS), help="Order of axes in the data; nhwc is channels last."),
    ):
        command = option(command)
    return command


def sample_options(command: Command) -> Command:
    """`--data`, `--calib`, `--calib-samples` and `--samples`: the arguments of `edgecomp.data.samples.select_samples`."""
    count = click.IntRange(min=1)
    for option in (
        click.option("--samples", type=count, metavar="N", help="Use the first N rows that remain after calibration. Default: all."),
        click.option(
            "--calib-samples", type=count, metavar="N", help="Calibrate on the first N rows. Default: 200, of --data at most half."
        ),
        click.option("--calib", metavar="FILE.npz", help="Calibrate on this file, not on the first rows of --data."),
        click.option("--data", required=True, metavar="FILE.npz", help="Samples: x [N, ...] and, for accuracy, y [N]."),
    ):
        command = option(command)
    return command


def chosen_preprocessing(
    layout: Any, mean: tuple[float, ...] | None, std: tuple[float, ...] | None, stored: "Preprocessing | None" = None
) -> "Preprocessing":
    """What the options say on top of what the model file has stored.

    Raises:
        DataError: a value is out of range.
    """
    from edgecomp.data.samples import Preprocessing

    return (stored or Preprocessing()).override(layout, mean, std)


def write_json(json_file: str | None, document: Mapping[str, Any]) -> None:
    """Write `document` to the file of `--json`, wholly or not at all; to standard output for `-`; nowhere for None.

    Numpy's numbers are written as plain ones.

    Raises:
        OutputError: the file cannot be written.
        ValueError: the document holds NaN or infinity, which JSON has no words for.
    """
    if json_file is None:
        return
    text = json.dumps(document, indent=2, allow_nan=False, default=_plain) + "\n"
    if json_file == "-":
        click.echo(text, nl=False)
        return
    from edgecomp.artifacts import write_atomically

    write_atomically(json_file, text)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")

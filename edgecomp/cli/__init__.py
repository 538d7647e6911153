"""The command line: `edgecomp COMMAND ...`.

A command is one file in this folder with a click command named `command` and one line in `COMMANDS`. It imports at its top only
what is cheap (click, `edgecomp.errors`); numpy, onnx, rich and the stages are imported where they are used, so that
`edgecomp --help` answers at once.
"""

import signal
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from edgecomp import __version__
from edgecomp.cli.options import NamingGroup
from edgecomp.errors import EdgecompError

COMMANDS = {
    "analyze": "edgecomp.cli.analyze",
    "compress": "edgecomp.cli.compress",
    "quantize": "edgecomp.cli.quantize",
    "skip": "edgecomp.cli.skip",
    "generate": "edgecomp.cli.generate",
    "run": "edgecomp.cli.run",
    "compare": "edgecomp.cli.compare",
    "report": "edgecomp.cli.report",
    "predict": "edgecomp.cli.predict",
    "flash": "edgecomp.cli.flash",
    "data": "edgecomp.cli.data",
    "boards": "edgecomp.cli.boards",
    "ops": "edgecomp.cli.ops",
    "doctor": "edgecomp.cli.doctor",
}
"""Command name -> the module that holds it, in the order `--help` shows."""

INTERRUPTED = 130
TERMINATED = 143


class CommandGroup(NamingGroup):
    """The commands of `COMMANDS`, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name]).command
        return command


@click.group(cls=CommandGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edgecomp")
@click.pass_context
def edgecomp(ctx: click.Context) -> None:
    """Turn a trained network in ONNX into verified int8 firmware for a microcontroller.

    \b
    Example:
      edgecomp data digits -o digits.npz
      edgecomp run examples/digits/digits.onnx --data digits.npz --target host
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> None:
    """The console script: run the command in sys.argv and exit."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code: 0, 1 on a user's error (one message on stderr), 130 on Ctrl-C.

    Anything else that goes wrong is a fault of edgecomp and keeps its traceback.
    """
    try:
        result = edgecomp.main(args=list(arguments), prog_name="edgecomp", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        return _fail(_usage_message(error))
    except EdgecompError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(_system_message(error))


def _fail(message: str) -> int:
    click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True)
    return 1


def _usage_message(error: click.ClickException) -> str:
    message = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    return f"{message} (see `{context.command_path} --help`)" if context else message


def _system_message(error: OSError) -> str:
    from edgecomp.artifacts import describe_os_error

    return f"{error.filename}: {describe_os_error(error)}" if error.filename else describe_os_error(error)

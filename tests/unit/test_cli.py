"""The frame of the command line: speed, help, errors, exit codes, JSON."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import numpy as np
import pytest

from edgecomp import cli
from edgecomp.cli.options import chosen_preprocessing, json_option, number_list, preprocessing_options, write_json
from edgecomp.cli.terminal import progress
from edgecomp.errors import DataError, EdgecompError, ModelError

HEAVY = ("numpy", "onnx", "onnxruntime", "rich", "jinja2", "serial")

Failing = Callable[[BaseException], None]


def leaf_commands() -> Iterator[tuple[list[str], click.Command]]:
    context = click.Context(cli.edgecomp)
    for name in cli.COMMANDS:
        command = cli.edgecomp.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from (([name, inner], command.commands[inner]) for inner in command.commands)
        else:
            yield [name], command


LEAVES = [" ".join(path) for path, _ in leaf_commands()]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Failing:
    """Makes `edgecomp fail` a command that raises the given exception."""

    def install(error: BaseException) -> None:
        @click.command("fail")
        def command() -> None:
            raise error

        module = ModuleType("failing_command")
        module.command = command  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "failing_command", module)
        monkeypatch.setitem(cli.COMMANDS, "fail", "failing_command")

    return install


def test_help_loads_nothing_heavy() -> None:
    probe = f"""
import sys
from edgecomp.cli import COMMANDS, execute
for name in ["--help", *COMMANDS]:
    assert execute([name, "--help"][-2 if name != "--help" else -1:]) == 0
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_bare_call_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.execute([]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in cli.COMMANDS)


@pytest.mark.parametrize("path", LEAVES)
def test_every_command_has_help_with_an_example_and_writes_json(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.execute([*path.split(), "--help"]) == 0
    said = capsys.readouterr().out
    assert f"edgecomp {path}" in re.split("Examples?:", said)[1]
    assert "--json FILE" in said


@pytest.mark.parametrize("error", [ModelError("m.onnx: is cut off"), DataError("d.npz: is empty"), EdgecompError("x")])
def test_users_errors_are_one_message(failing: Failing, capsys: pytest.CaptureFixture[str], error: EdgecompError) -> None:
    failing(error)
    assert cli.execute(["fail"]) == 1
    assert capsys.readouterr() == ("", f"error: {error}\n")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(28, "No space left on device", "out.npz"), 1, "error: out.npz: No space left on device: free some space"),
        (PermissionError(13, "Permission denied", "out.npz"), 1, "error: out.npz: Permission denied: choose a folder"),
    ],
)
def test_system_failures_are_one_message(
    failing: Failing, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, said: str
) -> None:
    failing(error)
    assert cli.execute(["fail"]) == code
    assert capsys.readouterr().err.strip().startswith(said)


def test_faults_of_our_own_keep_their_traceback(failing: Failing) -> None:
    failing(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        cli.execute(["fail"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nope"], ["nope", "data", "doctor"]),
        (["data"], ["no command given", "digits", "cifar10"]),
        (["data", "cifar100"], ["cifar100", "digits", "cifar10"]),
        (["data", "digits"], ["Missing option", "--output", "data digits --help"]),
        (["data", "digits", "-o", "x.npz", "--split", "half"], ["half", "'all'", "'train'", "'test'"]),
        (["data", "images", "--from", ".", "-o", "x.npz", "--size", "big"], ["big", "HEIGHTxWIDTH"]),
        (["boards", "--nope"], ["--nope", "boards --help"]),
    ],
)
def test_usage_errors_name_what_is_allowed(arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.execute(arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert len(said.splitlines()) == 1
    assert all(word in said for word in words), said


def test_console_script_and_module_run(tmp_path: Path) -> None:
    out = tmp_path / "x.npz"
    done = subprocess.run([sys.executable, "-m", "edgecomp", "data", "nope", "-o", out], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not out.exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_leave_nothing_half_written(tmp_path: Path, number: signal.Signals, code: int) -> None:
    probe = f"""
import os, sys, types
import click
from edgecomp import cli
from edgecomp.artifacts import open_atomically

@click.command("wait")
def command():
    with open_atomically("out.bin") as stream:
        stream.write(b"half")
        os.kill(os.getpid(), {number})
        stream.write(b"never")

sys.modules["waiting"] = types.SimpleNamespace(command=command)
cli.COMMANDS["wait"] = "waiting"
sys.argv = ["edgecomp", "wait"]
cli.main()
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def json_command(document: dict[str, Any]) -> Callable[[list[str]], None]:
    @click.command()
    @json_option
    def command(json_file: str | None) -> None:
        write_json(json_file, document)

    return lambda arguments: command.main(arguments, standalone_mode=False)


def test_json_goes_to_a_file_or_standard_output_or_nowhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = json_command({"count": np.int64(3), "part": np.float32(0.5), "shape": np.array([1, 2]), "none": None})
    wanted = {"count": 3, "part": 0.5, "shape": [1, 2], "none": None}
    command(["--json", str(tmp_path / "r.json")])
    assert json.loads((tmp_path / "r.json").read_text()) == wanted
    command(["--json", "-"])
    assert json.loads(capsys.readouterr().out) == wanted
    command([])
    assert capsys.readouterr().out == ""


def test_json_refuses_what_json_has_no_words_for(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        json_command({"loss": float("nan")})(["--json", str(tmp_path / "r.json")])
    assert list(tmp_path.iterdir()) == []


def test_boards_json_alone_is_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.execute(["boards", "--json", "-"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {"host", "qemu_cortex_m4", "qemu_rv32imc"} <= {board["name"] for board in document["boards"]}


def test_numbers_separated_by_commas() -> None:
    assert number_list("127.5") == (127.5,)
    assert number_list("1,2.5,-3") == (1.0, 2.5, -3.0)
    with pytest.raises(click.BadParameter, match="1;2"):
        number_list("1;2")


def test_options_go_on_top_of_what_the_model_stores() -> None:
    @click.command()
    @preprocessing_options
    def command(**options: Any) -> Any:
        return chosen_preprocessing(**options, stored=chosen_preprocessing("nhwc", (1.0,), (2.0,)))

    assert command.main([], standalone_mode=False) == chosen_preprocessing("nhwc", (1.0,), (2.0,))
    assert command.main(["--mean", "3,4"], standalone_mode=False) == chosen_preprocessing("nhwc", (3.0, 4.0), (2.0,))
    assert command.main(["--layout", "nchw"], standalone_mode=False) == chosen_preprocessing("nchw", (1.0,), (2.0,))


def test_progress_is_silent_away_from_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("working") as advance:
        advance(1, 2)
    assert capsys.readouterr() == ("", "")

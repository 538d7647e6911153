"""Boards on a desk: where they are, when a test skips, when they are flashed."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from edgecomp.errors import ToolError
from edgecomp.pytest_plugin.availability import places_of
from edgecomp.pytest_plugin.board import Board
from edgecomp.pytest_plugin.session import BoardSession
from edgecomp.pytest_plugin.settings import Settings
from edgecomp.target import Target, load_target
from tests.plugin.conftest import Inner

pytest_plugins = ["pytester"]

BOARD = "stm32f405"
ASKS = "def test_it(edgecomp_board):\n    pass\n"
NOTHING = Settings((), None, None, emulate=False, require=False, artifacts=None, runs=None, update=False)


def have(tool: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "no port: give --edgecomp-port stm32f405=PORT, --edgecomp-map FILE or --edgecomp-emulate"),
        (["--edgecomp-port", "nucleo_f446re=/dev/ttyACM0"], "no port"),
        (["--edgecomp-port", "/dev/not-there"], "not plugged in: /dev/not-there is not there"),
        (["--edgecomp-port", f"{BOARD}=/dev/not-there"], "not plugged in: /dev/not-there is not there"),
        (["--edgecomp-map", "desk.toml"], "not plugged in: /dev/of-the-map is not there"),
    ],
)
def test_a_board_that_is_not_there_skips(inner: Inner, pytester: pytest.Pytester, options: list[str], reason: str) -> None:
    have("arm-none-eabi-gcc")
    (pytester.path / "desk.toml").write_text(f'[[board]]\nname = "{BOARD}"\nport = "/dev/of-the-map"\n')
    done = inner(ASKS, "-rs", "--edgecomp-target", BOARD, *options)
    done.assert_outcomes(skipped=1)
    assert reason in done.stdout.str()
    inner(ASKS, "--edgecomp-require", "--edgecomp-target", BOARD, *options).assert_outcomes(errors=1)


def test_a_map_out_of_form_is_one_message(inner: Inner, pytester: pytest.Pytester) -> None:
    (pytester.path / "desk.toml").write_text("[[bord]]\n")
    done = inner(ASKS, "--edgecomp-target", BOARD, "--edgecomp-map", "desk.toml")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(['hardware map *desk.toml: has the key "bord"; allowed *'])


def test_ports_come_from_options_with_what_the_map_knows(tmp_path: Path) -> None:
    desk = tmp_path / "desk.toml"
    desk.write_text(
        f'[[board]]\nname = "{BOARD}"\nport = "/dev/a"\nprobe = "P1"\n'
        f'[[board]]\nname = "{BOARD}"\nport = "/dev/b"\n[[board]]\nname = "other"\nport = "/dev/c"\n'
    )
    target = load_target(BOARD)

    def places(*ports: tuple[str | None, str]) -> list[tuple[str, str]]:
        return [(place.port, place.probe) for place in places_of(target, replace(NOTHING, hardware_map=desk, ports=ports))]

    assert places() == [("/dev/a", "P1"), ("/dev/b", "")]
    assert places((None, "/dev/a"), (BOARD, "/dev/d"), ("other", "/dev/e")) == [("/dev/a", "P1"), ("/dev/d", "")]
    assert places_of(target, replace(NOTHING, hardware_map=desk, emulate=True)) == []
    assert places_of(load_target("qemu_cortex_m4"), replace(NOTHING, hardware_map=desk)) == []


def test_a_board_is_flashed_when_it_runs_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgecomp.boards.hardware_map import MappedBoard
    from edgecomp.run.serial.client import OtherImageError

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    log = tmp_path / "flashed.txt"
    script = tmp_path / "flash.py"
    script.write_text(f"import sys; open({str(log)!r}, 'a').write(sys.argv[1][-7:] + sys.argv[2] + chr(10))")
    target = replace(load_target(BOARD), flash_command=f"{sys.executable} {script} {{elf}} {{port}}")
    session = BoardSession.__new__(BoardSession)

    def run(port: str, image_id: str, board: Target = target, runs_another: int = 0) -> None:
        answers = [True] * runs_another

        def act() -> None:
            if answers and answers.pop():
                raise OtherImageError("another program")

        built = SimpleNamespace(firmware=SimpleNamespace(elf=tmp_path / f"{image_id}.elf", image_id=image_id))
        session.with_program(Board(board, MappedBoard(BOARD, port), "cycles", session), built, act)  # type: ignore[arg-type]

    for port, image_id in (("/dev/a", "one"), ("/dev/a", "one"), ("/dev/b", "one"), ("/dev/a", "two"), ("/dev/a", "one")):
        run(port, image_id)
    assert log.read_text().split() == ["one.elf/dev/a", "one.elf/dev/b", "two.elf/dev/a", "one.elf/dev/a"]
    run("/dev/a", "one", runs_another=1)
    assert len(log.read_text().split()) == 5
    with pytest.raises(OtherImageError):
        run("/dev/a", "one", runs_another=2)
    with pytest.raises(OtherImageError):
        run("/dev/a", "one", replace(target, flash_command=""), runs_another=1)
    with pytest.raises(ToolError, match="could not write stm32f405"):
        run("/dev/a", "two", replace(target, flash_command=f"{sys.executable} -c 'import sys; sys.exit(3)'"))
    run("/dev/a", "one")  # what a failed write left is not known
    assert len(log.read_text().split()) == 7


def test_one_worker_takes_all_tests_of_a_port(inner: Inner, pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    tests = """
@pytest.mark.parametrize("n", [1, 2])
def test_it(edgecomp_board, n, request):
    pass

def test_groups(request):
    print([[*mark.args] for item in request.session.items for mark in item.iter_markers("xdist_group")])
"""
    done = inner(tests, "-s", "--edgecomp-target", BOARD, "--edgecomp-target", "host", "--edgecomp-port", f"{BOARD}=/dev/a")
    assert f"[['edgecomp-{BOARD}'], ['edgecomp-{BOARD}']]" in done.stdout.str()

"""What the tests of a session share: settings, models made, files kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

import pytest

from edgecomp.artifacts import write_atomically
from edgecomp.cache import cache_folder
from edgecomp.errors import RunError, TargetError
from edgecomp.pytest_plugin.artifacts import Artifacts
from edgecomp.pytest_plugin.availability import SERIAL_RUNNER, counted, places_of, what_is_missing
from edgecomp.pytest_plugin.board import Board
from edgecomp.pytest_plugin.locks import lock_file, one_of
from edgecomp.pytest_plugin.result import Baselines
from edgecomp.pytest_plugin.settings import read_settings
from edgecomp.pytest_plugin.store import ModelStore
from edgecomp.run import Connection
from edgecomp.run.serial import OtherImageError, open_line
from edgecomp.target import load_target
from edgecomp.verify import Built, RunOptions

T = TypeVar("T")
PORT_RETURNS_S: Final = 15.0
"""Longest time a port may be away after its board was flashed."""


class BoardSession:
    """One test run's boards. `item` is the test that runs."""

    def __init__(self, config: pytest.Config) -> None:
        self.settings = read_settings(config)
        self.store = ModelStore()
        self.artifacts = Artifacts(self.settings.artifacts or _own_folder(config))
        self.item: pytest.Item | None = None

    @property
    def test(self) -> pytest.Item:
        """The test that runs."""
        assert self.item is not None, "a board is used outside of a test"
        return self.item

    @property
    def baselines(self) -> Baselines:
        """Of the test that runs."""
        return Baselines(self.test.path.parent, self.settings.update, self.settings.runs)

    @contextmanager
    def board(self, name: str) -> Iterator[Board]:
        """The board for the block; skips or fails the test where it is missing."""
        __tracebackhide__ = True
        target = load_target(name)
        try:
            places = places_of(target, self.settings)
        except TargetError as error:  # of the hardware map
            pytest.fail(str(error), pytrace=False)
        missing = what_is_missing(target, self.settings, places)
        if missing and self.settings.require:
            pytest.fail(missing, pytrace=False)
        if missing:
            raise pytest.skip.Exception(missing, _use_item_location=True)
        counts = counted(target, self.settings)
        if not places:
            yield Board(target, None, counts, self)
            return
        by_port = {place.port: place for place in places}
        with one_of(list(by_port)) as port:
            place = by_port[port]
            yield Board(replace(target, serial_baud=place.baud or target.serial_baud), place, counts, self)

    def run_options(self, board: Board) -> RunOptions:
        """How the board is reached."""
        emulate = self.settings.emulate and board.target.runner == SERIAL_RUNNER
        return RunOptions(transport=self.settings.transport, connection=Connection(board.port, emulate))

    def with_program(self, board: Board, built: Built, act: Callable[[], T]) -> T:
        """Do something with a program on a board, which is flashed where it runs another one.

        Raises:
            TargetError, ToolError: the program cannot be flashed.
            RunError: the board runs another program, and there is no command to flash it.
        """
        self._flash(board, built, forced=False)
        try:
            return act()
        except OtherImageError:  # flashed behind our back
            if not self._flash(board, built, forced=True):
                raise
            return act()

    def _flash(self, board: Board, built: Built, *, forced: bool) -> bool:
        """Put a program on a board on the desk, unless it was put there last; False where the board has no command for it."""
        from edgecomp.boards.flashing import flash, plan_flashing

        if board.place is None or not board.target.flash_command:
            return False
        noted = cache_folder("flashed") / lock_file(board.place.port).name
        if forced or not noted.exists() or noted.read_text() != built.firmware.image_id:
            noted.unlink(missing_ok=True)
            flash(plan_flashing(board.target, built.firmware.elf, board.place.port, board.place.probe or None))
            write_atomically(noted, built.firmware.image_id)
            _wait_for_port(board.place.port, board.target.serial_baud)
        return True

    def close(self) -> None:
        """Remove what was built."""
        self.store.close()


def _wait_for_port(port: str, baud: int) -> None:
    """Until the port of a board that was flashed is there again, for some leave with the reset; the next run tells if it stays away."""
    give_up_s = time.monotonic() + PORT_RETURNS_S
    while time.monotonic() < give_up_s:
        try:
            with open_line(port, baud):
                return
        except RunError:
            time.sleep(0.1)


def _own_folder(config: pytest.Config) -> Path:
    """Where pytest keeps the temporary files of the last runs."""
    factory: pytest.TempPathFactory = config._tmp_path_factory  # type: ignore[attr-defined]
    return factory.getbasetemp() / "edgecomp"

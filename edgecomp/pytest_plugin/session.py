"""What the tests of a session share: settings, models made, files kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgecomp.artifacts import write_atomically
from edgecomp.cache import cache_folder
from edgecomp.errors import TargetError
from edgecomp.pytest_plugin.artifacts import Artifacts
from edgecomp.pytest_plugin.availability import counted, places_of, what_is_missing
from edgecomp.pytest_plugin.board import Board
from edgecomp.pytest_plugin.locks import lock_file, one_of
from edgecomp.pytest_plugin.result import Baselines
from edgecomp.pytest_plugin.settings import read_settings
from edgecomp.pytest_plugin.store import ModelStore
from edgecomp.target import load_target
from edgecomp.verify import Built, RunOptions


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
            yield Board(target, by_port[port], counts, self)

    def run_options(self, board: Board) -> RunOptions:
        """How the board is reached."""
        return RunOptions()

    def flash(self, board: Board, built: Built) -> None:
        """Put the program on a board on the desk, unless it was put there last; one without a flash command is flashed by its user.

        Raises:
            TargetError, ToolError: the program cannot be flashed.
        """
        from edgecomp.boards.flashing import flash, plan_flashing

        if board.place is None or not board.target.flash_command:
            return
        noted = cache_folder("flashed") / lock_file(board.place.port).name
        if noted.exists() and noted.read_text() == built.firmware.image_id:
            return
        noted.unlink(missing_ok=True)
        flash(plan_flashing(board.target, built.firmware.elf, board.place.port, board.place.probe or None))
        write_atomically(noted, built.firmware.image_id)

    def close(self) -> None:
        """Remove what was built."""
        self.store.close()


def _own_folder(config: pytest.Config) -> Path:
    """Where pytest keeps the temporary files of the last runs."""
    factory: pytest.TempPathFactory = config._tmp_path_factory  # type: ignore[attr-defined]
    return factory.getbasetemp() / "edgecomp"

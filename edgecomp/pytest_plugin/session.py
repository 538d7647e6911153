"""What the tests of a session share: settings, models made, files kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgecomp.pytest_plugin.artifacts import Artifacts
from edgecomp.pytest_plugin.availability import ports_of, what_is_missing
from edgecomp.pytest_plugin.board import Board
from edgecomp.pytest_plugin.locks import one_of
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
        missing = what_is_missing(target, self.settings)
        if missing and self.settings.require:
            pytest.fail(missing, pytrace=False)
        if missing:
            pytest.skip(missing)
        ports = [] if self.settings.emulate else ports_of(target, self.settings)
        if not ports:
            yield Board(target, None, self)
            return
        with one_of(ports) as port:
            yield Board(target, port, self)

    def run_options(self, board: Board) -> RunOptions:
        """How the board is reached."""
        return RunOptions()

    def flash(self, board: Board, built: Built) -> None:
        """Put the program on a real board, unless it is the one that was put there last."""

    def close(self) -> None:
        """Remove what was built."""
        self.store.close()


def _own_folder(config: pytest.Config) -> Path:
    """Where pytest keeps the temporary files of the last runs."""
    factory: pytest.TempPathFactory = config._tmp_path_factory  # type: ignore[attr-defined]
    return factory.getbasetemp() / "edgecomp"

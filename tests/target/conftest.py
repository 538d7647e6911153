"""Boards whose compiler and emulator are installed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edgecomp.build import Firmware, build
from edgecomp.target import Target, load_target
from tests.target.fake_model import fake_sources


@pytest.fixture
def available_board() -> Callable[[str], Target]:
    """Loads a board; skips the test where its compiler or emulator is missing."""

    def load(name: str) -> Target:
        target = load_target(name)
        tools = [f"{target.toolchain_prefix}gcc", target.emulator]
        for tool in filter(None, tools):
            if shutil.which(tool) is None:
                pytest.skip(f"{name} needs {tool}, which is not installed")
        return target

    return load


@pytest.fixture
def built(available_board: Callable[[str], Target], tmp_path: Path) -> Callable[..., tuple[Firmware, Target]]:
    """Builds the handmade model, with C put in front of its first layer, for a board."""

    def make(board: str, before_run: str = "", *, sanitize: bool = False) -> tuple[Firmware, Target]:
        target = available_board(board)
        return build(fake_sources(before_run), target, tmp_path / board, sanitize=sanitize), target

    return make

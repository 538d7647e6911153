"""No kernel takes more than 2 % more instructions than the committed table says (benchmarks/kernels.json)."""

from __future__ import annotations

import json
import shutil

import pytest

from benchmarks.kernels import BOARDS, TABLE, figures, worsened
from benchmarks.shapes import GRID
from edgecomp.build import find_compiler
from edgecomp.errors import ToolError
from edgecomp.target import load_target


def require_tools(board: str) -> None:
    target = load_target(board)
    try:
        find_compiler(target)
    except ToolError as error:
        pytest.skip(str(error))
    if shutil.which(target.emulator) is None:
        pytest.skip(f"{target.emulator} is not installed")


@pytest.mark.parametrize("board", BOARDS)
def test_no_figure_worsens(board: str) -> None:
    require_tools(board)
    table = json.loads(TABLE.read_text())
    assert table[board].keys() == GRID.keys(), "run python benchmarks/kernels.py --write"
    worse = worsened(board, figures(board), table)
    assert not worse, "\n".join(worse)

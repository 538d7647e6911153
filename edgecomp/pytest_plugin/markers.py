"""The markers that choose among boards."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from edgecomp.pytest_plugin.availability import counted
from edgecomp.pytest_plugin.settings import Settings, board_id
from edgecomp.target import COUNTERS, load_target


def why_not(item: pytest.Item, name: str, settings: Settings) -> str | None:
    """Why a test is not for this board; None where it is.

    Raises:
        pytest.UsageError: a marker says what no board counts.
    """
    board = board_id(name)
    for marker in item.iter_markers("edgecomp_boards"):
        if not any(fnmatchcase(board, pattern) for pattern in marker.args):
            return f"only for boards {', '.join(marker.args)}, not {board}"
    counter = counted(load_target(name), settings)
    for marker in item.iter_markers("edgecomp_counts"):
        allowed = [what for what in COUNTERS if what != "none"]
        if len(marker.args) != 1 or marker.args[0] not in allowed:
            raise pytest.UsageError(f"{item.nodeid}: edgecomp_counts{marker.args} must be one of {', '.join(allowed)}")
        if marker.args[0] != counter:
            return f"{board} counts {'nothing' if counter == 'none' else counter}, not {marker.args[0]}"
    return None

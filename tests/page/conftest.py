"""Reports as runs wrote them: the digit classifier on two cores, a network with masks, and one from before most keys were there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPORTS = Path(__file__).parent / "reports"
NAMES = ("digits_m4", "digits_rv32", "masks", "older")


@pytest.fixture
def report() -> Callable[[str], dict[str, Any]]:
    """A stored report by name, as fresh data."""

    def load(name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((REPORTS / f"{name}.json").read_text())
        return content

    return load

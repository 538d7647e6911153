"""Random networks on every emulated core: its fast kernels compute the reference's bits, whatever the shapes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from edgecomp.target import Target, list_targets
from edgecomp.verify import RunOptions
from tests.property.checks import Trial
from tests.property.networks import Drawn, networks
from tests.target.conftest import available_board

__all__ = ["available_board"]

BOARDS = [name for name in list_targets() if name.startswith("qemu_")]
SAMPLES = 3
NO_SHRINKING = (Phase.explicit, Phase.generate)

GOALS = st.sampled_from(["speed", "speed", "size", "ram"])


def check(net: Drawn, goal: str, board: Target, folder: Path) -> None:
    """The board gives the bits of the network as it was before any kernel was chosen."""
    note(f"{net}, for {goal}")
    trial = Trial(net.proto, folder, net.seed)
    report = trial.quantized.run(board, trial.x[:SAMPLES], options=RunOptions(profiled_samples=0, optimize=goal))
    assert report.bit_exact is not None
    assert report.bit_exact.equal, report.bit_exact.first_difference
    expected = np.concatenate(trial.integers, axis=1)[:SAMPLES]
    assert report.outputs_sha256 == hashlib.sha256(np.ascontiguousarray(expected).tobytes()).hexdigest()


@pytest.mark.parametrize("name", BOARDS)
def test_programs_on_boards(available_board: Callable[[str], Target], tmp_path: Path, name: str) -> None:
    board = available_board(name)

    @settings(max_examples=3, phases=NO_SHRINKING)
    @given(networks(heads=6, most_layers=4), GOALS)
    def holds(net: Drawn, goal: str) -> None:
        check(net, goal, board, tmp_path)

    holds()


@pytest.mark.slow
@pytest.mark.parametrize("name", BOARDS)
def test_many_programs_on_boards(available_board: Callable[[str], Target], tmp_path: Path, name: str) -> None:
    board = available_board(name)

    @settings(max_examples=60, phases=NO_SHRINKING)
    @given(networks(heads=6, most_layers=4), GOALS)
    def holds(net: Drawn, goal: str) -> None:
        check(net, goal, board, tmp_path)

    holds()

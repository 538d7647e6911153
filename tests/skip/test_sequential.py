"""Tests on paired outcomes keep the error they state."""

from __future__ import annotations

import numpy as np
import pytest

from edgecomp.skip.sequential import deviation, hopeless, loss_bound


def stops(loss: float, limit: float, error: float, runs: int) -> int:
    """In how many of so many runs a trial of this loss is stopped within 4000 samples, asked after every 100."""
    random = np.random.default_rng(0)
    count = 0
    for _ in range(runs):
        changes = random.choice([1, -1, 0], size=4000, p=[0.03 + loss, 0.03, 0.94 - loss])
        looks = range(100, 4001, 100)
        count += any(hopeless(int((changes[:n] == 1).sum()), int((changes[:n] == -1).sum()), n, limit, error) for n in looks)
    return count


def test_a_trial_within_the_limit_is_hardly_ever_stopped() -> None:
    assert stops(loss=0.01, limit=0.01, error=0.05, runs=200) <= 0.05 * 200


def test_a_hopeless_trial_is_stopped() -> None:
    assert stops(loss=0.05, limit=0.01, error=0.01, runs=50) == 50


def test_nothing_is_said_before_samples_are_seen() -> None:
    assert not hopeless(0, 0, 0, 0.01, 0.01)
    assert deviation(0, 0, 0) == np.inf


@pytest.mark.parametrize("samples", [100, 1000, 10000])
def test_the_bound_is_above_the_loss_and_closes_in(samples: int) -> None:
    bound = loss_bound(samples // 20, samples // 50, samples, 0.9)
    assert 0.03 < bound < 0.03 + 1.3 * np.sqrt(0.08 / samples)

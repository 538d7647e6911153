"""The training loop: bounded, repeatable, and never left with a broken network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `edgecomp[train]`)")

from edgecomp.errors import DataError  # noqa: E402
from edgecomp.train import loop  # noqa: E402
from edgecomp.train.loop import Plan, learning_rate_share, step_share, train  # noqa: E402

ROWS = 100
TARGET = torch.linspace(-1, 1, ROWS)
PLAN = Plan(epochs=3, batch_rows=16, learning_rate=0.05)
PER_EPOCH = 7


def weights() -> Any:
    return torch.zeros(1, requires_grad=True)


def fitting(weight: Any) -> Callable[[Any, Any], Any]:
    """Least squares of a slope of 3, with noise from the generator."""

    def loss(batch: Any, generator: Any) -> Any:
        x = TARGET[batch]
        return (weight * x - 3 * x + 0.01 * torch.randn(len(x), generator=generator)).square().mean()

    return loss


def test_a_seed_trains_the_same_network_again() -> None:
    found = []
    for seed in (0, 0, 1):
        weight = weights()
        trained = train([weight], ROWS, fitting(weight), Plan(30, 16, 0.05, seed=seed))
        assert (trained.batches, trained.epochs, trained.stopped) == (30 * PER_EPOCH, 30, "")
        assert trained.losses[-1] < 0.1 * trained.losses[0]
        found.append(weight.item())
    assert found[0] == found[1] != found[2]
    assert found[0] == pytest.approx(3, abs=0.5)


def test_progress_counts_batches() -> None:
    seen: list[tuple[int, int]] = []
    weight = weights()
    train([weight], ROWS, fitting(weight), PLAN, lambda done, total: seen.append((done, total)))
    assert seen == [(done, 3 * PER_EPOCH) for done in range(1, 3 * PER_EPOCH + 1)]


def test_the_learning_rate_rises_shortly_and_falls_to_zero() -> None:
    shares = [learning_rate_share(done, 200) for done in range(200)]
    assert shares[:10] == pytest.approx([(done + 1) / 10 for done in range(10)])
    assert shares[10:] == sorted(shares[10:], reverse=True)
    assert shares[-1] < 1e-3


def test_a_short_budget_trains_less_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10**6))
    monkeypatch.setattr(loop.time, "monotonic", lambda: float(next(clock)))
    weight = weights()
    trained = train([weight], ROWS, fitting(weight), Plan(1000, 16, 0.05, budget_s=4.0))
    assert trained.batches < 200
    assert "4 s are enough for" in trained.stopped and "of 1000 epochs" in trained.stopped


def test_a_loss_that_is_not_finite_is_refused_or_ends_at_the_last_epoch() -> None:
    weight = weights()
    with pytest.raises(DataError, match=r"not finite in epoch 1, batch 1: lower the learning rate \(0.05\)"):
        train([weight], ROWS, lambda batch, generator: weight.sum() * float("nan"), PLAN)
    assert weight.item() == 0
    calls, after_first = iter(range(1000)), []

    def later(batch: Any, generator: Any) -> Any:
        at = next(calls)
        if at == PER_EPOCH:
            after_first.append(weight.item())
        return fitting(weight)(batch, generator) * (float("inf") if at == PER_EPOCH + 2 else 1.0)

    trained = train([weight], ROWS, later, PLAN)
    assert "not finite in epoch 2, batch 3" in trained.stopped and trained.batches == PER_EPOCH + 2
    assert weight.item() == after_first[0] != 0


def test_ctrl_c_leaves_the_last_whole_epoch_and_the_threads() -> None:
    weight, calls, threads = weights(), iter(range(1000)), torch.get_num_threads()

    def interrupted(batch: Any, generator: Any) -> Any:
        if next(calls) == 3:
            raise KeyboardInterrupt
        return fitting(weight)(batch, generator)

    with pytest.raises(KeyboardInterrupt):
        train([weight], ROWS, interrupted, Plan(3, 16, 0.05, threads=threads + 1))
    assert weight.item() == 0 and torch.get_num_threads() == threads


def test_small_weights_take_small_steps() -> None:
    assert step_share(torch.full((3, 3), 0.5)) == 1
    assert step_share(torch.zeros(3)) == 1
    assert step_share(torch.full((3, 3), -0.008)) == pytest.approx(0.1)
    small, target = torch.full((8,), 0.002, requires_grad=True), torch.full((8,), 0.0021)
    train([small], 64, lambda batch, generator: (small - target).square().sum() * 1e6, Plan(1, 8, 0.01))
    assert (small.detach() - target).abs().max() < 1e-3

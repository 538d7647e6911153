"""Training in bounded time: batches in a seeded order, a learning rate that falls as a cosine, and a stop that leaves a good network."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from edgecomp.errors import DataError
from edgecomp.train.checkpoint import Checkpoint
from edgecomp.train.installation import require_torch

if TYPE_CHECKING:
    from torch import Generator, Tensor

Progress = Callable[[int, int], None]
"""Called with (batches done, batches in all); the number in all falls where time is short."""

PROBE_BATCHES = 20
PROBE_SHARE = 0.1
"""The time of all batches is foreseen every so many, and after each once this share of the budget is spent."""

COMMON_SIZE = 0.08
"""Root mean square of the weights of a common layer."""

LEAST_SHARE = 0.01
WARM_UP_SHARE = 0.05
MOST_GRADIENT_NORM = 5.0


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train.

    `learning_rate` is the optimizer's at its highest, after the first twentieth, for weights of common size (`step_share`). `budget_s`
    bounds the seconds: where all epochs do not fit, fewer batches are trained, and the learning rate still falls to zero at the last one.
    """

    epochs: int
    batch_rows: int = 64
    learning_rate: float = 1e-3
    budget_s: float | None = None
    seed: int = 0
    threads: int | None = None
    optimizer: Literal["adam", "rmsprop"] = "adam"


@dataclass(frozen=True)
class Trained:
    """What was done: `epochs` begun are counted in parts; `stopped` says why it ended early, empty where it did not."""

    batches: int
    epochs: float
    seconds: float
    losses: tuple[float, ...]
    stopped: str = ""


def train(
    parameters: Sequence[Tensor],
    rows: int,
    loss_of: Callable[[Tensor, Generator], Tensor],
    plan: Plan,
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
) -> Trained:
    """Train `parameters` in place on `rows` samples.

    `loss_of` gives the loss of samples by their indices, int64 [n]; it draws what it draws from the generator, so a seed makes the same
    parameters again, as long as the time budget does not end it and the number of threads is the same. Where the loss is no longer
    finite, and after Ctrl-C, the parameters are those of the last whole epoch. With a `checkpoint` every epoch is kept, and a run that was
    stopped goes on after the last one: the result is the same as without the stop.

    Raises:
        DataError: the loss was not finite in the first epoch.
        KeyboardInterrupt: Ctrl-C.
    """
    require_torch()
    run = _Run(parameters, rows, plan, progress)
    kept = checkpoint.load() if checkpoint is not None else None
    if kept is not None:
        run.resume(kept)
    stopped = ""
    try:
        with _threads(plan.threads):
            while run.done < run.total:
                run.epoch(loss_of)
                if checkpoint is not None:
                    checkpoint.save(run.state())
    except _NotFinite:
        run.restore()
        where = f"epoch {len(run.losses) + 1}, batch {run.done % run.per_epoch + 1}"
        cure = f"lower the learning rate ({plan.learning_rate:g})"
        if not run.losses:
            raise DataError(f"training: the loss is not finite in {where}: {cure}") from None
        stopped = f"the loss was not finite in {where}: kept the epoch before; {cure}"
    except BaseException:
        run.restore()
        raise
    epochs = run.done / run.per_epoch
    if not stopped and epochs < plan.epochs:
        stopped = f"{plan.budget_s:g} s are enough for {epochs:.1f} of {plan.epochs} epochs"
    return Trained(run.done, epochs, run.seconds, tuple(run.losses), stopped)


class _Run:
    """Where training stands: `done` of `total` batches, the mean loss of each epoch, and the parameters of the last whole one."""

    def __init__(self, parameters: Sequence[Tensor], rows: int, plan: Plan, progress: Progress | None) -> None:
        import torch

        self.parameters, self.rows, self.plan, self.progress = list(parameters), rows, plan, progress
        self.generator = torch.Generator().manual_seed(plan.seed)
        groups = [{"params": [parameter], "share": step_share(parameter)} for parameter in self.parameters]
        kinds = {"adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop}
        self.optimizer = kinds[plan.optimizer](groups, lr=plan.learning_rate)
        self.per_epoch = -(-rows // plan.batch_rows)
        self.total, self.done = self.per_epoch * plan.epochs, 0
        self.started = time.monotonic()
        self.losses: list[float] = []
        self.good = self.copied()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self.started

    def copied(self) -> list[Tensor]:
        """The parameters' values now."""
        return [parameter.detach().clone() for parameter in self.parameters]

    def state(self) -> dict[str, Any]:
        """All that the next epoch depends on."""
        return {
            "parameters": self.good,
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "done": self.done,
            "losses": self.losses,
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Stand where a `state` was taken."""
        self.good = state["parameters"]
        self.restore()
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        self.done, self.losses = state["done"], list(state["losses"])

    def restore(self) -> None:
        """Give the parameters back the values of the last whole epoch."""
        import torch

        with torch.no_grad():
            for parameter, value in zip(self.parameters, self.good, strict=True):
                parameter.copy_(value)

    def epoch(self, loss_of: Callable[[Tensor, Generator], Tensor]) -> None:
        """All samples once, or as many as the budget allows."""
        import torch

        order = torch.randperm(self.rows, generator=self.generator)
        sum_of_losses, first = 0.0, self.done
        for start in range(0, self.rows, self.plan.batch_rows):
            for group in self.optimizer.param_groups:
                group["lr"] = self.plan.learning_rate * group["share"] * learning_rate_share(self.done, self.total)
            sum_of_losses += self.step(loss_of(order[start : start + self.plan.batch_rows], self.generator))
            self.done += 1
            self.foresee()
            if self.progress is not None:
                self.progress(self.done, self.total)
            if self.done >= self.total:
                break
        self.losses.append(sum_of_losses / (self.done - first))
        self.good = self.copied()

    def foresee(self) -> None:
        """Lower the number of batches to what the budget allows at the speed so far."""
        budget_s, seconds = self.plan.budget_s, self.seconds
        if budget_s is None:
            return
        if seconds >= budget_s:
            self.total = self.done
        elif self.done % PROBE_BATCHES == 0 or seconds > PROBE_SHARE * budget_s:
            affordable = int(budget_s * self.done / max(seconds, 1e-9))
            self.total = max(self.done, min(self.per_epoch * self.plan.epochs, affordable))

    def step(self, loss: Tensor) -> float:
        """One update; the loss."""
        import torch

        value = float(loss.detach())
        if not math.isfinite(value):
            raise _NotFinite
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.parameters, MOST_GRADIENT_NORM)
        self.optimizer.step()
        return value


def learning_rate_share(done: int, total: int) -> float:
    """Of the highest learning rate after `done` of `total` batches: a short linear rise, then half a cosine down to zero."""
    warm_up = max(1, round(total * WARM_UP_SHARE))
    if done < warm_up:
        return (done + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (done - warm_up) / max(1, total - warm_up)))


def step_share(parameter: Tensor) -> float:
    """Of the learning rate, for one parameter: Adam's steps are as long as the learning rate whatever the weights are, so weights that are
    small, as those that read pixels of 0..255, take smaller steps. Zeros, such as fresh biases, take whole ones.
    """
    size = float(parameter.detach().square().mean().sqrt())
    return min(1.0, max(size / COMMON_SIZE, LEAST_SHARE)) if size else 1.0


class _NotFinite(Exception):
    """The loss is NaN or infinite."""


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """PyTorch with so many threads, and as many as before afterwards."""
    import torch

    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)

"""Goals that are no size: a loss that is allowed, a board that must hold the network. Both are met by trying sizes.

Sizes are tried by *strength*: at 0 everything remains, at 1 what was asked for (or next to nothing, where no size was asked for), and in
between the shares are powers, so that half the strength twice is the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Literal

from edgecomp.compress.budget import size_of
from edgecomp.compress.footprint import Footprint, footprint
from edgecomp.compress.recipe import Step
from edgecomp.compress.registry import method
from edgecomp.compress.run import Bench, Compressed, Orders
from edgecomp.errors import DataError, FitError
from edgecomp.graph import Graph
from edgecomp.target import Target

LEAST_SHARE = 0.02
"""What remains at strength 1 where no size was asked for."""

FIRST_SHARE = 0.5
TRIALS = 6
FIT_TRIALS = 9
CLOSE = 0.02
"""Strengths that differ by less are one."""

Direction = Literal["stronger", "weaker"]
STRONGER: Direction = "stronger"
WEAKER: Direction = "weaker"


@dataclass(frozen=True)
class Trial:
    """A size that was tried, and the accuracy on the judging rows."""

    macs: int
    parameters: int
    accuracy: float


@dataclass(frozen=True, eq=False)
class Wanted:
    """Steps and orders that say a size for each step: that of strength 1."""

    steps: tuple[Step, ...]
    orders: Orders
    sized: bool

    def at(self, strength: float, **changes: object) -> tuple[tuple[Step, ...], Orders]:
        """The same with all shares raised to a power, and with other changes of the orders."""
        steps = tuple(
            replace(step, keep_macs=_power(step.keep_macs, strength), keep_parameters=_power(step.keep_parameters, strength))
            for step in self.steps
        )
        orders = replace(
            self.orders,
            keep_macs=_power(self.orders.keep_macs, strength),
            keep_parameters=_power(self.orders.keep_parameters, strength),
            **changes,  # type: ignore[arg-type]
        )
        return steps, orders


def wanted(steps: Sequence[Step], orders: Orders, short_of: Sequence[str] = ()) -> Wanted:
    """A size for each step: its own, that of the orders, or next to nothing of what the method makes less of.

    Args:
        short_of: "macs", "parameters": what is to be made less of where no size was asked for; none: as the methods do.
    """
    sized = orders.names_a_size or all(step.names_a_size for step in steps)
    if sized:
        return Wanted(tuple(steps), orders, True)
    limits = set(short_of) or {method(step.method).limits for step in steps}
    least = {f"keep_{limit}": LEAST_SHARE for limit in sorted(limits)}
    return Wanted(tuple(steps), replace(orders, **least), False)  # type: ignore[arg-type]


def within_loss(bench: Bench, goal: Wanted, most_points: float) -> tuple[Compressed, tuple[Trial, ...]]:
    """The smallest network found that loses at most so many points on the judging rows.

    A size that was asked for is tried first; where it loses too much, more remains.

    Raises:
        DataError: no size that was tried keeps within the loss.
    """
    trials: list[Trial] = []
    best: list[Compressed] = []

    def attempt(strength: float) -> Direction:
        found = _possible(bench, goal, strength)
        if found is None:
            return WEAKER
        size, points = size_of(found.graph), 100 * (found.before.accuracy - found.after.accuracy)
        trials.append(Trial(size.macs, size.parameters, found.after.accuracy))
        bench.say(f"{size.macs:,} MACs, {size.parameters:,} parameters: {points:.2f} points lost on the judging rows")
        if points > most_points:
            return WEAKER
        best[:] = [found]
        return STRONGER

    _halve(attempt, 1.0 if goal.sized else log(FIRST_SHARE) / log(LEAST_SHARE), TRIALS)
    if not best:
        nearest = max((trial.accuracy for trial in trials), default=0.0)
        raise DataError(
            f"--max-loss {most_points:g}: no size that was tried keeps within it, the best loses "
            f"{100 * (bench.quality.accuracy - nearest):.2f} points on the judging rows: allow more, train for more --epochs, "
            "or take another method"
        )
    return best[0], tuple(trials)


def fitting(bench: Bench, steps: Sequence[Step], orders: Orders, board: Target) -> Wanted:
    """Steps and orders that keep as much as the board holds, found without training.

    Raises:
        FitError: not even the smallest network fits.
    """
    short = _short_of(footprint(bench.original, board), board)
    goal = wanted(steps, orders, short)
    if not short:
        bench.say(f"the network fits {board.name} as it is")
        return goal if goal.sized else replace(goal, orders=orders)
    fit: list[float] = []
    tried: list[Footprint] = []

    def attempt(strength: float) -> Direction:
        found = _possible(bench, goal, strength, epochs=0, folder=None)
        if found is None:
            return WEAKER
        tried.append(footprint(found.graph, board))
        if _short_of(tried[-1], board):
            return STRONGER
        fit[:] = [strength]
        return WEAKER

    _halve(attempt, 0.5, FIT_TRIALS)
    if not fit:
        least = min(tried, key=lambda found: found.ram_bytes + found.flash_bytes, default=None)
        found = f"the least found takes {least.ram_bytes:,} bytes of RAM and {least.flash_bytes:,} of flash" if least else "nothing can go"
        raise FitError(
            f"--fit {board.name}: {found}, and the board has {board.ram_bytes:,} and {board.flash_bytes:,}: take another method or board"
        )
    weakened, scaled = goal.at(fit[0])
    return Wanted(weakened, scaled, True)


def ambitious_shares(graph: Graph, board: Target) -> dict[str, float]:
    """`keep_macs` and `keep_parameters` that leave twice the room (in powers) that a board asks for, of what does not fit it."""
    found = footprint(graph, board)
    shares = {"keep_macs": board.ram_bytes / found.ram_bytes, "keep_parameters": board.flash_bytes / found.flash_bytes}
    return {name: max(share, LEAST_SHARE) ** 2 for name, share in shares.items() if share < 1}


def _short_of(found: Footprint, board: Target) -> tuple[str, ...]:
    """What must become less: RAM is held by feature maps, which go with MACs; flash by parameters."""
    short = (("macs", found.ram_bytes > board.ram_bytes), ("parameters", found.flash_bytes > board.flash_bytes))
    return tuple(name for name, lacking in short if lacking)


def _possible(bench: Bench, goal: Wanted, strength: float, **changes: object) -> Compressed | None:
    """The result at a strength; None where a method cannot make the network so small."""
    steps, orders = goal.at(strength, **changes)
    try:
        return bench.run(steps, orders)
    except DataError as error:
        if strength == 1.0 and goal.sized:
            raise
        bench.say(f"{error}")
        return None


def _halve(attempt: Callable[[float], Direction], first: float, trials: int) -> None:
    """Try strengths, each halfway between the strongest from which to go on and the weakest from which to go back."""
    low, high, strength = 0.0, 1.0, first
    for _ in range(trials):
        low, high = (strength, high) if attempt(strength) == STRONGER else (low, strength)
        if high - low < CLOSE:
            return
        strength = (low + high) / 2


def _power(share: float | None, strength: float) -> float | None:
    return None if share is None else float(share**strength)

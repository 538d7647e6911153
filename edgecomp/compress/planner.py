"""Which recipe suits a network: each is tried without training, and the one whose network is best on the judging rows is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgecomp.compress.budget import size_of
from edgecomp.compress.goals import ambitious_shares
from edgecomp.compress.recipe import Step
from edgecomp.compress.registry import METHODS
from edgecomp.compress.run import Bench, Orders
from edgecomp.errors import DataError, UnsupportedError
from edgecomp.target import Target

CANDIDATES: tuple[tuple[str, ...], ...] = (
    ("prune-filters-l1",),
    ("thinet",),
    ("prune-activations",),
    ("svd",),
    ("separable",),
    ("lowrank",),
    ("lowrank-nonlinear",),
    ("svd", "thinet"),
    ("lowrank-nonlinear", "thinet"),
)
"""Recipes of methods that need no training; of two steps each takes half of what is asked for (in powers)."""

TRIED_SHARE = 0.4
"""Of the MACs, for which recipes are compared where only a loss is given."""


def planned(bench: Bench, orders: Orders, board: Target | None, max_loss_points: float | None) -> tuple[Step, ...]:
    """The best recipe for the size asked for; for a board the size it holds, for a loss alone half the MACs.

    Raises:
        DataError: no recipe meets the size, or nothing at all is asked for.
    """
    if board is not None and not orders.names_a_size:
        shares = ambitious_shares(bench.original, board) or {"keep_macs": 1.0}
        orders = replace(orders, keep_macs=shares.get("keep_macs"), keep_parameters=shares.get("keep_parameters"))
    elif max_loss_points is not None and not orders.names_a_size:
        orders = replace(orders, keep_macs=TRIED_SHARE)
    found = best_recipe(bench, orders)
    return tuple(replace(step, keep_macs=None, keep_parameters=None) for step in found) if len(found) == 1 else found


def best_recipe(bench: Bench, orders: Orders) -> tuple[Step, ...]:
    """The recipe that meets the size asked for with the least loss before any training.

    Raises:
        DataError: no recipe meets it; or no size is asked for.
    """
    if not orders.names_a_size:
        raise DataError("a plan needs a size: give --keep-macs, --keep-parameters or --fit, or name a --method")
    untrained = replace(orders, epochs=0, folder=None)
    found: list[tuple[float, int, tuple[Step, ...]]] = []
    reasons: list[str] = []
    for number, names in enumerate(CANDIDATES):
        if not all(name in METHODS for name in names):
            continue
        bench.watch("trying recipes", number, len(CANDIDATES))
        steps = _steps(names, orders)
        try:
            result = bench.run(steps, untrained)
        except (DataError, UnsupportedError) as error:
            reasons.append(f"{' + '.join(names)}: {error}")
            continue
        size = size_of(result.graph)
        loss = result.after.loss
        bench.say(f"{' + '.join(names)}: {size.macs:,} MACs, {size.parameters:,} parameters, loss {loss:.3f} before training")
        found.append((loss, number, steps))
    bench.watch("trying recipes", len(CANDIDATES), len(CANDIDATES))
    if not found:
        raise DataError(f"no recipe meets the size: {'; '.join(reasons)}")
    return min(found, key=lambda item: item[:2])[2]


def _steps(names: Sequence[str], orders: Orders) -> tuple[Step, ...]:
    """Steps whose sizes fall in equal powers down to the one asked for."""
    made = []
    for number, name in enumerate(names, start=1):
        power = number / len(names)
        sizes = [None if share is None else share**power for share in (orders.keep_macs, orders.keep_parameters)]
        options = METHODS[name].read_options(name, {})
        made.append(Step(name, keep_macs=sizes[0], keep_parameters=sizes[1], options=options))
    return tuple(made)

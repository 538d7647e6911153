"""How much each group of channels matters: the loss on the judging rows when a part of it is left out and nothing is trained.

Measured once for a network, data and order of channels, and kept in the user's cache.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edgecomp.cache import content_key, fetch, keep
from edgecomp.compress.absorb import ROWS, Cutter
from edgecomp.compress.allocation import Loss, by_sensitivity, least_removals
from edgecomp.compress.channels import Group, Kept
from edgecomp.compress.identity import data_digest, digest
from edgecomp.compress.job import Job
from edgecomp.compress.judge import Judge
from edgecomp.graph import Array

SHARES = (0.0, 0.25, 0.5, 0.75)
"""Of a group's units left out when it is measured."""

MEASURED_ROWS = 500
STEEPNESS = 2.0
"""The loss of leaving out all over that of the last share, at least."""

ROUNDNESS = 0.02
"""Of the largest loss: added as the square of the share, so that among layers that do not matter all give a little."""

Curve = tuple[float, ...]
"""The loss at each of `SHARES`."""


def kept_by_sensitivity(cutter: Cutter, groups: Sequence[Group], orders: Mapping[str, Array], job: Job) -> Kept:
    """What stays when the units that cost least go until the job's budget is met.

    Args:
        orders: group -> its units, the least important first.

    Raises:
        DataError: the budget is below what is possible, or names no size.
    """
    curves = measured(cutter, groups, orders, job)
    path = by_sensitivity(cutter.found, groups, orders, losses(curves), job.budget)
    return least_removals(cutter.found, path, job.budget)


def measured(cutter: Cutter, groups: Sequence[Group], orders: Mapping[str, Array], job: Job) -> dict[str, Curve]:
    """Group -> its curve; from the cache where it was measured before."""
    found = cutter.found
    samples = job.judge.first(MEASURED_ROWS)
    words = [f"{group.name} {orders[group.name].tolist()}" for group in groups]
    key = content_key(
        "sensitivity 2", digest(found.graph), data_digest(samples), data_digest(cutter.samples.first(ROWS)), str(SHARES), *words
    )
    kept = _kept(key)
    if kept is not None:
        return kept
    judge = Judge(samples, job.teacher or found.graph)
    whole = judge.quality(found.graph).loss
    curves: dict[str, Curve] = {}
    done, total = 0, len(groups) * (len(SHARES) - 1)
    for group in groups:
        values = [whole]
        for share in SHARES[1:]:
            values.append(judge.quality(cutter.cut({group.name: _left(group, orders[group.name], share)})).loss)
            done += 1
            job.watch("measuring sensitivity", done, total)
        curves[group.name] = tuple(values)
    _keep(key, curves)
    return curves


def losses(curves: Mapping[str, Curve]) -> dict[str, Loss]:
    """Curves as functions of the share left out, which never fall: lines between the shares, steeper behind the last."""
    largest = max((max(curve) - curve[0] for curve in curves.values()), default=0.0)
    roundness = ROUNDNESS * max(largest, 1e-9)
    return {name: _loss(curve, roundness) for name, curve in curves.items()}


def _loss(curve: Curve, roundness: float) -> Loss:
    rising = np.maximum.accumulate(np.array(curve) - curve[0])
    rise = rising[-1] - rising[-2]
    points = (*SHARES, 1.0)
    values = (*rising.tolist(), float(rising[-1] + STEEPNESS * max(rise, rising[-1] / len(SHARES))))
    return lambda share: float(np.interp(share, points, values)) + roundness * share**2


def _left(group: Group, order: Array, share: float) -> Array:
    """What stays when a share goes: at least one unit."""
    count = min(round(share * group.units), group.units - 1)
    return np.sort(order[count:])


def _kept(key: str) -> dict[str, Curve] | None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "curves.json"
        if not fetch("sensitivity", key, file):
            return None
        try:
            return {name: tuple(map(float, curve)) for name, curve in json.loads(file.read_text()).items()}
        except ValueError:
            return None


def _keep(key: str, curves: Mapping[str, Curve]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "curves.json"
        file.write_text(json.dumps(curves))
        keep("sensitivity", key, file)

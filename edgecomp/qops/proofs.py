"""What `verify` proves beyond C types: lengths of arrays, rescaling in range, accumulators within 32 bits.

Every function raises ValueError naming `<kernel>.<field>`; kernels in C rely on these facts and check nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecomp.graph import Array
from edgecomp.qgraph import MAX_RANK, QOp
from edgecomp.qops.requantize import INT32_MAX, MULTIPLIER_LIMIT


def prove(op: QOp, item: str, holds: bool, rule: str) -> None:
    """Raise ValueError, naming field `item` and the rule, unless it holds."""
    if not holds:
        raise ValueError(f"{op.kernel}.{item}: {rule}")


def prove_part(op: QOp, item: str, part: QOp) -> None:
    """An operator that `op` contains, described from field `item` on, holds by its own proof."""
    try:
        part.verify()
    except ValueError as error:
        prove(op, item, False, f"its part {error}")


def prove_positive(op: QOp, *items: str) -> None:
    """Sizes, strides and counts are at least 1."""
    for item in items:
        value = getattr(op, item)
        prove(op, item, bool(np.all(np.asarray(value) >= 1)), f"must be at least 1, found {value}")


def prove_length(op: QOp, item: str, length: int) -> None:
    """An array holds exactly `length` elements; an optional array that is None holds."""
    value = getattr(op, item)
    if value is not None:
        prove(op, item, int(np.size(value)) == length, f"must hold {length} elements, found {np.size(value)}")


def prove_below(op: QOp, item: str, limit: int) -> None:
    """Every entry of a table is below `limit`."""
    largest = int(np.max(getattr(op, item)))
    prove(op, item, largest < limit, f"must be below {limit}, found {largest}")


def prove_box(op: QOp, *items: str) -> None:
    """Dimensions and steps are given for every one of the kernel's axes."""
    for item in items:
        prove(op, item, len(getattr(op, item)) == MAX_RANK, f"must have {MAX_RANK} axes, found {len(getattr(op, item))}")


def prove_rescaling(op: Any, channels: int | None = None) -> None:
    """Multipliers (one a channel, or a single number where `channels` is None), shift and clamps are those of the contract."""
    if channels is not None:
        prove_length(op, "multiplier", channels)
    multiplier = np.asarray(op.multiplier)
    within = bool(np.all((multiplier >= 1) & (multiplier < MULTIPLIER_LIMIT)))
    prove(op, "multiplier", within, f"must be in 1..{MULTIPLIER_LIMIT - 1}, found {multiplier.min()}..{multiplier.max()}")
    prove(op, "shift", op.shift <= 31, f"must be at most 31, found {op.shift}")
    prove_clamp(op)


def prove_clamp(op: Any) -> None:
    """The clamp lets something through."""
    prove(op, "clamp_min", op.clamp_min <= op.clamp_max, f"{op.clamp_min} is above clamp_max {op.clamp_max}")


def prove_accumulator(op: QOp, item: str, bound: Array | int, shift: int = 0) -> None:
    """Accumulators of magnitude `bound`, shifted left by `shift`, fit int32."""
    worst = int(np.max(bound, initial=0)) << shift
    prove(op, item, worst <= INT32_MAX, f"accumulators reach {worst} after the left shift, more than 32 bits hold")

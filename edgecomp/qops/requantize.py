"""The one rounding rule of edgecomp: every kernel, on every core, ends in it.

    q = clamp(zero_point + round_half_up(acc * 2^shift * multiplier / 2^31)),   0 < multiplier < 2^30

with the product exact in 64 bits and round_half_up(v / 2^31) = (v + 2^30) >> 31. It is one instruction on Armv7E-M (SMMULR),
MVE and Neon (VQRDMULH) and RISC-V V (vsmul). `shift` is zero unless the combined scale is 0.5 or more.
"""

from __future__ import annotations

import numpy as np

from edgecomp.graph import Array
from edgecomp.qgraph import IntArray

MULTIPLIER_LIMIT = 1 << 30
INT32_MAX = (1 << 31) - 1


def multiplier_and_shift(scale: Array | float) -> tuple[IntArray, int]:
    """`multiplier` (int32, 1..2^30 - 1, one a channel) and the layer's one left `shift` for combined scales > 0.

    The combined scale is scale_in * scale_weight / scale_out. One shift serves all channels, so that a layer's size in flash
    does not depend on its scales; a channel whose scale is far below the largest keeps fewer bits, which it does not need.

    Raises:
        ValueError: a scale is not finite, not positive or 2^29 and more.
    """
    scale = np.atleast_1d(np.asarray(scale, np.float64))
    if not np.all(np.isfinite(scale)) or np.any(scale <= 0) or np.any(scale >= 2.0**29):
        raise ValueError(f"combined scale must be in 0..2^29, found {scale.min()}..{scale.max()}")
    shift = max(int(np.floor(np.log2(scale.max()))) + 2, 0)
    if np.floor(scale.max() * 2.0 ** (31 - shift) + 0.5) >= MULTIPLIER_LIMIT:  # 0.5 - epsilon rounds up to 2^30
        shift += 1
    multiplier = np.floor(scale * 2.0 ** (31 - shift) + 0.5)
    return np.maximum(multiplier, 1).astype(np.int32), shift


def requantize(accumulator: Array, multiplier: IntArray | int, shift: int, zero_point: int, clamp_min: int, clamp_max: int) -> IntArray:
    """Apply the rule to integer accumulators; `multiplier` broadcasts along the last axes. Returns int8."""
    value: IntArray = accumulator.astype(np.int64)
    value <<= shift
    value *= np.asarray(multiplier, np.int64)
    value += 1 << 30
    value >>= 31
    value += zero_point
    return np.clip(value, clamp_min, clamp_max, out=value).astype(np.int8)


def accumulator_bound(weights: Array, bias: Array, axes: tuple[int, ...]) -> IntArray:
    """Largest magnitude an accumulator can reach: |bias| + 128 * sum of |weights| over `axes`, per output channel."""
    bound: IntArray = np.abs(bias.astype(np.int64)) + 128 * np.abs(weights.astype(np.int64)).sum(axes)
    return bound

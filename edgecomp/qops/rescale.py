"""Weights for sums of a few rescaled operands: Add, Sub and Concat.

    q = clamp((a * weight_a + b * weight_b + bias) >> right_shift)        arithmetic shift, everything in int32

With acc = a * weight_a + ..., this is the rule of `requantize` with multiplier 2^(31 - right_shift): `bias` holds one half,
the output zero point and the operands' zero points.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgecomp.qops.requantize import INT32_MAX

_WEIGHT_LIMIT = (1 << 15) - 1
_LARGEST_SHIFT = 22  # 128 << 22 and one half leave room for the weighted operands


def rescale_bound(weights: Sequence[int], bias: int) -> int:
    """Largest magnitude of bias + sum(q * weight) over int8 q."""
    return 128 * sum(abs(int(weight)) for weight in weights) + abs(int(bias))


def rescale_weights(
    scales: Sequence[float], zero_points: Sequence[int], scale_out: float, zero_out: int
) -> tuple[tuple[int, ...], int, int]:
    """Int16 `weights`, int32 `bias` and `right_shift` for q_out = sum(scale * (q - zero_point)) / scale_out + zero_out.

    A negative scale subtracts. The shift is the largest at which every weight fits int16 and every sum fits int32.

    Raises:
        ValueError: a scale is not finite, scale_out is not positive, or a ratio is too large for any shift.
    """
    if not np.all(np.isfinite([*scales, scale_out])) or scale_out <= 0:
        raise ValueError(f"scales must be finite and scale_out positive, found {list(scales)} and {scale_out}")
    for right_shift in range(_LARGEST_SHIFT, -1, -1):
        weights = tuple(int(np.floor(scale / scale_out * (1 << right_shift) + 0.5)) for scale in scales)
        half = (1 << right_shift) >> 1
        bias = (zero_out << right_shift) + half - sum(z * w for z, w in zip(zero_points, weights, strict=True))
        if max(abs(weight) for weight in weights) <= _WEIGHT_LIMIT and rescale_bound(weights, bias) <= INT32_MAX:
            return weights, bias, right_shift
    raise ValueError(f"scales {list(scales)} are more than {_WEIGHT_LIMIT} times the output scale {scale_out}")


def add_weights(
    scale_a: float, scale_b: float, zero_a: int, zero_b: int, scale_out: float, zero_out: int, subtract: bool = False
) -> tuple[int, int, int, int]:
    """`weight_a`, `weight_b`, `bias` and `right_shift` of Add, or of Sub with `subtract`.

    Raises:
        ValueError: see rescale_weights.
    """
    signed_b = -scale_b if subtract else scale_b
    (weight_a, weight_b), bias, right_shift = rescale_weights((scale_a, signed_b), (zero_a, zero_b), scale_out, zero_out)
    return weight_a, weight_b, bias, right_shift


def concat_weights(scale_in: float, zero_in: int, scale_out: float, zero_out: int) -> tuple[int, int, int]:
    """`weight`, `bias` and `right_shift` of one input of Concat; (1, 0, 0), a copy, where scale and zero point are the output's.

    Raises:
        ValueError: see rescale_weights.
    """
    if scale_in == scale_out and zero_in == zero_out:
        return 1, 0, 0
    (weight,), bias, right_shift = rescale_weights((scale_in,), (zero_in,), scale_out, zero_out)
    if right_shift == 0:
        raise ValueError(f"scale {scale_in} is more than {_WEIGHT_LIMIT // 2} times the output scale {scale_out}")
    return weight, bias, right_shift

"""Integer weights and biases, with scales raised where an int32 accumulator or a multiplier would run out of bits."""

from __future__ import annotations

import numpy as np

from edgecomp.graph import Array
from edgecomp.qgraph import IntArray
from edgecomp.quant.scheme import WEIGHT_MAX, Quant

ACCUMULATOR_MAX = (1 << 31) - 1
INPUT_MAX = 128  # largest magnitude of an int8 input
LEAST_COMBINED_SCALE = 2.0**-20  # a multiplier of 11 bits: its rounding moves a full-range output by less than a tenth of a step


def quantize_weights(
    values: Array,
    axis: int | None,
    *,
    scale_in: float | None = None,
    zero_point_in: int = 0,
    bias: Array | None = None,
    scale_out: float | None = None,
) -> tuple[Quant, IntArray]:
    """Symmetric int8 weights -127..127 with one float32 scale, or one a channel along `axis`.

    With `scale_in`, a channel's scale is raised until |bias| + (128 + |zero_point_in|) * sum |weights| fits the int32 accumulator; this
    matters for channels of near-zero weights, whose bias would otherwise need more than 31 bits. With `scale_out` too, it is raised
    until scale_in * scale / scale_out is at least 2^-20, so that the multiplier keeps its precision; what weights lose by that is far
    below one step of the output. Channels that are all zero take the largest scale of the others.

    `bias` has one value a channel, or a whole number of runs over the channels (the groups of a ConvTranspose).
    """
    flat = _by_channel(values, axis)
    magnitude = np.abs(flat)
    scale = magnitude.max(1, initial=0.0) / WEIGHT_MAX
    live = scale >= np.finfo(np.float32).tiny
    spare = 1.0 / WEIGHT_MAX if scale_in is None or scale_out is None else scale_out / scale_in * 2.0**-10
    scale[~live] = scale[live].max() if live.any() else spare
    if scale_in is not None:
        scale = np.maximum(scale, _least_for_accumulator(magnitude, scale_in, zero_point_in, bias))
        if scale_out is not None:
            scale = np.maximum(scale, LEAST_COMBINED_SCALE * scale_out / scale_in)
    stored = scale.astype(np.float32)
    if axis is None:
        quant = Quant(stored.reshape(()), np.zeros((), np.int8))
    else:
        quant = Quant(stored, np.zeros(len(stored), np.int8), axis=axis % values.ndim)
    return quant, np.maximum(quant.quantize(values), np.int8(-WEIGHT_MAX))


def quantize_bias(bias: Array, scale_in: float, weight_scales: Array) -> IntArray:
    """round(bias / (scale_in * weight scale)), int32, saturated; `bias` [C], `weight_scales` one, or C, or a divisor of C in runs."""
    step = float(scale_in) * np.resize(weight_scales.astype(np.float64), bias.shape)
    q: IntArray = np.clip(np.rint(bias.astype(np.float64) / step), -ACCUMULATOR_MAX, ACCUMULATOR_MAX).astype(np.int32)
    return q


def rounding_shift(values: Array, quant: Quant, integers: IntArray, input_means: Array, groups: int = 1) -> Array:
    """How far the rounding of weights moves each output on average, [C_out]: subtract it from the bias to correct it.

    Nagel et al., "Data-free quantization through weight equalization and bias correction" (2019), section 4.2: E[y'] - E[y] =
    (W' - W) E[x]. `values` is [C_out, C_in / groups, taps...] with `quant.axis` 0, or a matrix with `quant.axis` 1; `input_means`
    [C_in] is `Distribution.channel_means` of the input. Padding is taken to have the mean of its channel.
    """
    error = quant.dequantize(integers).astype(np.float64) - values
    error = np.moveaxis(error, quant.axis or 0, 0)
    taps = error.reshape(groups, len(error) // groups, error.shape[1], -1).sum(3)
    shift: Array = np.einsum("goi,gi->go", taps, input_means.reshape(groups, -1)).reshape(-1)
    return shift


def _by_channel(values: Array, axis: int | None) -> Array:
    """Float64 [channels, all else]."""
    wide = values.astype(np.float64)
    return wide.reshape(1, -1) if axis is None else np.moveaxis(wide, axis, 0).reshape(values.shape[axis], -1)


def _least_for_accumulator(magnitude: Array, scale_in: float, zero_point_in: int, bias: Array | None) -> Array:
    """The least scale of each channel at which its accumulator fits int32."""
    reach = INPUT_MAX + abs(zero_point_in)
    real = reach * magnitude.sum(1)
    if bias is not None and bias.size:
        real = real + np.abs(bias.astype(np.float64)).reshape(-1, len(magnitude)).max(0) / scale_in
    rounding = 1 + 0.5 * reach * magnitude.shape[1]
    least: Array = real / max(ACCUMULATOR_MAX - rounding, 1.0) * (1 + 2.0**-20)  # the margin covers float32 rounding of the scale
    return least

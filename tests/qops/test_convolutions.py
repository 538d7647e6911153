"""Convolutions and matrix products against their definitions on real values: (q - zero point) and the plain bias."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from edgecomp.qops import Conv2D, ConvTranspose2D, DepthwiseConv2D, FullyConnected, MatMul
from edgecomp.qops.conv_transpose2d import phase_bias
from tests.qops.plain import inside, int8, requantized, window_taps

WINDOWS = [
    {"kernel_h": 3, "kernel_w": 3, "stride_h": 1, "stride_w": 1, "dilation_h": 1, "dilation_w": 1, "pad_top": 1, "pad_left": 1},
    {"kernel_h": 2, "kernel_w": 3, "stride_h": 2, "stride_w": 1, "dilation_h": 1, "dilation_w": 2, "pad_top": 0, "pad_left": 3},
    {"kernel_h": 1, "kernel_w": 1, "stride_h": 1, "stride_w": 1, "dilation_h": 1, "dilation_w": 1, "pad_top": 0, "pad_left": 0},
    {"kernel_h": 3, "kernel_w": 2, "stride_h": 3, "stride_w": 2, "dilation_h": 2, "dilation_w": 1, "pad_top": 2, "pad_left": 1},
]
SCALING = {"output_zero_point": 5, "clamp_min": -100, "clamp_max": 120, "shift": 1}


def _multiplier(generator: np.random.Generator, channels: int) -> np.ndarray:
    return generator.integers(1 << 17, 1 << 20, channels).astype(np.int32)


def _rescaled(op: object, channel: int, accumulator: int) -> int:
    return requantized(
        accumulator, op.multiplier[channel], op.shift, op.output_zero_point, op.clamp_min, op.clamp_max  # type: ignore[attr-defined]
    )  # fmt: skip


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("window", WINDOWS)
def test_conv2d(window: dict[str, int], groups: int) -> None:
    generator = np.random.default_rng(groups)
    channels, outputs, zero = 2, 3, 17
    weights = int8(generator, groups * outputs, window["kernel_h"], window["kernel_w"], channels)
    plain_bias = generator.integers(-3000, 3000, groups * outputs)
    op = Conv2D(
        **window, **SCALING, input_h=5, input_w=4, input_c=groups * channels, output_h=3, output_w=2, output_c=groups * outputs,
        groups=groups, input_zero_point=zero, weights=weights, bias=plain_bias - zero * weights.sum(axis=(1, 2, 3), dtype=np.int64),
        multiplier=_multiplier(generator, groups * outputs),
    )  # fmt: skip
    op.verify()
    x = int8(generator, 2, 5, 4, groups * channels)
    result = op.evaluate(x.reshape(2, -1)).reshape(2, 3, 2, -1)
    macs = 0
    for n, oy, ox, o in np.ndindex(result.shape):
        total = int(plain_bias[o])
        for ky, kx, y, xx in window_taps(op, oy, ox):
            if inside(op, y, xx):
                first = o // outputs * channels
                total += sum(
                    (int(x[n, y, xx, first + c]) - zero) * int(weights[o, ky, kx, c]) for c in range(channels)
                )  # fmt: skip
                macs += channels
        assert result[n, oy, ox, o] == _rescaled(op, o, total)
    assert (op.work.macs - op.work.padding_macs) * len(x) == macs
    assert op.work.macs == result[0].size * op.kernel_h * op.kernel_w * channels
    assert op.work.additions == result[0].size


@pytest.mark.parametrize("channel_multiplier", [1, 3])
@pytest.mark.parametrize("window", WINDOWS)
def test_depthwise_conv2d(window: dict[str, int], channel_multiplier: int) -> None:
    generator = np.random.default_rng(channel_multiplier)
    channels, zero = 3, -9
    outputs = channels * channel_multiplier
    weights = int8(generator, window["kernel_h"], window["kernel_w"], outputs)
    plain_bias = generator.integers(-3000, 3000, outputs)
    op = DepthwiseConv2D(
        **window, **SCALING, input_h=4, input_w=5, input_c=channels, output_h=2, output_w=4, output_c=outputs,
        channel_multiplier=channel_multiplier, input_zero_point=zero, weights=weights,
        bias=plain_bias - zero * weights.sum(axis=(0, 1), dtype=np.int64), multiplier=_multiplier(generator, outputs),
    )  # fmt: skip
    op.verify()
    x = int8(generator, 2, 4, 5, channels)
    result = op.evaluate(x.reshape(2, -1)).reshape(2, 2, 4, outputs)
    macs = 0
    for n, oy, ox, o in np.ndindex(result.shape):
        total = int(plain_bias[o])
        for ky, kx, y, xx in window_taps(op, oy, ox):
            if inside(op, y, xx):
                total += (int(x[n, y, xx, o // channel_multiplier]) - zero) * int(weights[ky, kx, o])
                macs += 1
        assert result[n, oy, ox, o] == _rescaled(op, o, total)
    assert (op.work.macs - op.work.padding_macs) * len(x) == macs


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("window", WINDOWS)
def test_conv_transpose2d_scatters(window: dict[str, int], groups: int) -> None:
    """Every input adds to the outputs at position * stride + tap * dilation - padding."""
    generator = np.random.default_rng(groups)
    channels, outputs, zero = 2, 3, -30
    weights = int8(generator, groups * outputs, window["kernel_h"], window["kernel_w"], channels)
    plain_bias = generator.integers(-3000, 3000, groups * outputs)
    strides, dilations = ((window[f"{name}_h"], window[f"{name}_w"]) for name in ("stride", "dilation"))
    op = ConvTranspose2D(
        **window, **SCALING, input_h=3, input_w=4, input_c=groups * channels, output_h=7, output_w=6, output_c=groups * outputs,
        groups=groups, input_zero_point=zero, weights=weights, bias=phase_bias(weights, plain_bias, zero, strides, dilations),
        multiplier=_multiplier(generator, groups * outputs),
    )  # fmt: skip
    op.verify()
    x = int8(generator, 2, 3, 4, groups * channels)
    totals = np.broadcast_to(plain_bias, (2, 7, 6, groups * outputs)).astype(np.int64)
    macs = 0
    for n, y, xx, ky, kx, o, c in product(
        range(2), range(3), range(4), range(op.kernel_h), range(op.kernel_w), range(groups * outputs), range(channels)
    ):
        oy, ox = y * strides[0] + ky * dilations[0] - op.pad_top, xx * strides[1] + kx * dilations[1] - op.pad_left
        if 0 <= oy < 7 and 0 <= ox < 6:
            totals[n, oy, ox, o] += (int(x[n, y, xx, o // outputs * channels + c]) - zero) * int(weights[o, ky, kx, c])
            macs += 1
    result = op.evaluate(x.reshape(2, -1)).reshape(totals.shape)
    for index in np.ndindex(result.shape):
        assert result[index] == _rescaled(op, index[-1], totals[index])
    assert (op.work.macs - op.work.padding_macs) * len(x) == macs


def test_fully_connected() -> None:
    generator = np.random.default_rng(0)
    weights, zero = int8(generator, 4, 7), 12
    plain_bias = generator.integers(-3000, 3000, 4)
    op = FullyConnected(
        3, 7, 4, **SCALING, weights=weights, bias=plain_bias - zero * weights.sum(axis=1, dtype=np.int64),
        multiplier=_multiplier(generator, 4),
    )  # fmt: skip
    op.verify()
    x = int8(generator, 2, 3, 7)
    result = op.evaluate(x.reshape(2, -1)).reshape(2, 3, 4)
    for n, row, o in np.ndindex(result.shape):
        total = int(plain_bias[o]) + sum((int(x[n, row, i]) - zero) * int(weights[o, i]) for i in range(7))
        assert result[n, row, o] == _rescaled(op, o, total)
    assert op.work.macs == 3 * 7 * 4


@pytest.mark.parametrize("b_transposed", [0, 1])
@pytest.mark.parametrize(("a_repeats", "b_repeats"), [(False, False), (True, False), (False, True)])
def test_matmul(b_transposed: int, a_repeats: bool, b_repeats: bool) -> None:
    generator = np.random.default_rng(b_transposed)
    batch, rows, inner, columns = 3, 2, 5, 4
    op = MatMul(
        batch, rows, inner, columns, 0 if a_repeats else rows * inner, 0 if b_repeats else inner * columns, b_transposed,
        a_zero_point=-7, b_zero_point=100, **SCALING, multiplier=700_000,
    )  # fmt: skip
    op.verify()
    a = int8(generator, 2, 1 if a_repeats else batch, rows, inner)
    b = int8(generator, 2, 1 if b_repeats else batch, *((columns, inner) if b_transposed else (inner, columns)))
    result = op.evaluate(a.reshape(2, -1), b.reshape(2, -1)).reshape(2, batch, rows, columns)
    for n, m, r, c in np.ndindex(result.shape):
        left, right = a[n, 0 if a_repeats else m], b[n, 0 if b_repeats else m]
        values = [int(right[c, i] if b_transposed else right[i, c]) - 100 for i in range(inner)]
        total = sum((int(left[r, i]) + 7) * value for i, value in enumerate(values))
        assert result[n, m, r, c] == requantized(total, 700_000, 1, 5, -100, 120)
    assert op.work.macs == batch * rows * inner * columns


def test_samples_in_chunks_equal_samples_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(3)
    op = Conv2D(
        **WINDOWS[0], **SCALING, input_h=5, input_w=4, input_c=2, output_h=5, output_w=4, output_c=3, groups=1, input_zero_point=1,
        weights=int8(generator, 3, 3, 3, 2), bias=np.zeros(3, np.int32), multiplier=_multiplier(generator, 3),
    )  # fmt: skip
    x = int8(generator, 7, 40)
    monkeypatch.setattr("edgecomp.qops.windows.CHUNK_BYTES", 10_000)
    np.testing.assert_array_equal(op.evaluate(x), np.concatenate([op.evaluate(x[n : n + 1]) for n in range(7)]))

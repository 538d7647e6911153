"""`verify` refuses, naming the field, whatever a kernel could not bear."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.shapes import maximum
from edgecomp.qgraph import QOp
from edgecomp.qops import (
    QOPS,
    Add,
    AveragePool2D,
    Concat,
    Conv2D,
    Conv2DAdd,
    Conv2DAddSpatial,
    Conv2DEarly,
    Conv2DMaxPool,
    Conv2DMaxPoolSpatial,
    Conv2DPerforated,
    Conv2DSpatial,
    Conv2DZeroInput,
    ConvTranspose2D,
    Copy,
    DepthwiseConv2D,
    FullyConnected,
    LogSoftmax,
    Lut,
    MatMul,
    MaxPool2D,
    Mul,
    PRelu,
    ResizeBilinear,
    ResizeNearest,
    Softmax,
)
from edgecomp.qops.boxes import broadcast_box
from edgecomp.qops.resize_bilinear import neighbours
from edgecomp.qops.softmax import exponential_table
from edgecomp.skip.rules import Spatial

WINDOW = {
    "input_h": 4, "input_w": 4, "input_c": 2, "output_h": 4, "output_w": 4, "kernel_h": 3, "kernel_w": 3, "stride_h": 1, "stride_w": 1,
    "dilation_h": 1, "dilation_w": 1, "pad_top": 1, "pad_left": 1,
}  # fmt: skip
FREE = {"clamp_min": -128, "clamp_max": 127}
ZEROS = {"input_zero_point": 0, "output_zero_point": 0}


def _channels(count: int) -> dict[str, Any]:
    return {"bias": np.zeros(count, np.int32), "multiplier": np.full(count, 1 << 20, np.int32), "shift": 0}


CONV = Conv2D(**WINDOW, output_c=2, groups=2, **ZEROS, **FREE, weights=np.ones(18, np.int8), **_channels(2))
DIAGONAL = Spatial(2, np.full((1, 1, 1), 9, np.uint16), np.zeros(2, np.int32))
HALVING = maximum(4, 4, 2)
IN_ORDER = np.tile(np.arange(9), (2, 1))
VALID: dict[str, QOp] = {
    op.kernel: op
    for op in (
        CONV,
        Conv2DAdd.joined(CONV, Add(*broadcast_box((32,), (32,)), 100, 100, 0, 8, **FREE), conv_is_first=True),
        Conv2DMaxPool.joined(CONV, MaxPool2D(**WINDOW, **FREE)),
        Conv2DSpatial.of(CONV, DIAGONAL),
        Conv2DAddSpatial.of(Conv2DAdd.joined(CONV, Add(*broadcast_box((32,), (32,)), 100, 100, 0, 8, **FREE), True), DIAGONAL),
        Conv2DMaxPoolSpatial.of(Conv2DMaxPool.joined(CONV, HALVING), DIAGONAL),
        Conv2DZeroInput(**CONV.convolution_members),
        Conv2DEarly.ordered(CONV, IN_ORDER, np.full(2, 9), np.zeros(2, int), np.zeros(2, int)),
        Conv2DPerforated.following(CONV, np.arange(16) // 2 * 2),
        DepthwiseConv2D(**WINDOW, output_c=4, channel_multiplier=2, **ZEROS, **FREE, weights=np.ones(36, np.int8), **_channels(4)),
        ConvTranspose2D(**WINDOW, output_c=2, groups=1, **ZEROS, **FREE, weights=np.ones(36, np.int8), **_channels(2)),
        FullyConnected(1, 3, 2, 0, **FREE, weights=np.ones(6, np.int8), **_channels(2)),
        MatMul(2, 2, 3, 4, 6, 0, 0, 0, 0, 0, **FREE, multiplier=1 << 20, shift=0),
        Add(*broadcast_box((2, 3), (3,)), 100, 100, 0, 8, **FREE),
        Mul(*broadcast_box((2, 3), (3,)), 0, 0, 0, **FREE, multiplier=1 << 20, shift=0),
        Lut(5, np.zeros(256, np.int8)),
        PRelu(6, 3, 0, 0, **FREE, one=1 << 14, slope=np.full(3, 100, np.int16), multiplier=1 << 20, shift=0),
        Softmax(1, 4, exponential_table(0.1)),
        LogSoftmax.scaled(1, 4, 0.1, 0.1, 127),
        MaxPool2D(**WINDOW, **FREE),
        AveragePool2D(
            **WINDOW, pad_bottom=1, pad_right=1, count_include_pad=0, **ZEROS, **FREE, smallest_count=0, multiplier=np.ones(1, np.int32),
            shift=0,
        ).with_scale(1.0),
        Copy.padded((2, 3), (1, 0), (0, 1), 0),
        Concat(2, 1, np.array([1, 2]), np.array([1, 100]), np.array([0, 5]), np.array([0, 7])),
        ResizeNearest(2, 2, 1, 3, 1, np.array([0, 1, 1]), np.array([1])),
        ResizeBilinear(2, 2, 1, 1, 1, *neighbours(np.array([0.5]), 2), *neighbours(np.array([0.5]), 2)),
    )
}  # fmt: skip

TOO_LARGE = np.full(2, (1 << 31) - 1, np.int64)
REFUSED = [
    ("conv2d_s8", {"groups": 3}, "groups"),
    ("conv2d_s8", {"stride_w": 0}, "stride_w"),
    ("conv2d_s8", {"output_h": 60000, "stride_h": 60000}, "stride_h"),
    ("conv2d_s8", {"input_h": 60000, "input_w": 60000}, "input_c"),
    ("conv2d_s8", {"weights": np.ones(17, np.int8)}, "weights"),
    ("conv2d_s8", {"weights": np.full(18, 200)}, "weights"),
    ("conv2d_s8", {"bias": np.zeros(3, np.int32)}, "bias"),
    ("conv2d_s8", {"bias": TOO_LARGE}, "bias"),
    ("conv2d_s8", {"bias": TOO_LARGE // 4, "shift": 2}, "bias"),
    ("conv2d_s8", {"multiplier": np.array([1, 1 << 30])}, "multiplier"),
    ("conv2d_s8", {"multiplier": np.array([1, 0])}, "multiplier"),
    ("conv2d_s8", {"multiplier": np.array([1])}, "multiplier"),
    ("conv2d_s8", {"shift": 32}, "shift"),
    ("conv2d_s8", {"clamp_min": 5, "clamp_max": 4}, "clamp_min"),
    ("conv2d_s8", {"input_zero_point": 128}, "input_zero_point"),
    ("conv2d_s8", {"input_c": 1 << 16}, "input_c"),
    ("conv2d_s8", {"weights": np.ones(18, np.float32)}, "weights"),
    ("conv2d_add_s8", {"weights": np.ones(17, np.int8)}, "weights"),
    ("conv2d_add_s8", {"sum_bias": (1 << 31) - 1}, "sum_bias"),
    ("conv2d_add_s8", {"sum_clamp_min": 5, "sum_clamp_max": 4}, "sum_bias"),
    ("conv2d_add_s8", {"strip_rows": 0}, "strip_rows"),
    ("conv2d_max_pool_s8", {"bias": TOO_LARGE}, "bias"),
    ("conv2d_max_pool_s8", {"strip_rows": 2}, "strip_rows"),
    ("conv2d_max_pool_s8", {"pool_stride_w": 0}, "pooled_h"),
    ("conv2d_spatial_s8", {"bias": TOO_LARGE}, "bias"),
    ("conv2d_spatial_s8", {"patch": 0}, "patch"),
    ("conv2d_spatial_s8", {"patch": 5}, "patch"),
    ("conv2d_spatial_s8", {"masks": np.zeros(2, np.uint8)}, "masks"),
    ("conv2d_spatial_s8", {"thresholds": np.zeros(3, np.int32)}, "thresholds"),
    ("conv2d_spatial_s8", {"mask_channel_step": 2}, "mask_channel_step"),
    ("conv2d_spatial_s8", {"mask_column_step": 3}, "mask_column_step"),
    ("conv2d_spatial_s8", {"mask_row_step": 3}, "mask_row_step"),
    ("conv2d_add_spatial_s8", {"sum_bias": (1 << 31) - 1}, "sum_bias"),
    ("conv2d_add_spatial_s8", {"strip_rows": 1}, "strip_rows"),
    ("conv2d_add_spatial_s8", {"thresholds": np.zeros(3, np.int32)}, "thresholds"),
    ("conv2d_max_pool_spatial_s8", {"pool_pad_top": 1}, "pool_kernel_h"),
    ("conv2d_max_pool_spatial_s8", {"thresholds": np.zeros(3, np.int32)}, "patch"),
    ("conv2d_zero_input_s8", {"groups": 3}, "groups"),
    ("conv2d_zero_input_s8", {"bias": TOO_LARGE}, "bias"),
    ("conv2d_early_s8", {"bias": TOO_LARGE}, "bias"),
    ("conv2d_early_s8", {"order": np.zeros(18, np.uint16)}, "order"),
    ("conv2d_early_s8", {"start": np.array([0, 1])}, "start"),
    ("conv2d_early_s8", {"bias": TOO_LARGE - 9 * 128, "start": TOO_LARGE - 9 * 128}, "start"),
    ("conv2d_early_s8", {"falls_from": np.array([9, 8])}, "falls_from"),
    ("conv2d_early_s8", {"rises_from": np.array([10, 9])}, "rises_from"),
    ("conv2d_early_s8", {"lowest": np.full(2, (1 << 31) - 1)}, "lowest"),
    ("conv2d_early_s8", {"highest": np.zeros(2, np.int32)}, "highest"),
    ("conv2d_early_s8", {"prefix": np.array([0, 10])}, "prefix"),
    ("conv2d_early_s8", {"prefix": np.array([0, 1])}, "prefix"),
    ("conv2d_early_s8", {"thresholds": np.zeros(1, np.int32)}, "thresholds"),
    ("conv2d_perforated_s8", {"weights": np.ones(17, np.int8)}, "weights"),
    ("conv2d_perforated_s8", {"source": np.zeros(15, np.uint16)}, "source"),
    ("conv2d_perforated_s8", {"source": np.full(16, 16)}, "source"),
    ("conv2d_perforated_s8", {"source": np.arange(1, 17) % 16}, "source"),
    ("conv2d_perforated_s8", {"block_positions": 0}, "block_positions"),
    ("depthwise_conv2d_s8", {"channel_multiplier": 1}, "output_c"),
    ("depthwise_conv2d_s8", {"weights": np.ones(35, np.int8)}, "weights"),
    ("depthwise_conv2d_s8", {"bias": np.full(4, (1 << 31) - 1)}, "bias"),
    ("conv_transpose2d_s8", {"groups": 4}, "groups"),
    ("conv_transpose2d_s8", {"stride_h": 2}, "bias"),
    ("conv_transpose2d_s8", {"weights": np.ones(1, np.int8)}, "weights"),
    ("conv_transpose2d_s8", {"bias": TOO_LARGE}, "bias"),
    ("fully_connected_s8", {"rows": 0}, "rows"),
    ("fully_connected_s8", {"weights": np.ones(5, np.int8)}, "weights"),
    ("fully_connected_s8", {"bias": TOO_LARGE}, "bias"),
    ("matmul_s8", {"a_batch_stride": 5}, "a_batch_stride"),
    ("matmul_s8", {"b_batch_stride": 6}, "b_batch_stride"),
    ("matmul_s8", {"b_transposed": 2}, "b_transposed"),
    ("matmul_s8", {"inner": 1 << 20, "a_batch_stride": 0}, "inner"),
    ("matmul_s8", {"multiplier": 0}, "multiplier"),
    ("add_s8", {"dims": (2, 3)}, "dims"),
    ("add_s8", {"dims": (1, 1, 1, 1, 0, 3)}, "dims"),
    ("add_s8", {"a_steps": (0, 0, 0, 0, 1, 2)}, "a_steps"),
    ("add_s8", {"b_steps": (0, 0, 0, 0, 4, 1)}, "b_steps"),
    ("add_s8", {"bias": (1 << 31) - 1}, "bias"),
    ("add_s8", {"right_shift": 32}, "right_shift"),
    ("add_s8", {"weight_a": 1 << 15}, "weight_a"),
    ("mul_s8", {"shift": 20}, "shift"),
    ("mul_s8", {"b_steps": (0, 0, 0, 0, 0, 2)}, "b_steps"),
    ("lut_s8", {"table": np.zeros(255, np.int8)}, "table"),
    ("lut_s8", {"count": 0}, "count"),
    ("prelu_s8", {"channels": 4}, "channels"),
    ("prelu_s8", {"slope": np.zeros(2, np.int16)}, "slope"),
    ("prelu_s8", {"shift": 15}, "shift"),
    ("softmax_s8", {"table": np.zeros(256, np.uint16)}, "table"),
    ("softmax_s8", {"depth": 40000}, "depth"),
    ("log_softmax_s8", {"step": 1 << 24}, "step"),
    ("log_softmax_s8", {"multiplier": 1 << 30}, "multiplier"),
    ("log_softmax_s8", {"exp_table": np.zeros(256, np.uint16)}, "exp_table"),
    ("log_softmax_s8", {"log_table": np.arange(65, 0, -1)}, "log_table"),
    ("log_softmax_s8", {"depth": 40000}, "depth"),
    ("max_pool2d_s8", {"kernel_h": 0}, "kernel_h"),
    ("max_pool2d_s8", {"clamp_max": -129}, "clamp_max"),
    ("avg_pool2d_s8", {"smallest_count": 5}, "smallest_count"),
    ("avg_pool2d_s8", {"multiplier": np.ones(1, np.int32)}, "multiplier"),
    ("avg_pool2d_s8", {"shift": 24}, "shift"),
    ("avg_pool2d_s8", {"count_include_pad": 2}, "count_include_pad"),
    ("copy_s8", {"input_steps": (0, 0, 0, 0, -3, 1)}, "input_offset"),
    ("copy_s8", {"output_offset": 10}, "output_offset"),
    ("copy_s8", {"output_steps": (0, 0, 0, 0, 2, 1)}, "output_steps"),
    ("copy_s8", {"dims": (3,)}, "dims"),
    ("concat_s8", {"weight": np.array([1])}, "weight"),
    ("concat_s8", {"inner": np.array([0, 2])}, "inner"),
    ("concat_s8", {"bias": np.array([0, (1 << 31) - 1])}, "bias"),
    ("concat_s8", {"right_shift": np.array([0, 32])}, "right_shift"),
    ("resize_nearest_s8", {"rows": np.array([0, 1, 2])}, "rows"),
    ("resize_nearest_s8", {"columns": np.array([0, 0])}, "columns"),
    ("resize_bilinear_s8", {"row_high": np.array([2])}, "row_high"),
    ("resize_bilinear_s8", {"column_weight": np.array([1025])}, "column_weight"),
]


@pytest.mark.parametrize("kernel", sorted(QOPS))
def test_the_unchanged_operator_holds_and_describes_itself(kernel: str) -> None:
    VALID[kernel].verify()
    assert VALID[kernel].describe


@pytest.mark.parametrize(("kernel", "change", "named"), REFUSED, ids=lambda v: str(v) if isinstance(v, str) else "-".join(v))
def test_what_a_kernel_cannot_bear_is_refused(kernel: str, change: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=rf"^{kernel}\.{named}:"):
        replace(VALID[kernel], **change).verify()


def test_every_operator_has_a_refusal() -> None:
    assert {kernel for kernel, _, _ in REFUSED} == QOPS.keys()


def test_average_sums_beyond_32_bits_are_refused() -> None:
    huge = {"input_h": 3000, "input_w": 3000, "kernel_h": 3000, "kernel_w": 3000, "output_h": 1, "output_w": 1, "pad_top": 0, "pad_left": 0}
    pool = replace(VALID["avg_pool2d_s8"], **huge, pad_bottom=0, pad_right=0)
    assert isinstance(pool, AveragePool2D)
    with pytest.raises(ValueError, match=r"avg_pool2d_s8\.kernel_h"):
        pool.with_scale(1.0).verify()


@pytest.mark.parametrize(
    ("kernel", "text"),
    [
        ("conv2d_s8", "3x3 s1 g2 2->2"),
        ("depthwise_conv2d_s8", "3x3 s1 2->4"),
        ("fully_connected_s8", "3->2"),
        ("matmul_s8", "2 x 2x3 @ 3x4"),
        ("softmax_s8", "1 x 4"),
        ("concat_s8", "1 x (1+2)"),
    ],
)
def test_descriptions(kernel: str, text: str) -> None:
    assert VALID[kernel].describe == text


def test_unequal_strides_and_dilation_are_described() -> None:
    assert replace(VALID["max_pool2d_s8"], stride_h=2, dilation_w=3).describe == "3x3 s2x1 d1x3 2"

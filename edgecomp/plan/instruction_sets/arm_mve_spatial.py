"""The convolution with vector instructions that predicts zeros, `runtime_c/src/arm_mve/ec_conv2d_spatial_s8.c`."""

from __future__ import annotations

from dataclasses import replace

from edgecomp.plan.instruction_sets import arm_dsp_spatial
from edgecomp.plan.kernels import Kernel
from edgecomp.qgraph import QOp
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv2d_spatial import Conv2DSpatial

LEAST_PRODUCTS = 288
"""Of an output, from which on leaving some out can pay: what comes with an output costs about as much as a hundred."""
BLOCK = 4
"""Channels that are judged together."""
WORD_LIMIT = 1 << 16
"""Channels in lists are 16-bit numbers."""


def _supports(op: QOp, dense: Kernel) -> bool:
    """Many products an output, no groups, and channels that share their masks."""
    assert isinstance(op, Conv2DSpatial)
    products = op.kernel_h * op.kernel_w * op.input_c
    fits = BLOCK <= op.output_c < WORD_LIMIT and products >= LEAST_PRODUCTS
    return fits and op.groups == 1 and op.mask_channel_step == 0 and dense.supports(op)


def _pack(op: QOp, dense: Kernel) -> QOp:
    """Weights and multipliers of the dense kernel, which has no more of them where there are as many filters as in a block."""
    assert isinstance(op, Conv2DSpatial)
    packed = dense.pack(op.convolution)
    assert isinstance(packed, Conv2D)
    return replace(op, weights=packed.weights, multiplier=packed.multiplier, shift=packed.shift)


def _scratch_bytes(op: QOp) -> int:
    """Columns of each row of a patch, a list, flags of a row of patches."""
    assert isinstance(op, Conv2DSpatial)
    shared = op.dilation_w == 1 and op.stride_w <= op.kernel_w
    columns = (op.output_w - 1) * op.stride_w + op.kernel_w if shared else op.output_w * op.kernel_w
    strips = op.patch * columns * op.kernel_h * op.input_c
    return -(-strips // 2) * 2 + 2 * (op.output_c + 1) + -(-op.output_w // op.patch) * op.output_c


def conv2d_spatial(dense: Kernel) -> Kernel:
    """The kernel; `dense` is the convolution of the same set."""
    return replace(
        dense,
        name=Conv2DSpatial.kernel,
        supports=lambda op: _supports(op, dense),
        pack=lambda op: _pack(op, dense),
        scratch_bytes=_scratch_bytes,
        overlap_bytes=arm_dsp_spatial.overlap_bytes,
    )

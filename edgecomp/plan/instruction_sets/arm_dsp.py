"""Kernels for the DSP instructions of Cortex-M4, M7, M33 and newer: one line a kernel, the layouts they read in files of their own."""

from __future__ import annotations

from collections.abc import Mapping

from edgecomp.plan.instruction_sets import arm_dsp_dense, arm_dsp_depthwise
from edgecomp.plan.kernels import Kernel

KERNELS: Mapping[str, Kernel] = {
    "conv2d_s8": arm_dsp_dense.CONV2D,
    "fully_connected_s8": arm_dsp_dense.FULLY_CONNECTED,
    "depthwise_conv2d_s8": arm_dsp_depthwise.DEPTHWISE_CONV2D,
}

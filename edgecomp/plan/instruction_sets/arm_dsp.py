"""Kernels for the DSP instructions of Cortex-M4, M7, M33 and newer: one line a kernel, the layouts they read in files of their own."""

from __future__ import annotations

from collections.abc import Mapping

from edgecomp.plan.instruction_sets import arm_dsp_dense, arm_dsp_depthwise, arm_dsp_spatial, arm_dsp_zero_input
from edgecomp.plan.instruction_sets.portable import overlap_bytes
from edgecomp.plan.kernels import Kernel, Tile

ISA = "arm_dsp"
FOUR = Tile(inputs=4)

KERNELS: Mapping[str, Kernel] = {
    "conv2d_s8": arm_dsp_dense.CONV2D,
    "fully_connected_s8": arm_dsp_dense.FULLY_CONNECTED,
    **arm_dsp_spatial.KERNELS,
    "conv2d_zero_input_s8": arm_dsp_zero_input.KERNEL,
    "depthwise_conv2d_s8": arm_dsp_depthwise.DEPTHWISE_CONV2D,
    "conv_transpose2d_s8": Kernel("conv_transpose2d_s8", ISA, Tile(output_channels=4, inputs=4)),
    "matmul_s8": Kernel("matmul_s8", ISA, FOUR),
    "add_s8": Kernel("add_s8", ISA, FOUR),
    "mul_s8": Kernel("mul_s8", ISA, FOUR),
    "lut_s8": Kernel("lut_s8", ISA),
    "softmax_s8": Kernel("softmax_s8", ISA),
    "copy_s8": Kernel("copy_s8", ISA),
    "concat_s8": Kernel("concat_s8", ISA, FOUR),
    "max_pool2d_s8": Kernel("max_pool2d_s8", ISA, Tile(output_channels=4), overlap_bytes=overlap_bytes),
    "avg_pool2d_s8": Kernel("avg_pool2d_s8", ISA, Tile(output_channels=4), overlap_bytes=overlap_bytes),
}

"""Kernels for Armv7-M without DSP instructions (Cortex-M3): Thumb-2, multiplication with accumulation, 32 x 32 to 64 bits."""

from __future__ import annotations

from collections.abc import Mapping

from edgecomp.plan.instruction_sets import planes, quads, triples, zero_input_quads
from edgecomp.plan.kernels import Kernel

ISA = "arm_v7m"

KERNELS: Mapping[str, Kernel] = {
    "conv2d_s8": triples.conv2d(ISA),
    "conv2d_zero_input_s8": zero_input_quads.conv2d(ISA),
    "fully_connected_s8": quads.fully_connected(ISA),
    "depthwise_conv2d_s8": planes.depthwise_conv2d(ISA),
    "add_s8": Kernel("add_s8", ISA),
}

"""Kernels for Armv6-M (Cortex-M0 and M0+): Thumb with eight low registers, multiplication of 32 bits without accumulation."""

from __future__ import annotations

from collections.abc import Mapping

from edgecomp.plan.instruction_sets import planes, quads, triples, zero_input_quads
from edgecomp.plan.kernels import Kernel

ISA = "arm_v6m"

SUM_LIMIT = 1 << 30
"""Of what is requantized: its products with 16-bit halves of a multiplier are added up in 32 bits."""

KERNELS: Mapping[str, Kernel] = {
    "conv2d_s8": triples.conv2d(ISA, biased=True, sum_limit=SUM_LIMIT, segment_bytes=16),
    "conv2d_zero_input_s8": zero_input_quads.conv2d(ISA, sum_limit=SUM_LIMIT),
    "fully_connected_s8": quads.fully_connected(ISA, sum_limit=SUM_LIMIT),
    "depthwise_conv2d_s8": planes.depthwise_conv2d(ISA, sum_limit=SUM_LIMIT),
    "add_s8": Kernel("add_s8", ISA),
}

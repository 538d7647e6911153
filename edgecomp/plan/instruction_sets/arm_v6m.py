"""Kernels for Armv6-M (Cortex-M0 and M0+): Thumb with eight low registers, multiplication of 32 bits without accumulation."""

from __future__ import annotations

from collections.abc import Mapping

from edgecomp.plan.kernels import Kernel

ISA = "arm_v6m"

KERNELS: Mapping[str, Kernel] = {}

"""The kernels of each instruction set beyond the portable ones: one file a set, one line here."""

from __future__ import annotations

from edgecomp.plan.instruction_sets import arm_dsp, arm_mve, arm_v6m, arm_v7m, in_place, portable, riscv, riscv_winograd
from edgecomp.plan.instruction_sets.fused import with_fused
from edgecomp.plan.instruction_sets.positions import with_perforated
from edgecomp.plan.kernels import KernelTable

_SETS: KernelTable = {
    "arm_dsp": arm_dsp.KERNELS,
    "arm_mve": arm_mve.KERNELS,
    "arm_v6m": arm_v6m.KERNELS,
    "arm_v7m": arm_v7m.KERNELS,
    "riscv": riscv.KERNELS,
    "riscv_winograd": riscv_winograd.KERNELS,
    "in_place": in_place.KERNELS,
    "portable": portable.KERNELS,
}

KERNELS: KernelTable = {isa: with_perforated(isa, with_fused(isa, kernels)) for isa, kernels in _SETS.items()}

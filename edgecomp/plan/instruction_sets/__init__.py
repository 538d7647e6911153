"""The kernels of each instruction set beyond the portable ones: one file a set, one line here."""

from __future__ import annotations

from edgecomp.plan.instruction_sets import portable
from edgecomp.plan.kernels import KernelTable

KERNELS: KernelTable = {"portable": portable.KERNELS}

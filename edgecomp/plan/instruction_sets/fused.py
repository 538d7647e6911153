"""Fused convolutions: kernels that call a set's own convolution row by row, and so follow from it.

`runtime_c/src/<set>/ec_conv2d_add_s8.c` and `ec_conv2d_max_pool_s8.c` name the kernels they call; `FUSED` says the same here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from edgecomp.plan.kernels import Kernel
from edgecomp.plan.overlap import sliding_distance
from edgecomp.qgraph import QOp
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv2d_add import Conv2DAdd
from edgecomp.qops.conv2d_max_pool import Conv2DMaxPool
from edgecomp.target import PORTABLE_ISA

ALIGNMENT_BYTES = 16
"""EC_CONV2D_ROWS_ALIGNMENT of runtime_c/include/ec_conv2d_rows.h."""


@dataclass(frozen=True)
class Reader:
    """The instruction sets whose kernels for the sum and the pool the fused kernels of a set call."""

    add: str = PORTABLE_ISA
    max_pool: str = PORTABLE_ISA


FUSED: Mapping[str, Reader] = {"arm_dsp": Reader(), "riscv": Reader(), "portable": Reader()}


def with_fused(isa: str, kernels: Mapping[str, Kernel]) -> Mapping[str, Kernel]:
    """A set's kernels and the fused ones, if the set has them."""
    if isa not in FUSED:
        return kernels
    conv = kernels[Conv2D.kernel]

    def fused(name: str, reader: str, called: str) -> Kernel:
        return replace(
            conv,
            name=name,
            uses=(conv, Kernel(reader, called)),
            supports=lambda op: all(conv.supports(strip) for strip in _strips(op)),
            scratch_bytes=lambda op: _scratch_bytes(op, conv),
            overlap_bytes=_overlap_bytes,
        )

    add = fused(Conv2DAdd.kernel, "add_s8", FUSED[isa].add)
    max_pool = fused(Conv2DMaxPool.kernel, "max_pool2d_s8", FUSED[isa].max_pool)
    return {**kernels, add.name: add, max_pool.name: max_pool}


def _row_ranges(op: Conv2DAdd | Conv2DMaxPool) -> Iterator[tuple[int, int]]:
    """(first row, number of rows) of the convolution's output for each call of it, as in ec_conv2d_add_rows.h and its like."""
    if isinstance(op, Conv2DAdd):
        yield from ((row, min(op.strip_rows, op.output_h - row)) for row in range(0, op.output_h, op.strip_rows))
        return
    done = 0
    for row in range(op.pooled_h):
        top = row * op.pool_stride_h - op.pool_pad_top
        first = max(done, min(max(top, 0), op.output_h))
        done = max(first, min(top + op.pool_kernel_h, op.output_h))
        if done > first:
            yield first, done - first


@lru_cache(maxsize=256)
def _strips(op: QOp) -> tuple[Conv2D, ...]:
    """The convolutions that the kernel is called with."""
    assert isinstance(op, (Conv2DAdd, Conv2DMaxPool))
    whole, found = op.convolution, []
    for first, count in _row_ranges(op):
        top = first * op.stride_h - op.pad_top
        above = min(max(top, 0), op.input_h)
        found.append(replace(whole, output_h=count, input_h=op.input_h - above, pad_top=max(-top, 0)))
    return tuple(found)


def _scratch_bytes(op: QOp, conv: Kernel) -> int:
    """The rows, and behind them what the convolution needs."""
    assert isinstance(op, (Conv2DAdd, Conv2DMaxPool))
    rows_bytes = op.strip_rows * op.output_w * op.output_c
    return -(-rows_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES + max((conv.scratch_bytes(strip) for strip in _strips(op)), default=0)


@dataclass(frozen=True)
class _Combined:
    """Pooled pixels as windows of the convolution's input."""

    op: Conv2DMaxPool

    @property
    def input_h(self) -> int:
        return self.op.input_h

    @property
    def input_w(self) -> int:
        return self.op.input_w

    @property
    def input_c(self) -> int:
        return self.op.input_c

    @property
    def output_h(self) -> int:
        return self.op.pooled_h

    @property
    def output_w(self) -> int:
        return self.op.pooled_w

    @property
    def stride_h(self) -> int:
        return self.op.stride_h * self.op.pool_stride_h

    @property
    def stride_w(self) -> int:
        return self.op.stride_w * self.op.pool_stride_w

    @property
    def pad_top(self) -> int:
        return self.op.pad_top + self.op.stride_h * self.op.pool_pad_top

    @property
    def pad_left(self) -> int:
        return self.op.pad_left + self.op.stride_w * self.op.pool_pad_left


def _overlap_bytes(op: QOp) -> int | None:
    """A pooled row is written when all that it reads has been; a sum takes the residual's place instead."""
    if not isinstance(op, Conv2DMaxPool):
        return None
    return sliding_distance(_Combined(op), op.output_c, op.pooled_w, gathers=True)

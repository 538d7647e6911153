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


MOST_WASTE = 0.02
"""Pixels that a strip's blocks may compute beyond its own, as a part of them."""


@dataclass(frozen=True)
class Calls:
    """What the fused kernels of a set call beside its convolution, and how many pixels that computes together, over ends of rows."""

    add: str = PORTABLE_ISA
    """The set of the sum's kernel."""
    max_pool: str = PORTABLE_ISA
    block_pixels: int = 1


FUSED: Mapping[str, Calls] = {
    "arm_dsp": Calls(add="arm_dsp", max_pool="arm_dsp", block_pixels=4),
    "arm_mve": Calls(add="arm_mve", max_pool="arm_mve"),
    "arm_v6m": Calls(add="arm_v6m", block_pixels=3),
    "arm_v7m": Calls(add="arm_v7m", block_pixels=3),
    "riscv": Calls(add="riscv", block_pixels=4),
    "portable": Calls(),
}


def with_fused(isa: str, kernels: Mapping[str, Kernel]) -> Mapping[str, Kernel]:
    """A set's kernels and the fused ones, if the set has them."""
    if isa not in FUSED:
        return kernels
    conv, calls = kernels[Conv2D.kernel], FUSED[isa]

    def fused(name: str, reader: str, called: str) -> Kernel:
        return replace(
            conv,
            name=name,
            uses=(conv, Kernel(reader, called)),
            supports=lambda op: all(conv.supports(strip) for strip in _strips(op, calls.block_pixels)),
            pack=lambda op: conv.pack(_with_strips(op, calls.block_pixels)),
            scratch_bytes=lambda op: _scratch_bytes(op, conv, calls.block_pixels),
            overlap_bytes=_overlap_bytes,
        )

    add = fused(Conv2DAdd.kernel, "add_s8", calls.add)
    max_pool = fused(Conv2DMaxPool.kernel, "max_pool2d_s8", calls.max_pool)
    return {**kernels, add.name: add, max_pool.name: max_pool}


def _with_strips(op: QOp, block_pixels: int) -> Conv2DAdd | Conv2DMaxPool:
    """The operator with as few rows computed together as fill blocks well; a pool's are given by its windows."""
    assert isinstance(op, (Conv2DAdd, Conv2DMaxPool))
    if isinstance(op, Conv2DMaxPool) or block_pixels == 1:
        return op

    def waste(rows: int) -> float:
        return -(-rows * op.output_w // block_pixels) * block_pixels / (rows * op.output_w) - 1

    choices = range(1, min(block_pixels, op.output_h) + 1)
    enough = [rows for rows in choices if waste(rows) <= MOST_WASTE]
    return replace(op, strip_rows=enough[0] if enough else min(choices, key=waste))


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
def _strips(op: QOp, block_pixels: int) -> tuple[Conv2D, ...]:
    """The convolutions that the kernel is called with."""
    fused = _with_strips(op, block_pixels)
    whole, found = fused.convolution, []
    for first, count in _row_ranges(fused):
        top = first * whole.stride_h - whole.pad_top
        above = min(max(top, 0), whole.input_h)
        found.append(replace(whole, output_h=count, input_h=whole.input_h - above, pad_top=max(-top, 0)))
    return tuple(found)


def _scratch_bytes(op: QOp, conv: Kernel, block_pixels: int) -> int:
    """The rows, and behind them what the convolution needs."""
    fused = _with_strips(op, block_pixels)
    rows_bytes = fused.strip_rows * fused.output_w * fused.output_c
    needed = max((conv.scratch_bytes(strip) for strip in _strips(op, block_pixels)), default=0)
    return -(-rows_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES + needed


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

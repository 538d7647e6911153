"""Perforated convolutions: kernels that call a set's own convolution on windows brought together, and so follow from it.

`runtime_c/src/<set>/ec_conv2d_perforated_s8.c` names the convolution that it calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgecomp.plan.kernels import Kernel
from edgecomp.qgraph import QOp
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv2d_perforated import Conv2DPerforated, block_positions

ALIGNMENT_BYTES = 16
"""EC_CONV2D_ROWS_ALIGNMENT of runtime_c/include/ec_conv2d_rows.h."""
TILES: Mapping[str, int] = {"arm_dsp": 4, "arm_mve": 3, "arm_v6m": 3, "arm_v7m": 3, "riscv": 6, "portable": 1}
"""Pixels of a row that the convolution of each set computes together."""


def with_perforated(isa: str, kernels: Mapping[str, Kernel]) -> Mapping[str, Kernel]:
    """A set's kernels and the perforated convolution, if the set has it."""
    if isa not in TILES:
        return kernels
    conv, tile = kernels[Conv2D.kernel], TILES[isa]
    perforated = replace(
        conv,
        name=Conv2DPerforated.kernel,
        uses=(conv,),
        supports=lambda op: all(conv.supports(row) for row in _rows(op, tile)),
        pack=lambda op: _packed(op, conv, tile),
        scratch_bytes=lambda op: _scratch_bytes(op, conv, tile),
        overlap_bytes=lambda op: None,
    )
    return {**kernels, perforated.name: perforated}


def _in_blocks(op: QOp, tile: int) -> Conv2DPerforated:
    """The operator with as many positions together as fill whole tiles."""
    assert isinstance(op, Conv2DPerforated)
    return op if tile == 1 else replace(op, block_positions=block_positions(op, tile))


def _rows(op: QOp, tile: int) -> list[Conv2D]:
    """The convolutions that the kernel is called with: on whole blocks, and on what is left at the end."""
    blocks = _in_blocks(op, tile)
    whole, left = divmod(len(blocks.computed), blocks.block_positions)
    return [blocks.pointwise(count) for count in ([blocks.block_positions] if whole else []) + ([left] if left else [])]


def _packed(op: QOp, conv: Kernel, tile: int) -> QOp:
    """Constants as the convolution has them for a 1x1 kernel."""
    blocks = _in_blocks(op, tile)
    packed = conv.pack(blocks.pointwise(blocks.block_positions))
    assert isinstance(packed, Conv2D)
    return replace(blocks, weights=packed.weights, bias=packed.bias, multiplier=packed.multiplier)


def _scratch_bytes(op: QOp, conv: Kernel, tile: int) -> int:
    """Windows, their results, and behind them what the convolution needs."""
    blocks = _in_blocks(op, tile)
    windows, results = (-(-blocks.block_positions * size // ALIGNMENT_BYTES) for size in (blocks.patch_bytes, blocks.output_c))
    return ALIGNMENT_BYTES * (windows + results) + max(conv.scratch_bytes(row) for row in _rows(op, tile))

"""Weights of fully connected layers that get four products from three multiplications, see runtime_c/include/ec_quads.h."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgecomp.graph import Array
from edgecomp.plan.kernels import Kernel, Tile
from edgecomp.qgraph import QOp
from edgecomp.qops.fully_connected import FullyConnected
from edgecomp.qops.requantize import accumulator_bound

QUAD = 4
"""Outputs whose weights share a word, and whose sums share three accumulators."""
SUM_LIMIT = 1 << 23
"""Sums over a segment are within -SUM_LIMIT..SUM_LIMIT - 1."""
MOST_SEGMENTS = 8


def _rows(op: QOp) -> Array:
    assert isinstance(op, FullyConnected)
    return np.asarray(op.weights, np.int8).reshape(op.output_n, op.input_n)


def _segment(rows: Array) -> int:
    """How many inputs make a segment such that no sum over one leaves 24 bits, whatever they are."""
    count = rows.shape[1]
    sizes = (-(-count // segments) for segments in range(1, count + 1))
    magnitudes = np.abs(rows.astype(np.int64))
    return next(int(size) for size in sizes if 128 * int(np.add.reduceat(magnitudes, np.arange(0, count, size), axis=1).max()) < SUM_LIMIT)


def _supports(op: QOp, sum_limit: int) -> bool:
    """Segments are few, and shifted sums stay below the limit."""
    assert isinstance(op, FullyConnected)
    rows = _rows(op)
    largest = int(accumulator_bound(rows, np.asarray(op.bias), (1,)).max()) << op.shift
    return largest < sum_limit and -(-op.input_n // _segment(rows)) <= MOST_SEGMENTS


def _words(rows: Array) -> Array:
    """[outputs, inputs] to [inputs, outputs], plus 128."""
    return np.ascontiguousarray((rows.view(np.uint8) ^ np.uint8(0x80)).T).view(np.int8).reshape(-1)


def _pack(op: QOp) -> QOp:
    assert isinstance(op, FullyConnected)
    rows = _rows(op)
    pieces, done = [np.array([_segment(rows)], "<u4").view(np.int8)], 0
    for outputs in (2 * QUAD, QUAD):
        while len(rows) - done >= outputs:
            pieces.append(_words(rows[done : done + outputs]))
            done += outputs
    return replace(op, weights=np.concatenate([*pieces, rows[done:].reshape(-1)]))


def fully_connected(isa: str, sum_limit: int = 1 << 31) -> Kernel:
    """The fully connected layer of an instruction set.

    Args:
        sum_limit: shifted sums must stay below.
    """
    return Kernel(FullyConnected.kernel, isa, tile=Tile(output_channels=QUAD), supports=lambda op: _supports(op, sum_limit), pack=_pack)

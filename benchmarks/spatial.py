"""Instructions of convolutions that predict zeros, by the share of (patch, channel) pairs predicted, against the dense kernel.

    python benchmarks/spatial.py [BOARD ...]          print the ratio to dense by zero rate, and the rate from which on it pays
    python benchmarks/spatial.py --masks MASKS ...    the same where channels, or channels and patches, have masks of their own

Shapes are those of cifar10_cnn6 and ic_resnet8 and a few more, under the 2x2 diagonal or other masks. Inputs and weights are random, so
patches are predicted independently of one another: clusters of zeros, as trained networks have, cost a little less. Every output is held
against the numpy reference on the way.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks.measure import Measured, measure, random_inputs  # noqa: E402
from benchmarks.shapes import add, conv  # noqa: E402
from edgecomp.qgraph import IntArray, QOp  # noqa: E402
from edgecomp.qops.conv2d import Conv2D  # noqa: E402
from edgecomp.qops.conv2d_add import Conv2DAdd  # noqa: E402
from edgecomp.qops.conv2d_add_spatial import Conv2DAddSpatial  # noqa: E402
from edgecomp.qops.conv2d_spatial import Conv2DSpatial  # noqa: E402
from edgecomp.skip.rules import Spatial  # noqa: E402

DIAGONAL, PATCH = 0b1001, 2
ZERO_RATES = (0.0, 0.25, 0.5, 0.75, 0.9)
TWO = (3, 5, 6, 9, 10, 12)
"""Masks of two positions."""
MASKS = ("diagonal", "diagonals", "two", "two-by-patch", "three")
"""The diagonal; either one, by channel; any two positions, by channel; by channel and patch; three positions."""
BOARDS = ("qemu_cortex_m4", "qemu_cortex_m55")


def with_residual(op: Conv2D) -> Conv2DAdd:
    """`op` and a sum behind it."""
    size = op.output_h * op.output_w * op.output_c
    return Conv2DAdd.joined(op, add((size,), (size,)), conv_is_first=True)


SHAPES: Mapping[str, Conv2D] = {
    "3x3 16->16 @32x32": conv(32, 32, 16, 16),
    "3x3 16->32 @16x16": conv(16, 16, 16, 32),
    "3x3 32->32 @16x16": conv(16, 16, 32, 32),
    "3x3 32->64 @8x8": conv(8, 8, 32, 64),
    "3x3 64->64 @8x8": conv(8, 8, 64, 64),
    "3x3 s2 16->32 @32x32": conv(32, 32, 16, 32, stride=2),
    "3x3 s2 32->64 @16x16": conv(16, 16, 32, 64, stride=2),
    "3x3 8->8 @16x16": conv(16, 16, 8, 8),
    "1x1 64->64 @12x12": conv(12, 12, 64, 64, (1, 1)),
    "1x1 32->128 @8x8": conv(8, 8, 32, 128, (1, 1)),
    "5x5 16->24 @14x14": conv(14, 14, 16, 24, (5, 5)),
    "3x3 16->16 + residual @32x32": with_residual(conv(32, 32, 16, 16)),
    "3x3 32->32 + residual @16x16": with_residual(conv(16, 16, 32, 32)),
    "3x3 64->64 + residual @8x8": with_residual(conv(8, 8, 64, 64)),
}


def masks_of(kind: str, op: Conv2D) -> IntArray:
    """[patch rows or 1, patch columns or 1, channels or 1]."""
    rows, columns = (-(-size // PATCH) for size in (op.output_h, op.output_w))
    generator = np.random.default_rng(1)
    if kind in ("diagonal", "three"):
        return np.full((1, 1, 1), DIAGONAL if kind == "diagonal" else 7, np.uint16)
    shape = (rows, columns, op.output_c) if kind == "two-by-patch" else (1, 1, op.output_c)
    return generator.choice((6, 9) if kind == "diagonals" else TWO, shape).astype(np.uint16)


def at_rate(op: Conv2D, inputs: list[IntArray], zero_rate: float, kind: str = "diagonal") -> Conv2DSpatial | Conv2DAddSpatial:
    """`op` under masks of a kind, with thresholds under which that share of the patches of each channel is predicted zero."""
    nothing = Spatial(PATCH, masks_of(kind, op), np.zeros(op.output_c, np.int32))
    predicting = Conv2DAddSpatial.of(op, nothing) if isinstance(op, Conv2DAdd) else Conv2DSpatial.of(op, nothing)
    rows, columns = op.output_h // PATCH, op.output_w // PATCH
    patches = predicting.sums(*inputs)[0].reshape(rows, PATCH, columns, PATCH, op.output_c).transpose(1, 3, 0, 2, 4)
    named = np.broadcast_to(nothing.masks, patches.shape[2:]) >> np.arange(PATCH**2).reshape(PATCH, PATCH, 1, 1, 1) & 1
    most = np.where(named, patches, np.iinfo(np.int32).min).max(axis=(0, 1)).reshape(-1, op.output_c)
    thresholds = np.quantile(most, zero_rate, axis=0, method="lower") if zero_rate else most.min(axis=0) - 1
    rule = Spatial(PATCH, nothing.masks, thresholds.astype(np.int32))
    return Conv2DAddSpatial.of(op, rule) if isinstance(op, Conv2DAdd) else Conv2DSpatial.of(op, rule)


def measured(board: str, kind: str = "diagonal") -> list[Measured]:
    """Each shape dense, then by zero rate."""
    ops: list[QOp] = []
    inputs: list[list[IntArray]] = []
    for op in SHAPES.values():
        values = random_inputs([op], 1, 1)[0]
        ops += [op, *(at_rate(op, values, rate, kind) for rate in ZERO_RATES)]
        inputs += [values] * (1 + len(ZERO_RATES))
    results = measure(ops, board, inputs=inputs)
    wrong = [op.describe for op, found in zip(ops, results, strict=True) if not found.exact or found.instructions is None]
    if wrong:
        raise SystemExit(f"{board}: not counted, or not the reference: {wrong}")
    return results


def show(board: str, kind: str) -> None:
    """A line a shape."""
    results = measured(board, kind)
    print(f"{board:30s} dense/MAC  " + " ".join(f"z={rate:<5}" for rate in ZERO_RATES) + " pays from")
    for position, name in enumerate(SHAPES):
        first = position * (1 + len(ZERO_RATES))
        dense, *rates = results[first : first + 1 + len(ZERO_RATES)]
        ratios = [found.instructions / dense.instructions for found in rates if found.instructions and dense.instructions]
        pays = np.interp(-1.0, [-ratio for ratio in ratios], ZERO_RATES) if ratios[0] > 1 else 0.0
        columns = " ".join(f"{ratio:<7.3f}" for ratio in ratios)
        print(f"{name:30s} {dense.instructions_per_mac:9.3f}  {columns} {pays:9.2f}  {rates[0].isa}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("boards", nargs="*", default=BOARDS)
    parser.add_argument("--masks", choices=MASKS, default="diagonal")
    options = parser.parse_args()
    for board in options.boards:
        show(board, options.masks)


if __name__ == "__main__":
    main()

"""Instructions a MAC of convolutions that leave out zero inputs, by the share of inputs that are not zero, beside the fastest dense kernel.

    python benchmarks/zero_input.py [BOARD ...]      prints Markdown, a table a board

Zeros come in pairs of pixels side by side, for behind a ReLU they cluster. The break-even is the density below which a kernel takes fewer
instructions than the dense one. Every output is held against the numpy reference on the way.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks.measure import Measured, measure  # noqa: E402
from benchmarks.shapes import conv  # noqa: E402
from edgecomp.plan.instruction_sets import KERNELS  # noqa: E402
from edgecomp.qgraph import IntArray, QOp  # noqa: E402
from edgecomp.qops.conv2d import Conv2D  # noqa: E402
from edgecomp.qops.conv2d_zero_input import Conv2DZeroInput  # noqa: E402
from edgecomp.target import Target, load_target  # noqa: E402

DENSITIES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
SHAPES: Mapping[str, Conv2D] = {
    "3x3 16->16 @32x32": conv(32, 32, 16, 16),
    "3x3 16->32 @16x16": conv(16, 16, 16, 32),
    "3x3 32->32 @16x16": conv(16, 16, 32, 32),
    "3x3 32->64 @8x8": conv(8, 8, 32, 64),
    "3x3 64->64 @8x8": conv(8, 8, 64, 64),
    "3x3 s2 16->32 @32x32": conv(32, 32, 16, 32, stride=2),
    "3x3 s2 32->64 @16x16": conv(16, 16, 32, 64, stride=2),
    "1x1 64->64 @12x12": conv(12, 12, 64, 64, (1, 1)),
    "5x5 16->16 @16x16": conv(16, 16, 16, 16, (5, 5)),
}


def behind_relu(op: Conv2D) -> Conv2DZeroInput:
    """The convolution with inputs that begin at -128, outputs clamped there, and weights as trained ones lie."""
    weights = np.clip(np.random.default_rng(1).normal(0, 25, np.size(op.weights)).round(), -127, 127).astype(np.int8)
    return Conv2DZeroInput(**op.convolution_members | {"input_zero_point": -128, "output_zero_point": -128, "weights": weights})


def inputs_of(op: Conv2D, density: float) -> IntArray:
    """[1, size]; pairs of pixels of a row are zero together."""
    generator = np.random.default_rng(2)
    pairs = generator.random((op.input_h, -(-op.input_w // 2), op.input_c)) < density
    kept = pairs.repeat(2, axis=1)[:, : op.input_w]
    return np.where(kept, generator.integers(-127, 128, kept.shape), -128).astype(np.int8).reshape(1, -1)


def on_sets(ops: Sequence[QOp], target: Target, inputs: Sequence[IntArray]) -> list[Measured]:
    """Operators by the kernels of a target's sets."""
    results = measure(ops, target, inputs=[[x] for x in inputs])
    wrong = [result for result in results if not result.exact]
    if wrong:
        raise SystemExit(f"{target.name}: {wrong[0]}")
    return results


def figures(board: str) -> list[tuple[str, str, float, list[float]]]:
    """(shape, instruction set, instructions a MAC of the dense kernel, those at each of DENSITIES)."""
    target, found = load_target(board), []
    ops = {name: behind_relu(op) for name, op in SHAPES.items()}
    dense = on_sets([op.convolution for op in ops.values()], target, [inputs_of(op, 0.5) for op in ops.values()])
    for isa in target.isa:
        kernel = KERNELS.get(isa, {}).get(Conv2DZeroInput.kernel)
        if isa == "portable" or kernel is None:
            continue
        taken = {name: op for name, op in ops.items() if kernel.supports(op)}
        alone = replace(target, isa=(isa, "portable"))
        rows = [on_sets(list(taken.values()), alone, [inputs_of(op, density) for op in taken.values()]) for density in DENSITIES]
        for number, name in enumerate(taken):
            beside = dense[list(SHAPES).index(name)].instructions_per_mac or 0.0
            found.append((name, isa, beside, [row[number].instructions_per_mac or 0.0 for row in rows]))
    return sorted(found, key=lambda row: list(SHAPES).index(row[0]))


def break_even(dense: float, sparse: Sequence[float]) -> str:
    """The density at which both take the same, between two measured ones."""
    if sparse[0] > dense:
        return f"< {DENSITIES[0]}"
    for number in range(1, len(sparse)):
        if sparse[number] > dense:
            share = (dense - sparse[number - 1]) / (sparse[number] - sparse[number - 1])
            return f"{DENSITIES[number - 1] + share * (DENSITIES[number] - DENSITIES[number - 1]):.2f}"
    return f"> {DENSITIES[-1]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("boards", nargs="*", default=["qemu_rv32imc", "qemu_cortex_m4", "qemu_cortex_m3", "qemu_cortex_m0"])
    for board in parser.parse_args().boards:
        print(f"{board}\n\n| shape | kernel | dense | {' | '.join(map(str, DENSITIES))} | break-even |")
        print("|---|---|---|" + "---|" * (len(DENSITIES) + 1))
        for name, isa, dense, sparse in figures(board):
            cells = " | ".join(f"{value:.2f}" for value in sparse)
            print(f"| {name} | {isa} | {dense:.2f} | {cells} | {break_even(dense, sparse)} |")
        print()


if __name__ == "__main__":
    main()

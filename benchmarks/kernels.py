"""Instructions of every kernel on every emulated board over a grid of shapes, compared with the last committed table.

    python benchmarks/kernels.py [BOARD ...]            print, and compare with benchmarks/kernels.json
    python benchmarks/kernels.py --check [BOARD ...]    exit 1 where a figure is more than 2 % worse
    python benchmarks/kernels.py --write [BOARD ...]    rewrite the boards' part of the table
    python benchmarks/kernels.py --fit [BOARD ...]      rewrite the prices in edgecomp/plan/cost.json, from which kernels are chosen

A figure is instructions a MAC, or an element of the output where there are no MACs, of the whole call. Every output is held against
the numpy reference on the way.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import nnls

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks.measure import measure  # noqa: E402
from benchmarks.shapes import GRID  # noqa: E402
from edgecomp.plan import cost  # noqa: E402
from edgecomp.plan.cost import features  # noqa: E402
from edgecomp.target import list_targets, load_target  # noqa: E402

TABLE = Path(__file__).with_name("kernels.json")
TOLERANCE = 0.02
BOARDS = [name for name in list_targets() if name.startswith("qemu_")]


def figures(board: str) -> dict[str, dict[str, Any]]:
    """Measure the grid on one board."""
    results = measure(list(GRID.values()), board)
    found = {}
    for case, result in zip(GRID, results, strict=True):
        if not result.exact:
            raise SystemExit(f"{board}: {case}: (index, reference, board) {result.first_difference}")
        if result.instructions is None:
            raise SystemExit(f"{board}: instructions were not counted; see edgecomp doctor")
        work = result.macs or result.outputs
        found[case] = {
            "isa": result.isa,
            "instructions": result.instructions,
            "per": "MAC" if result.macs else "element",
            "figure": round(result.instructions / work, 3),
        }
    return found


def prices(board: str) -> dict[str, list[float]]:
    """For each kernel of the board's instruction sets the prices of FEATURES that fit the grid best, none negative.

    And for each operator with MACs, as "best/<operator>", the fewest instructions a MAC.
    """
    target = load_target(board)
    samples: dict[str, list[tuple[tuple[float, ...], int]]] = {}
    for isa in target.isa:
        alone = replace(target, isa=tuple(dict.fromkeys((isa, "portable"))))
        for op, result in zip(GRID.values(), measure(list(GRID.values()), alone), strict=True):
            if result.isa == isa and result.instructions is not None:
                samples.setdefault(f"{isa}/{op.kernel}", []).append((features(op), result.instructions))
    fitted = {name: _fit(measured) for name, measured in sorted(samples.items())}
    for kernel in sorted({op.kernel for op in GRID.values() if features(op)[1]}):
        each = [value / row[1] for name, measured in samples.items() if name.endswith(f"/{kernel}") for row, value in measured]
        fitted[f"best/{kernel}"] = [float(f"{min(each):.4g}")]
    return fitted


def _fit(measured: list[tuple[tuple[float, ...], int]]) -> list[float]:
    """Non-negative least squares of the relative error."""
    counts = np.array([row for row, _ in measured], float)
    instructions = np.array([value for _, value in measured], float)
    solution, _ = nnls(counts / instructions[:, None], np.ones(len(measured)))
    return [float(f"{price:.4g}") for price in solution]


def worsened(board: str, measured: dict[str, dict[str, Any]], table: dict[str, Any]) -> list[str]:
    """Cases that take more than TOLERANCE more instructions than the table says."""
    before = table.get(board, {})
    return [
        f"{board}: {case}: {found['instructions']:,} instructions, {before[case]['instructions']:,} in the table"
        for case, found in measured.items()
        if case in before and found["instructions"] > before[case]["instructions"] * (1 + TOLERANCE)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("boards", nargs="*", default=BOARDS)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    if options.fit:
        path = Path(cost.__file__).with_name(cost.TABLE_FILE)
        fitted = json.loads(path.read_text()) if path.exists() else {}
        for board in options.boards:
            fitted[load_target(board).core] = prices(board)
            print(f"fitted {board}", flush=True)
        path.write_text(json.dumps(fitted, indent=1) + "\n")
        return 0
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    worse: list[str] = []
    for board in options.boards:
        measured = figures(board)
        for case, found in measured.items():
            before = table.get(board, {}).get(case)
            change = f"{found['instructions'] / before['instructions'] - 1:+8.1%}" if before else ""
            print(f"{board:16} {case:28} {found['isa']:9} {found['figure']:9.3f} a {found['per']:8}{change}", flush=True)
        worse += worsened(board, measured, table)
        table[board] = measured
    if options.write:
        TABLE.write_text(json.dumps(table, indent=1) + "\n")
    for line in worse:
        print(f"worse: {line}")
    return 1 if options.check and worse else 0


if __name__ == "__main__":
    sys.exit(main())

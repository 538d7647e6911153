"""How many instructions a kernel takes for an operator, told from measurements: a sum of a few counts of work, each at a measured price.

`cost.json` beside this file is written by `benchmarks/kernels.py --fit`: for each core and kernel the prices that fit a grid of shapes
best. The plan compares kernels by it, and `analyze` foretells instructions with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from math import prod
from typing import Any

from edgecomp.qgraph import QOp
from edgecomp.target import PORTABLE_ISA

TABLE_FILE = "cost.json"
FEATURES = ("call", "macs", "outputs", "gathered", "runs", "rows")
"""What is counted: the call, products, output elements, input elements brought together for them, runs of neighbouring input elements
over all outputs, and over all pixels."""


SLOW = 1.5
"""Times the best figure, from which on a report says why."""
REASONS = {
    "call": "the layer is so small that setting it up counts",
    "outputs": "few products an output, so requantizing and storing it counts",
    "gathered": "few output channels share the inputs that are brought together",
    "runs": "its windows are many short runs of inputs",
    "rows": "its windows are many short runs of inputs",
}
"""What makes a feature's share large."""


def features(op: QOp) -> tuple[float, ...]:
    """The counts of FEATURES for one operator."""
    kind: Any = op
    macs = op.work.macs
    if hasattr(op, "output_h"):
        pixels = kind.output_h * kind.output_w
        outputs = pixels * getattr(op, "output_c", kind.input_c)
        kernel_h, kernel_w = getattr(op, "kernel_h", 1), getattr(op, "kernel_w", 1)
        return 1.0, macs, outputs, pixels * kernel_h * kernel_w * kind.input_c, outputs * kernel_h, pixels * kernel_h
    if op.kernel == "fully_connected_s8":
        return 1.0, macs, kind.rows * kind.output_n, kind.rows * kind.input_n, 0.0, 0.0
    if op.kernel == "matmul_s8":
        return 1.0, macs, kind.batch * kind.rows * kind.columns, 0.0, 0.0, 0.0
    if op.kernel in ("softmax_s8", "log_softmax_s8"):
        return 1.0, 0.0, kind.rows * kind.depth, 0.0, kind.rows, 0.0
    if op.variadic:
        return 1.0, 0.0, kind.outer * sum(int(inner) for inner in kind.inner), 0.0, kind.outer * len(kind.inner), 0.0
    elements = kind.count if hasattr(op, "count") else prod(kind.dims)
    runs = elements // kind.dims[-1] if hasattr(op, "dims") else 0.0
    return 1.0, 0.0, elements, 0.0, runs, 0.0


def estimate_instructions(op: QOp, core: str, isa: str) -> int | None:
    """Instructions of one call on a core by the kernel of an instruction set; None where nothing was measured.

    A fused operator takes those of its parts, each of them called several times.
    """
    table = cost_table().get(core, {})
    parts = op.parts or (op,)
    prices = [table.get(f"{isa}/{part.kernel}", table.get(f"{PORTABLE_ISA}/{part.kernel}") if op.parts else None) for part in parts]
    total = 0.0
    for part, price in zip(parts, prices, strict=True):
        if price is None or len(price) != len(FEATURES):
            return None
        calls, *counts = features(part)
        total += sum(count * each for count, each in zip((calls * op.calls, *counts), price, strict=True))
    return round(total)


def best_instructions_per_mac(op: QOp, core: str) -> float | None:
    """That of the best measured shape of the operator's kind on a core; None where nothing was measured."""
    best = cost_table().get(core, {}).get(f"best/{op.kernel}")
    return best[0] if best and op.work.macs else None


def why_slow(op: QOp, core: str, isa: str, instructions: int) -> str | None:
    """Where a layer's instructions go, if they are more than SLOW times those of the best measured shape of its kind a MAC; else None."""
    best = best_instructions_per_mac(op, core)
    macs = op.work.macs
    if best is None or instructions <= SLOW * best * macs:
        return None
    ratio = f"{instructions / macs / best:.1f} times the best shape's instructions a MAC"
    prices = cost_table().get(core, {}).get(f"{isa}/{op.kernel}", ())
    shares = {name: count * price for name, count, price in zip(FEATURES, features(op), prices, strict=False) if name != "macs"}
    if not shares or sum(shares.values()) <= 0:
        return ratio
    largest = max(shares, key=lambda name: shares[name])
    return f"{ratio}: {REASONS[largest]}"


@cache
def cost_table() -> Mapping[str, Mapping[str, Sequence[float]]]:
    """Core -> "<instruction set>/<operator>" -> instructions a unit of each of FEATURES."""
    source = files("edgecomp.plan") / TABLE_FILE
    return json.loads(source.read_text()) if source.is_file() else {}

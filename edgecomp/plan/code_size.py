"""How much flash and stack a model's code will take, told from a table of measured kernels before any compiler is present.

`code_size.json` beside this file is written by `benchmarks/code_size.py`: for each kernel source and core, the bytes of machine
code and constants and the stack of its deepest possible call.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from edgecomp.plan.types import Step
from edgecomp.qgraph import QOp, parameters
from edgecomp.target import Target

TABLE_FILE = "code_size.json"
POINTER_BYTES = 4
UNMEASURED_KERNEL = (1500, 128)
"""(code, stack) assumed for a kernel that the table does not know."""
MODEL_CODE_BYTES = 400
"""init, the frame of run, the model's own record and those of its inputs and outputs."""
CALL_CODE_BYTES = 40
"""One kernel call and the observer's after it."""
LAYER_RECORD_BYTES = 16
"""`ec_layer` on a 32-bit core, without its text."""
MODEL_STACK_BYTES = 64
"""Frames of the model's run and of what the compiler's library adds."""


@dataclass(frozen=True)
class CodeEstimate:
    """Bytes of flash that code and parameter records take, and the deepest stack."""

    code_bytes: int
    stack_bytes: int


def estimate_code(target: Target, steps: Sequence[Step]) -> CodeEstimate:
    """What the compiler will make of a model's kernels, calls and parameter records on a board's core."""
    core = _measured_core(target.core)
    kernels = {step.kernel.source: _measured(step.kernel.source, core) for step in steps}
    records = sum(struct_bytes(type(step.op)) + LAYER_RECORD_BYTES + len(step.node.layer) + 1 for step in steps)
    return CodeEstimate(
        code_bytes=MODEL_CODE_BYTES + sum(code for code, _ in kernels.values()) + CALL_CODE_BYTES * len(steps) + records,
        stack_bytes=MODEL_STACK_BYTES + max((stack for _, stack in kernels.values()), default=0),
    )


def struct_bytes(kind: type[QOp]) -> int:
    """Size of a kernel's parameter struct on a 32-bit core, by the rules of C: each member and the whole are aligned."""
    offset, widest = 0, 1
    for ctype in parameters(kind).values():
        size = POINTER_BYTES if ctype.pointer else np.dtype(ctype.name.removesuffix("_t")).itemsize
        offset = -(-offset // size) * size + size * max(ctype.length, 1)
        widest = max(widest, size)
    return -(-offset // widest) * widest


def _measured(source: str, core: str) -> tuple[int, int]:
    entry = _table()["kernels"].get(source, {}).get(core)
    return (int(entry["code_bytes"]), int(entry["stack_bytes"])) if entry else UNMEASURED_KERNEL


def _measured_core(core: str) -> str:
    """The core itself, or the measured one whose code is most like it."""
    known = _table()["cores"]
    if core in known:
        return core
    if core.startswith("rv32"):
        return "rv32imc"
    return "cortex-m4" if core.startswith("cortex-") else core


@cache
def _table() -> Mapping[str, Mapping[str, Mapping[str, Mapping[str, int]]]]:
    table: Mapping[str, Mapping[str, Mapping[str, Mapping[str, int]]]] = json.loads(files(__package__).joinpath(TABLE_FILE).read_text())
    return table

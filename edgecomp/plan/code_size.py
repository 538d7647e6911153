"""How much flash and stack a model's code will take, told from a table of measured kernels before any compiler is present.

`code_size.json` beside this file is written by `benchmarks/code_size.py`: for each core, what every kernel source, the library
functions it calls and the generated model's own calls take.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from edgecomp.plan.kernels import Kernel
from edgecomp.plan.types import Step
from edgecomp.qgraph import QGraph, QNode, QOp, parameters
from edgecomp.target import Target

TABLE_FILE = "code_size.json"
POINTER_BYTES = 4
LIBRARY_STACK_BYTES = 64
"""Frames of memcpy, wide multiplication and the like."""
UNMEASURED_KERNEL = {"code_bytes": 1500, "constant_bytes": 0, "stack_bytes": 160, "calls": ()}
"""Assumed for a kernel that the table does not know."""
LAYER_RECORD_BYTES = 16
PORT_RECORD_BYTES = 28
MODEL_RECORD_BYTES = 52 + 65
"""`ec_layer`, `ec_tensor` and `ec_model` on a 32-bit core, without their texts but for the hash."""


@dataclass(frozen=True)
class CodeEstimate:
    """Bytes that code takes in flash, and parameter records and texts beside it."""

    code_bytes: int
    record_bytes: int


def estimate_code(target: Target, qgraph: QGraph, steps: Sequence[Step]) -> CodeEstimate:
    """What the compiler will make of a model's kernels, calls and parameter records on a board's core."""
    core = _measured_core(target.core)
    called = {kernel.source for step in steps for kernel in (step.kernel, *step.kernel.uses)}
    kernels = {source: core["kernels"].get(source, UNMEASURED_KERNEL) for source in sorted(called)}
    members = {name: size for kernel in kernels.values() for symbol in kernel["calls"] for name, size in core["library"][symbol].items()}
    code_bytes = core["model"]["code_bytes"] + core["model"]["layer_code_bytes"] * len(steps)
    code_bytes += sum(kernel["code_bytes"] for kernel in kernels.values()) + sum(members.values())
    record_bytes = sum(struct_bytes(type(step.op)) + LAYER_RECORD_BYTES + len(step.node.layer) + 1 for step in steps)
    record_bytes += MODEL_RECORD_BYTES + PORT_RECORD_BYTES * (len(qgraph.inputs) + len(qgraph.outputs))
    record_bytes += sum(kernel["constant_bytes"] + len(source) for source, kernel in kernels.items())
    return CodeEstimate(code_bytes, record_bytes)


def estimate_stack(target: Target, calls: Sequence[tuple[QNode, Kernel]]) -> int:
    """Bytes of stack: the model's frame with its lists of inputs, the deepest kernel's with what it calls, the library's below."""
    core = _measured_core(target.core)

    def depth(kernel: Kernel) -> int:
        own = core["kernels"].get(kernel.source, UNMEASURED_KERNEL)["stack_bytes"]
        return int(own) + max((depth(below) for below in kernel.uses), default=0)

    list_bytes = sum(POINTER_BYTES * len(node.inputs) for node, _ in calls if node.op.variadic)
    frame_bytes = int(core["model"]["stack_bytes"])
    return frame_bytes + list_bytes + max((depth(kernel) for _, kernel in calls), default=0) + LIBRARY_STACK_BYTES


def struct_bytes(kind: type[QOp]) -> int:
    """Size of a kernel's parameter struct on a 32-bit core, by the rules of C: each member and the whole are aligned."""
    offset, widest = 0, 1
    for ctype in parameters(kind).values():
        size = POINTER_BYTES if ctype.pointer else np.dtype(ctype.name.removesuffix("_t")).itemsize
        offset = -(-offset // size) * size + size * max(ctype.length, 1)
        widest = max(widest, size)
    return -(-offset // widest) * widest


def _measured_core(core: str) -> Any:
    """The core itself, or the measured one whose code is most like it."""
    measured = measured_cores()
    if core in measured:
        return measured[core]
    if core.startswith("rv32"):
        return measured["rv32imc"]
    return measured["cortex-m0plus" if core.startswith(("cortex-m0", "cortex-m23")) else "cortex-m4"]


@cache
def measured_cores() -> Any:
    """The table: core -> what was measured on it."""
    return json.loads(files(__package__).joinpath(TABLE_FILE).read_text(encoding="utf-8"))["cores"]

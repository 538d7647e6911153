"""Run single integer operators on a board: their instructions, and proof that they equal the reference.

from benchmarks.measure import measure
for result in measure([op, another], "qemu_cortex_m4"):
    print(result.kernel, result.instructions, result.instructions_per_mac)
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from edgecomp import reference
from edgecomp.build import build
from edgecomp.emit import emit
from edgecomp.plan import lay_out
from edgecomp.qgraph import IntArray, Port, QGraph, QNode, QOp, QTensor
from edgecomp.qops import Conv2DAdd
from edgecomp.run import execute
from edgecomp.target import Target, load_target

TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Measured:
    """One operator on one board; `first_difference` is (index, reference, board), None where all elements are equal."""

    kernel: str
    isa: str
    instructions: int | None
    macs: int
    outputs: int
    first_difference: tuple[int, int, int] | None

    @property
    def exact(self) -> bool:
        """Whether every element equals the reference."""
        return self.first_difference is None

    @property
    def instructions_per_mac(self) -> float | None:
        """Of the whole call, set-up and stores included."""
        return self.instructions / self.macs if self.instructions and self.macs else None


def input_sizes(op: QOp) -> tuple[int, ...]:
    """Elements of each input of an operator."""
    kind: Any = op
    if op.variadic:
        return tuple(int(kind.outer * inner) for inner in kind.inner)
    if hasattr(op, "a_steps"):
        reach = (sum(step * (size - 1) for step, size in zip(steps, kind.dims, strict=True)) for steps in (kind.a_steps, kind.b_steps))
        return tuple(last + 1 for last in reach)
    if isinstance(op, Conv2DAdd):
        return kind.input_h * kind.input_w * kind.input_c, kind.output_h * kind.output_w * kind.output_c
    if op.kernel == "matmul_s8":
        a = max(kind.a_batch_stride * (kind.batch - 1), 0) + kind.rows * kind.inner
        b = max(kind.b_batch_stride * (kind.batch - 1), 0) + kind.inner * kind.columns
        return a, b
    if op.kernel == "fully_connected_s8":
        return (kind.rows * kind.input_n,)
    if op.kernel in ("softmax_s8", "log_softmax_s8"):
        return (kind.rows * kind.depth,)
    if op.kernel == "copy_s8":
        return (kind.input_offset + sum(max(s, 0) * (n - 1) for s, n in zip(kind.input_steps, kind.dims, strict=True)) + 1,)
    if hasattr(op, "count"):
        return (kind.count,)
    return (kind.input_h * kind.input_w * kind.input_c,)


def network(ops: Sequence[QOp], inputs: Sequence[Sequence[IntArray]]) -> QGraph:
    """One network of all operators side by side, each with inputs of its own."""
    tensors: dict[str, QTensor] = {}
    nodes, sources, results = [], [], []
    for number, (op, values) in enumerate(zip(ops, inputs, strict=True)):
        names = [f"in_{number}_{position}" for position in range(len(values))]
        for name, value in zip(names, values, strict=True):
            tensors[name] = QTensor(name, value.shape[1:], 1.0, 0)
            sources.append(Port(name, name, value.shape[1:], tuple(range(value.ndim - 1))))
        size = op.evaluate(*values).reshape(len(values[0]), -1).shape[1]
        tensors[f"out_{number}"] = QTensor(f"out_{number}", (size,), 1.0, 0)
        nodes.append(QNode(f"op_{number}", op.kernel, op, tuple(names), f"out_{number}"))
        results.append(Port(f"out_{number}", f"out_{number}", (size,), (0,)))
    return QGraph("measure", tensors, tuple(nodes), tuple(sources), tuple(results)).verify()


def random_inputs(ops: Sequence[QOp], samples: int, seed: int) -> list[list[IntArray]]:
    """For each operator its inputs, [samples, size] each, uniform over int8."""
    generator = np.random.default_rng(seed)
    return [[generator.integers(-128, 128, (samples, size)).astype(np.int8) for size in input_sizes(op)] for op in ops]


def measure(
    ops: Sequence[QOp],
    board: str | Target,
    seed: int = 0,
    optimize: str = "speed",
    samples: int = 1,
    inputs: Sequence[Sequence[IntArray]] | None = None,
) -> list[Measured]:
    """Build all operators into one firmware, run it on random or given inputs and compare every element."""
    if inputs is None:
        inputs = random_inputs(ops, samples, seed)
    samples = len(inputs[0][0])
    qgraph = network(ops, inputs)
    target = board if isinstance(board, Target) else load_target(board)
    plan = lay_out(qgraph, target, optimize)
    with tempfile.TemporaryDirectory(prefix="edgecomp-measure-") as directory:
        firmware = build(emit(plan), target, Path(directory), optimize=optimize)
        raw = np.concatenate([value for values in inputs for value in values], axis=1).view(np.uint8)
        sizes = [prod(qgraph.tensors[port.tensor].shape) for port in qgraph.outputs]
        execution = execute(firmware, target, raw, sum(sizes), len(plan.steps), timeout_s=TIMEOUT_S, profiled_samples=samples)
    expected = reference.outputs(qgraph, [value for values in inputs for value in values])
    got = np.split(execution.outputs.view(np.int8), np.cumsum(sizes)[:-1], axis=1)
    found = {}
    for index, step in enumerate(plan.steps):
        number = int(step.node.output.removeprefix("out_"))
        wrong = np.argwhere(expected[number] != got[number])
        first = None
        if len(wrong):
            row, at = (int(v) for v in wrong[0])
            first = (at, int(expected[number][row, at]), int(got[number][row, at]))
        counts = execution.layer_instructions
        found[number] = Measured(
            step.kernel.name, step.kernel.isa, counts[index] if counts else None, step.op.work.macs, sizes[number], first
        )
    return [found[number] for number in range(len(ops))]

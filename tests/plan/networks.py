"""Made-up integer networks for the planner: tiny operators, random graphs, and a machine that runs them in an arena."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from hypothesis import strategies as st

from edgecomp.plan import Plan
from edgecomp.qgraph import S32, IntArray, Port, QGraph, QNode, QOp, QTensor
from edgecomp.target import Target


@dataclass(frozen=True, eq=False)
class Mix(QOp):
    """out[i] = i + salt + the sum over inputs of in[(i + salt) mod size]: the order of reading forbids work in place."""

    kernel: ClassVar[str] = "mix_s8"
    salt: S32
    output_bytes: S32

    def element(self, index: int, *inputs: IntArray) -> int:
        """One element of the output."""
        at = index + self.salt
        return (at + sum(int(array[at % array.size]) for array in inputs) + 128) % 256 - 128

    def evaluate(self, *inputs: IntArray) -> IntArray:
        return np.array([self.element(index, *inputs) for index in range(self.output_bytes)], np.int8)


@dataclass(frozen=True, eq=False)
class MixInPlace(Mix):
    """The same with salt 0: element by element, so that the output may overwrite an input of its size."""

    kernel: ClassVar[str] = "mix_in_place_s8"
    in_place: ClassVar[bool] = True


def network(
    sizes: Mapping[str, int], nodes: Sequence[tuple[QOp, Sequence[str], str]], inputs: Sequence[str], outputs: Sequence[str]
) -> QGraph:
    """A graph from tensor sizes in bytes and (operator, inputs, output) triples."""

    def port(name: str) -> Port:
        return Port(name, name, (sizes[name],), (0,))

    return QGraph(
        name="network",
        tensors={name: QTensor(name, (size,), 1.0, 0) for name, size in sizes.items()},
        nodes=tuple(QNode(output, "Mix", op, tuple(reads), output) for op, reads, output in nodes),
        inputs=tuple(port(name) for name in inputs),
        outputs=tuple(port(name) for name in outputs),
    ).verify()


def chain(*sizes: int) -> QGraph:
    """Layers one after the other, of these buffer sizes."""
    names = [f"t{i}" for i in range(len(sizes))]
    nodes = [(Mix(i, sizes[i + 1]), [names[i]], names[i + 1]) for i in range(len(sizes) - 1)]
    return network(dict(zip(names, sizes, strict=True)), nodes, names[:1], names[-1:])


@st.composite
def networks(draw: st.DrawFn, max_nodes: int = 9) -> QGraph:
    """Random graphs with branches, joins, in-place operators, dead ends, unread inputs and several outputs."""
    size = st.sampled_from([1, 3, 8, 16, 16, 16, 24, 40, 64])
    sizes = {f"in{i}": draw(size) for i in range(draw(st.integers(1, 2)))}
    inputs = list(sizes)
    nodes: list[tuple[QOp, Sequence[str], str]] = []
    for index in range(draw(st.integers(1, max_nodes))):
        reads = draw(st.lists(st.sampled_from(list(sizes)), min_size=1, max_size=3))
        name = f"t{index}"
        if draw(st.booleans()):
            sizes[name] = sizes[reads[0]]
            nodes.append((MixInPlace(0, sizes[name]), reads, name))
        else:
            sizes[name] = draw(size)
            nodes.append((Mix(index, sizes[name]), reads, name))
    outputs = draw(st.lists(st.sampled_from(list(sizes)), min_size=1, max_size=3, unique=True))
    return network(sizes, nodes, inputs, outputs)


def portable_target(flash_bytes: int = 1 << 20, ram_bytes: int = 1 << 20) -> Target:
    """A board that exists only here."""
    return Target(
        name="bench",
        directory=Path("."),
        description="",
        core="cortex-m4",
        isa=("portable",),
        notes=(),
        toolchain_prefix="",
        toolchain_debian_packages=(),
        cflags=(),
        ldflags=(),
        sources=(),
        flash_bytes=flash_bytes,
        ram_bytes=ram_bytes,
        runner="host",
        emulator="",
        emulator_debian_package="",
        machine=(),
        counter="none",
        timing_model="none",
    )


def run_unplanned(qgraph: QGraph, inputs: Mapping[str, IntArray]) -> dict[str, IntArray]:
    """Outputs with every tensor in memory of its own."""
    values = dict(inputs)
    for node in qgraph.nodes:
        values[node.output] = node.op.evaluate(*(values[name] for name in node.inputs))
    return {port.tensor: values[port.tensor] for port in qgraph.outputs}


def run_in_arena(plan: Plan, inputs: Mapping[str, IntArray], seed: int) -> dict[str, IntArray]:
    """Outputs with all tensors in one arena, in which every byte that no live tensor holds is spoilt before each step."""
    random = np.random.default_rng(seed)
    arena = random.integers(-128, 128, plan.memory_bytes).astype(np.int8)

    def at(name: str) -> IntArray:
        buffer = plan.buffers[name]
        return arena[buffer.offset_bytes : buffer.end_bytes]

    for name, values in inputs.items():
        at(name)[:] = values
    for index, step in enumerate(plan.steps):
        free = np.ones(arena.size, bool)
        for _, buffer in plan.live_buffers(index):
            free[buffer.offset_bytes : buffer.end_bytes] = False
        arena[free] = random.integers(-128, 128, int(free.sum())).astype(np.int8)
        if step.scratch:
            arena[step.scratch.offset_bytes : step.scratch.end_bytes] = 77
        output, reads = at(step.node.output), [at(name) for name in step.node.inputs]
        if step.overwrites is None:
            output[:] = 99  # a kernel may write before it has read everything
        for element in range(output.size):
            output[element] = step.op.element(element, *reads)
    return {port.tensor: at(port.tensor).copy() for port in plan.qgraph.outputs}

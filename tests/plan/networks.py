"""Made-up integer networks for the planner: tiny operators, random graphs, and a machine that runs them in an arena."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from hypothesis import strategies as st

from edgecomp.plan import Plan
from edgecomp.qgraph import S32, IntArray, Port, QGraph, QNode, QOp, QTensor
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.depthwise_conv2d import DepthwiseConv2D
from edgecomp.qops.fully_connected import FullyConnected
from edgecomp.qops.lut import Lut
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
        counter="none",
        timing_model="none",
        transport_sources={"files": ()},
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


def small_classifier() -> QGraph:
    """Real operators: image [8, 8, 3], convolution 3x3 to 5 channels, table, depthwise 3x3 with stride 2, fully connected to 10."""
    random = np.random.default_rng(11)

    def weights(*shape: int) -> IntArray:
        return random.integers(-127, 128, shape).astype(np.int8)

    def per_channel(count: int) -> dict[str, Any]:
        return {"bias": np.arange(count, dtype=np.int32), "multiplier": np.full(count, 1 << 20, np.int32), "shift": 0}

    window = {"kernel_h": 3, "kernel_w": 3, "dilation_h": 1, "dilation_w": 1, "input_h": 8, "input_w": 8}
    result = {"output_zero_point": -3, "clamp_min": -128, "clamp_max": 127}
    same = {"output_h": 8, "output_w": 8, "output_c": 5, "stride_h": 1, "stride_w": 1, "pad_top": 1, "pad_left": 1}
    half = {"output_h": 4, "output_w": 4, "output_c": 5, "stride_h": 2, "stride_w": 2, "pad_top": 0, "pad_left": 0}
    ops: dict[str, QOp] = {
        "conv": Conv2D(**window, **same, **result, **per_channel(5), input_c=3, groups=1, input_zero_point=2, weights=weights(5, 3, 3, 3)),
        "table": Lut(320, np.arange(-128, 128).astype(np.int8)),
        "depthwise": DepthwiseConv2D(
            **window, **half, **result, **per_channel(5), input_c=5, channel_multiplier=1, input_zero_point=0, weights=weights(3, 3, 5)
        ),
        "dense": FullyConnected(**result, **per_channel(10), rows=1, input_n=80, output_n=10, weights=weights(10, 80)),
    }
    sizes = {"image": 192, "conv": 320, "table": 320, "depthwise": 80, "dense": 10}
    names = list(sizes)
    return network(sizes, [(op, [names[i]], name) for i, (name, op) in enumerate(ops.items())], ["image"], ["dense"])

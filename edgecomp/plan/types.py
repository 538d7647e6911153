"""A plan: nodes in execution order, a kernel for each, and a place for every byte in RAM."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from edgecomp.plan.kernels import Kernel
from edgecomp.plan.lifetimes import Lifetime, Overlap, overwritable, tensor_lifetimes
from edgecomp.qgraph import CType, IntArray, QGraph, QNode, QOp
from edgecomp.target import Target

ARENA_ALIGNMENT = 16
"""Bytes to which the arena itself is aligned."""
OFFSET_ALIGNMENTS = (16, 8, 4)
"""Bytes to which offsets may be aligned: the widest that costs no RAM is taken; kernels may rely on the last."""
CONTEXT_BYTES = 16
"""`ec_context` on a 32-bit core, rounded up: the only other memory a model needs."""


@dataclass(frozen=True)
class Buffer:
    """Where a tensor lies in the arena, and the steps (both included) during which it must stay there."""

    offset_bytes: int
    bytes: int
    first_step: int
    last_step: int

    @property
    def end_bytes(self) -> int:
        """The first byte behind."""
        return self.offset_bytes + self.bytes

    @property
    def lifetime(self) -> Lifetime:
        """The steps as a lifetime."""
        return Lifetime(self.first_step, self.last_step)

    def overlaps(self, other: Buffer) -> bool:
        """Whether both share a byte, at whatever time."""
        return self.offset_bytes < other.end_bytes and other.offset_bytes < self.end_bytes


@dataclass(frozen=True, eq=False)
class Step:
    """One kernel call."""

    node: QNode
    kernel: Kernel
    op: QOp
    """`node.op` with its weights in the kernel's layout: what is emitted."""
    overwrites: str | None
    """The input in whose place the output is written, or None."""
    overlap: Overlap | None
    """How the output lies over the input that the kernel reads ahead of it, or None."""
    scratch: Buffer | None
    """The kernel's working memory during this step, or None where it needs none."""

    @property
    def weight_bytes(self) -> int:
        """The operator's own arrays in flash."""
        return sum(array.size * element_bytes(ctype) for ctype, array in self.op.arrays.values())


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything that is decided before C is written.

    The memory that the caller gives to the model is `arena_bytes` for tensors and `scratch_bytes` behind them, for what kernels
    need and the gaps between live tensors do not hold.
    """

    qgraph: QGraph
    """Nodes stand in execution order."""
    target: Target
    optimize: str
    steps: tuple[Step, ...]
    """One a node, in the same order."""
    buffers: Mapping[str, Buffer]
    """Tensor name -> place in the arena; constants are in flash and not here."""
    arena_bytes: int
    scratch_bytes: int
    offset_alignment: int
    code_bytes: int
    """Estimate of the machine code in flash: kernels, calls and what they take from the compiler's libraries."""
    record_bytes: int
    """Estimate of the constants beside the weights: parameters of the layers, their names."""
    stack_bytes: int
    """Estimate of the stack below the caller of the model."""
    arena_alignment: int = ARENA_ALIGNMENT

    @property
    def memory_bytes(self) -> int:
        """What the caller hands to the model's init: tensors and scratch."""
        return self.arena_bytes + self.scratch_bytes

    @property
    def ram_bytes(self) -> int:
        """Arena, scratch, stack and the context."""
        return self.memory_bytes + self.stack_bytes + CONTEXT_BYTES

    @property
    def flash_bytes(self) -> int:
        """Weights, code and records."""
        return self.weight_bytes + self.code_bytes + self.record_bytes

    @cached_property
    def weight_bytes(self) -> int:
        """Weights, biases, multipliers, tables and constant tensors in flash."""
        return sum(array.size * element_bytes(ctype) for ctype, array in self.constant_arrays)

    @cached_property
    def constant_arrays(self) -> tuple[tuple[CType, IntArray], ...]:
        """Every array in flash with its C type, each distinct object once, in order of first use."""
        found: dict[int, tuple[CType, IntArray]] = {}
        for step in self.steps:
            for ctype, array in step.op.arrays.values():
                found.setdefault(id(array), (ctype, array))
            for name in step.node.inputs:
                tensor = self.qgraph.tensors[name]
                if tensor.data is not None:
                    found.setdefault(id(tensor.data), (CType(f"{tensor.dtype}_t", pointer=True), tensor.data))
        return tuple(found.values())

    @cached_property
    def live_bytes(self) -> tuple[int, ...]:
        """Bytes alive during each step, shared bytes once, the step's scratch with them."""
        return tuple(self._live_at(index) for index in range(len(self.steps)))

    @property
    def peak_step(self) -> int:
        """The first step with the most live bytes."""
        return max(range(len(self.steps)), key=lambda index: self.live_bytes[index], default=0)

    def live_buffers(self, step: int) -> Iterator[tuple[str, Buffer]]:
        """Tensors alive during a step."""
        return ((name, buffer) for name, buffer in self.buffers.items() if buffer.first_step <= step <= buffer.last_step)

    def verify(self) -> Plan:
        """Prove that the order is sound, that lifetimes are as the nodes need them and that live bytes never overlap; return self.

        Raises:
            ValueError: a rule is broken (a defect of planning, not of the user's model).
        """
        self.qgraph.verify()
        if tuple(step.node for step in self.steps) != self.qgraph.nodes:
            raise ValueError(f"{self.qgraph.name}: steps and nodes differ")
        lifetimes = tensor_lifetimes(self.qgraph)
        if lifetimes != {name: buffer.lifetime for name, buffer in self.buffers.items()}:
            raise ValueError(f"{self.qgraph.name}: buffers are not kept for as long as they are read")
        self._verify_ranges()
        self._verify_overlaps(lifetimes)
        return self

    def _live_at(self, index: int) -> int:
        """Bytes that two live buffers share count once."""
        scratch = self.steps[index].scratch
        live = sorted((buffer.offset_bytes, buffer.end_bytes) for _, buffer in self.live_buffers(index))
        total = reached = 0
        for start, end in live:
            total += max(end - max(start, reached), 0)
            reached = max(reached, end)
        return total + (scratch.bytes if scratch else 0)

    def _verify_ranges(self) -> None:
        for name, buffer in self.buffers.items():
            tensor = self.qgraph.tensors[name]
            if buffer.bytes != tensor.bytes:
                raise ValueError(f"{self.qgraph.name}: {name!r} has {tensor.bytes} bytes but {buffer.bytes} in the arena")
            if buffer.offset_bytes % max(self.offset_alignment, np.dtype(tensor.dtype).itemsize):
                raise ValueError(f"{self.qgraph.name}: {name!r} lies at {buffer.offset_bytes}, which is not aligned")
            if buffer.offset_bytes < 0 or buffer.end_bytes > self.arena_bytes:
                raise ValueError(f"{self.qgraph.name}: {name!r} lies outside the arena")
        for step in self.steps:
            scratch = step.scratch
            if scratch and (scratch.offset_bytes % self.arena_alignment or scratch.end_bytes > self.memory_bytes):
                raise ValueError(f"{self.qgraph.name}: scratch of {step.node.layer!r} is not aligned or lies outside")

    def _verify_overlaps(self, lifetimes: Mapping[str, Lifetime]) -> None:
        pairs = {step.node.output: step.overwrites for step in self.steps if step.overwrites is not None}
        for index, step in enumerate(self.steps):
            output, victim = step.node.output, step.overwrites
            if victim is None:
                continue
            if victim not in overwritable(self.qgraph, lifetimes, index):
                raise ValueError(f"{self.qgraph.name}: {output!r} may not overwrite {victim!r}")
            if self.buffers[output].offset_bytes != self.buffers[victim].offset_bytes:
                raise ValueError(f"{self.qgraph.name}: {output!r} shares {victim!r} only in part")
        for step in self.steps:
            if step.overlap is not None:
                self._verify_overlap(step)
                pairs[step.node.output] = step.overlap.source
        for (a, first), (b, second) in combinations(self.buffers.items(), 2):
            if first.lifetime.meets(second.lifetime) and first.overlaps(second) and pairs.get(a) != b and pairs.get(b) != a:
                raise ValueError(f"{self.qgraph.name}: {a!r} and {b!r} overlap while both are alive")
        for index, step in enumerate(self.steps):
            for name, buffer in self.live_buffers(index):
                if step.scratch and step.scratch.overlaps(buffer):
                    raise ValueError(f"{self.qgraph.name}: scratch of {step.node.layer!r} overlaps {name!r}")

    def _verify_overlap(self, step: Step) -> None:
        """The kernel allows it, at this distance, and nobody reads the input any more."""
        overlap = step.overlap
        assert overlap is not None
        allowed = step.kernel.overlap_bytes(step.node.op)
        source, output = self.buffers[overlap.source], self.buffers[step.node.output]
        distance = source.offset_bytes - output.offset_bytes
        last_reader = source.last_step == output.first_step and overlap.source not in {port.tensor for port in self.qgraph.outputs}
        if allowed is None or distance < allowed or (allowed == 0 and distance != 0) or not last_reader:
            raise ValueError(
                f"{self.qgraph.name}: {step.node.output!r} lies {distance} bytes before {overlap.source!r}; allowed: {allowed}"
            )


def element_bytes(ctype: CType) -> int:
    """Size of one element of a parameter."""
    return np.dtype(ctype.name.removesuffix("_t")).itemsize

"""What a planned network computes, reads and keeps: exact counts per layer and per feature map, before anything is built."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from edgecomp.plan.cost import estimate_instructions
from edgecomp.plan.tiling import tiling_waste
from edgecomp.plan.types import Plan, Step, element_bytes
from edgecomp.qgraph import Shape, Work

FILTERS, MAPS = "filters", "feature maps"


@dataclass(frozen=True)
class LayerBook:
    """One kernel call."""

    index: int
    name: str
    op: str
    kernel: str
    describe: str
    work: Work
    filter_bytes: int
    """The weights alone."""
    constant_bytes: int
    """All arrays of the layer in flash: weights, biases, multipliers, tables."""
    input_bytes: int
    """Feature maps it reads."""
    output_bytes: int
    live_bytes: int
    """RAM held while it runs, scratch included."""
    peak_share: float
    """`live_bytes` over arena and scratch, 0..1."""
    tiling_waste: float | None
    """Multiply-accumulates that fall outside the layer because its sizes are no multiples of the kernel's block, as a part of
    the useful ones; None for a layer without any."""

    estimated_instructions: int | None
    """By the prices measured for the kernel (`plan.cost`); None where the target's core was not measured."""

    @property
    def dominant(self) -> str:
        """What is larger: the feature maps it reads and writes, or its filters."""
        return FILTERS if self.filter_bytes > self.input_bytes + self.output_bytes else MAPS


@dataclass(frozen=True)
class EdgeBook:
    """One feature map between layers."""

    tensor: str
    shape: Shape
    bytes: int
    offset_bytes: int
    producer: int | None
    """Index of the layer that writes it; None for an input of the model."""
    consumers: tuple[int, ...]
    """Indices of the layers that read it."""
    is_output: bool
    """Whether the caller reads it after the run."""
    first_step: int
    last_step: int
    overwrites: str | None
    """The feature map in whose place it is written."""


@dataclass(frozen=True)
class KindBook:
    """All layers of one kernel."""

    kind: str
    layers: int
    work: Work
    filter_bytes: int


@dataclass(frozen=True)
class Book:
    """The book-keeping of a plan."""

    layers: tuple[LayerBook, ...]
    edges: tuple[EdgeBook, ...]
    kinds: tuple[KindBook, ...]
    """Most multiply-accumulates first."""
    work: Work
    filter_bytes: int
    peak_layer: int
    """The layer at which most RAM is held."""
    half_of_maps: int
    """Layers from the first on that write half of all bytes of feature maps."""
    half_of_filters: int
    """Layers from the last back that hold half of all bytes of filters."""
    dominant: str
    """What is larger in the model: feature maps alive at the peak, or filters."""

    @property
    def estimated_instructions(self) -> int | None:
        """Of one inference, by measured prices; None where a layer has no estimate."""
        each = [layer.estimated_instructions for layer in self.layers]
        return None if None in each else sum(value for value in each if value is not None)


def keep_books(plan: Plan) -> Book:
    """Count a plan."""
    layers = tuple(_layer(plan, index, step) for index, step in enumerate(plan.steps))
    filter_bytes = sum(layer.filter_bytes for layer in layers)
    return Book(
        layers=layers,
        edges=_edges(plan),
        kinds=_kinds(layers),
        work=_total(layer.work for layer in layers),
        filter_bytes=filter_bytes,
        peak_layer=plan.peak_step,
        half_of_maps=_layers_to_half(layers, lambda layer: layer.output_bytes),
        half_of_filters=_layers_to_half(layers[::-1], lambda layer: layer.filter_bytes),
        dominant=FILTERS if filter_bytes > plan.arena_bytes else MAPS,
    )


def _layer(plan: Plan, index: int, step: Step) -> LayerBook:
    def map_bytes(names: Iterable[str]) -> int:
        return sum(plan.buffers[name].bytes for name in dict.fromkeys(names) if name in plan.buffers)

    weights = step.op.arrays.get("weights")
    live_bytes = plan.live_bytes[index]
    return LayerBook(
        index=index,
        name=step.node.layer,
        op=step.node.kind,
        kernel=f"{step.kernel.symbol} ({step.kernel.isa})",
        describe=step.op.describe,
        work=step.op.work,
        filter_bytes=weights[1].size * element_bytes(weights[0]) if weights else 0,
        constant_bytes=step.weight_bytes,
        input_bytes=map_bytes(step.node.inputs),
        output_bytes=map_bytes([step.node.output]),
        live_bytes=live_bytes,
        peak_share=live_bytes / max(plan.memory_bytes, 1),
        tiling_waste=tiling_waste(step.op, step.kernel.tile),
        estimated_instructions=estimate_instructions(step.op, plan.target.core, step.kernel.isa),
    )


def _edges(plan: Plan) -> tuple[EdgeBook, ...]:
    producers = {step.node.output: (index, step) for index, step in enumerate(plan.steps)}
    consumers: dict[str, list[int]] = {}
    for index, step in enumerate(plan.steps):
        for name in dict.fromkeys(step.node.inputs):
            consumers.setdefault(name, []).append(index)
    outputs = {port.tensor for port in plan.qgraph.outputs}
    return tuple(
        EdgeBook(
            tensor=name,
            shape=plan.qgraph.tensors[name].shape,
            bytes=buffer.bytes,
            offset_bytes=buffer.offset_bytes,
            producer=producers[name][0] if name in producers else None,
            consumers=tuple(consumers.get(name, ())),
            is_output=name in outputs,
            first_step=buffer.first_step,
            last_step=buffer.last_step,
            overwrites=producers[name][1].overwrites if name in producers else None,
        )
        for name, buffer in plan.buffers.items()
    )


def _kinds(layers: Sequence[LayerBook]) -> tuple[KindBook, ...]:
    by_kernel: dict[str, list[LayerBook]] = {}
    for layer in layers:
        by_kernel.setdefault(layer.kernel, []).append(layer)
    kinds = [
        KindBook(kernel, len(group), _total(layer.work for layer in group), sum(layer.filter_bytes for layer in group))
        for kernel, group in by_kernel.items()
    ]
    return tuple(sorted(kinds, key=lambda kind: (-kind.work.macs, -kind.work.additions - kind.work.comparisons, kind.kind)))


def _total(works: Iterable[Work]) -> Work:
    counted = list(works)
    macs, padding = sum(w.macs for w in counted), sum(w.padding_macs for w in counted)
    return Work(macs, padding, sum(w.additions for w in counted), sum(w.comparisons for w in counted))


def _layers_to_half(layers: Sequence[LayerBook], size: Callable[[LayerBook], int]) -> int:
    """How many layers from the first of `layers` on hold half of the bytes; 0 where there are none."""
    left = sum(map(size, layers)) / 2
    for count, layer in enumerate(layers, start=1):
        left -= size(layer)
        if left <= 0:
            return count if size(layer) else 0
    return 0

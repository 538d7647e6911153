"""The arena over time: which bytes hold which feature map during which layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgecomp.page.axes import Tick, linear_ticks, place
from edgecomp.page.documents import Buffer, Document
from edgecomp.page.families import OTHER, family
from edgecomp.readable import size

MOST_TICKS = 16
LABEL_LEAST_WIDTH = 0.055
LABEL_LEAST_HEIGHT = 0.055
"""Of the plot: a smaller rectangle has no room for its label."""
LEAST_HEIGHT = 0.008
"""Of the plot, so that small buffers are seen."""


@dataclass(frozen=True)
class Rectangle:
    """A buffer; offsets grow upwards. `label` is the layer that writes it, empty where there is no room."""

    name: str
    role: str
    family: str
    layer: int | None
    label: str
    x: str
    y: str
    width: str
    height: str
    label_x: str
    label_y: str
    offset_bytes: int
    bytes: int
    first_layer: int
    last_layer: int


@dataclass(frozen=True)
class MemoryMap:
    """One run's plot; `peak_*` is the layer at which most bytes are alive."""

    rectangles: tuple[Rectangle, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    top_y: str
    total_bytes: int
    peak_layer: int
    peak_bytes: int
    layers: int


def memory_maps(documents: Sequence[Document]) -> tuple[MemoryMap | None, ...]:
    """One a run, all with the same scale of bytes; None where no buffers are known."""
    ends = [_end_bytes(document) for document in documents]
    return tuple(_memory_map(document, max(ends)) if end else None for document, end in zip(documents, ends, strict=True))


def _end_bytes(document: Document) -> int:
    return max((buffer.offset_bytes + buffer.bytes for buffer in _sound(document)), default=0)  # type: ignore[operator]


def _sound(document: Document) -> list[Buffer]:
    """Buffers of which everything is known and that lie where they can."""
    numbers = ("offset_bytes", "bytes", "first_layer", "last_layer")
    known = [each for each in document.memory.buffers if all(getattr(each, name) is not None for name in numbers)]
    last = len(document.layers)
    return [each for each in known if each.offset_bytes >= 0 < each.bytes and 0 <= each.first_layer <= each.last_layer <= last]  # type: ignore[operator]


def _memory_map(document: Document, scale_bytes: int) -> MemoryMap:
    buffers = _sound(document)
    layers = max(len(document.layers), 1 + max(each.last_layer or 0 for each in buffers))
    rectangles = [_rectangle(each, buffers, document, layers, scale_bytes) for each in buffers]
    own_end = _end_bytes(document)
    peak_layer, peak_bytes = _peak(buffers, layers)
    step = -(-layers // MOST_TICKS)
    return MemoryMap(
        tuple(sorted(rectangles, key=lambda each: each.role == "scratch")),
        tuple(Tick(place((index + 0.5) / layers), str(index)) for index in range(0, layers, step)),
        tuple(Tick(place(1 - tick / scale_bytes), size(tick)) for tick in linear_ticks(scale_bytes, binary=True)),
        place(1 - own_end / scale_bytes),
        own_end,
        peak_layer,
        peak_bytes,
        layers,
    )


def _rectangle(buffer: Buffer, others: Sequence[Buffer], document: Document, layers: int, scale_bytes: int) -> Rectangle:
    offset, length = buffer.offset_bytes or 0, buffer.bytes or 0
    first, last = buffer.first_layer or 0, buffer.last_layer or 0
    x, width = first / layers, (last - first + 1) / layers
    bottom, height = offset / scale_bytes, length / scale_bytes
    writer = document.layers[buffer.layer] if buffer.layer is not None and 0 <= buffer.layer < len(document.layers) else None
    alone_from, alone_to = _alone(buffer, others)
    fits = (alone_to - alone_from) / layers >= LABEL_LEAST_WIDTH and height >= LABEL_LEAST_HEIGHT
    drawn = max(height, LEAST_HEIGHT)
    label = "in" if buffer.layer is None else "" if buffer.role == "scratch" else str(buffer.layer)
    return Rectangle(
        name=buffer.name or "",
        role=buffer.role or "map",
        family=family(writer) if writer else OTHER,
        layer=buffer.layer,
        label=label if fits else "",
        x=place(x),
        y=place(1 - bottom - drawn),
        width=place(width),
        height=place(drawn),
        label_x=place((alone_from + alone_to) / 2 / layers),
        label_y=place(1 - bottom - height / 2),
        offset_bytes=offset,
        bytes=length,
        first_layer=first,
        last_layer=last,
    )


def _alone(buffer: Buffer, others: Sequence[Buffer]) -> tuple[int, int]:
    """The longest run of steps, [from, to), in which the buffer shares no byte with another; all of its steps where there is none."""
    first, last = buffer.first_layer or 0, buffer.last_layer or 0
    meeting = [each for each in others if each is not buffer and _share_bytes(buffer, each)]
    is_free = [not any((each.first_layer or 0) <= step <= (each.last_layer or 0) for each in meeting) for step in range(first, last + 1)]
    best = start = 0
    best_length = 0
    for at, free in enumerate([*is_free, False]):
        if not free:
            if at - start > best_length:
                best, best_length = start, at - start
            start = at + 1
    return (first + best, first + best + best_length) if best_length else (first, last + 1)


def _share_bytes(a: Buffer, b: Buffer) -> bool:
    a_start, b_start = a.offset_bytes or 0, b.offset_bytes or 0
    return a_start < b_start + (b.bytes or 0) and b_start < a_start + (a.bytes or 0)


def _peak(buffers: Sequence[Buffer], layers: int) -> tuple[int, int]:
    """The first layer with most bytes alive, bytes that two buffers share counted once, and how many those are."""
    alive = [_live_bytes([each for each in buffers if (each.first_layer or 0) <= step <= (each.last_layer or 0)]) for step in range(layers)]
    peak = max(range(layers), key=lambda step: alive[step])
    return peak, alive[peak]


def _live_bytes(buffers: Sequence[Buffer]) -> int:
    total = reached = 0
    for start, end in sorted(((each.offset_bytes or 0), (each.offset_bytes or 0) + (each.bytes or 0)) for each in buffers):
        total += max(end - max(start, reached), 0)
        reached = max(reached, end)
    return total

"""What memory is spent on: parts of RAM and flash against the board's limits, and constants by layer."""

from __future__ import annotations

from dataclasses import dataclass

from edgecomp.page.axes import place
from edgecomp.page.documents import Document
from edgecomp.page.families import family
from edgecomp.page.layers import layer_names

NO_LIMIT_FROM_BYTES = 1 << 30
"""A board that has so much, such as a computer, limits nothing."""


@dataclass(frozen=True)
class Part:
    """A piece of a whole."""

    name: str
    bytes: int
    width: str
    share: float


@dataclass(frozen=True)
class Meter:
    """What a total is made of, and how it stands against a limit."""

    name: str
    total_bytes: int
    limit_bytes: int | None
    parts: tuple[Part, ...]

    @property
    def used(self) -> float | None:
        """Share of the limit."""
        return self.total_bytes / self.limit_bytes if self.limit_bytes else None

    @property
    def used_width(self) -> str:
        """The same as CSS reads it."""
        return place(self.used or 0.0)


@dataclass(frozen=True)
class Constants:
    """Arrays of one layer in flash."""

    index: int
    name: str
    family: str
    bytes: int
    width: str
    share: float


def ram_meter(document: Document) -> Meter | None:
    """Arena, scratch, stack and what is left, the context; None where the total is not known."""
    memory = document.memory
    known = {"arena": memory.arena_bytes, "scratch": memory.scratch_bytes, "stack": memory.stack_bytes}
    total = memory.ram_bytes
    if total is None:
        return None
    rest = total - sum(value or 0 for value in known.values())
    name = "context" if memory.stack_bytes is not None else "stack (foretold) and context"
    return _meter("RAM", total, document.target.ram_limit_bytes, {**known, name: rest})


def flash_meter(document: Document) -> Meter | None:
    """By section where that is known, else weights, code and the rest; None where the total is not known."""
    memory = document.memory
    total = memory.flash_bytes
    if total is None:
        return None
    sections = {section.name or "section": section.bytes for section in memory.flash_sections}
    if not sections:
        known = {"weights": memory.weight_bytes, "code": memory.code_bytes}
        sections = {**known, "parameters and names": total - sum(value or 0 for value in known.values())}
    return _meter("Flash", total, document.target.flash_limit_bytes, sections)


def constants(document: Document) -> tuple[Constants, ...]:
    """Layers with arrays in flash, in order."""
    sizes = [layer.constant_bytes or 0 for layer in document.layers]
    largest, whole = max(sizes, default=0), max(sum(sizes), 1)
    return tuple(
        Constants(index, name, family(layer), size, place(size / largest), size / whole)
        for index, (layer, name, size) in enumerate(zip(document.layers, layer_names(document), sizes, strict=True))
        if size > 0
    )


def _meter(name: str, total: int, limit: int | None, sizes: dict[str, int | None]) -> Meter:
    limit = limit if limit and limit < NO_LIMIT_FROM_BYTES else None
    whole = max(total, 1)
    parts = tuple(Part(part, size, place(size / whole), size / whole) for part, size in sizes.items() if size and size > 0)
    return Meter(name, total, limit, parts)

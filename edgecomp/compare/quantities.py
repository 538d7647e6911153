"""What of a run can be compared and limited: one table, from which the options of `edgecomp compare` are made too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Quantity:
    """A figure of a run; less is better."""

    name: str
    """In options: `--max-<name>`, and where layers have it `--max-layer-<name>`."""
    section: str
    """Object of the report that holds it."""
    key: str
    """Its key there, and in each of `layers`."""
    title: str
    unit: str
    """Empty for a count an inference."""
    of_layers: bool = False
    gated: bool = True
    """Whether there is an option; the others are only shown."""

    @property
    def heading(self) -> str:
        """For tables."""
        return f"{self.title}, {self.unit}" if self.unit else self.title


_ALL: Final = (
    Quantity("instructions", "per_inference", "instructions", "instructions", "", of_layers=True),
    Quantity("cycles", "per_inference", "cycles", "measured cycles", "", of_layers=True),
    Quantity("estimated-cycles", "per_inference", "estimated_cycles", "estimated cycles", "", of_layers=True),
    Quantity("macs", "per_inference", "macs_executed", "MACs executed", "", gated=False),
    Quantity("ram", "memory", "ram_bytes", "RAM", "bytes"),
    Quantity("arena", "memory", "arena_bytes", "arena", "bytes"),
    Quantity("stack", "memory", "stack_bytes", "stack", "bytes"),
    Quantity("flash", "memory", "flash_bytes", "flash", "bytes"),
    Quantity("weights", "memory", "weight_bytes", "weights", "bytes", gated=False),
    Quantity("code", "memory", "code_bytes", "code", "bytes", gated=False),
)
QUANTITIES: Final[Mapping[str, Quantity]] = {quantity.name: quantity for quantity in _ALL}

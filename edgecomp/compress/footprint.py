"""What a float network will take of a board once it is int8: exact in sizes, before any data are seen."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from edgecomp.frontend.onnx_export import to_model
from edgecomp.graph import Graph
from edgecomp.pipeline import Model
from edgecomp.plan import lay_out
from edgecomp.plan.bookkeeping import keep_books
from edgecomp.target import Target


@dataclass(frozen=True)
class Footprint:
    """RAM and flash in bytes, and estimated instructions of one inference (None where the core was not measured)."""

    ram_bytes: int
    flash_bytes: int
    estimated_instructions: int | None


def footprint(graph: Graph, board: Target) -> Footprint:
    """Lay a network out for a board, whether it fits or not."""
    digest = hashlib.sha256(to_model(graph).SerializeToString(deterministic=True)).hexdigest()
    plan = lay_out(Model(graph.name, graph.name, digest, graph).placeholder(), board)
    return Footprint(plan.ram_bytes, plan.flash_bytes, keep_books(plan).estimated_instructions)

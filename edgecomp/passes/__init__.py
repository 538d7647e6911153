"""Rewriting the float network: each pass is one file and one function from `Graph` to `Graph`, exact up to rounding.

No pass moves a value across QuantizeLinear or DequantizeLinear: constants behind them are weights with decided integers.
"""

from __future__ import annotations

from collections.abc import Callable

from edgecomp.graph import Graph
from edgecomp.passes.canonical_arithmetic import canonical_arithmetic
from edgecomp.passes.canonical_gemm import canonical_gemm
from edgecomp.passes.fold_batch_norm import fold_batch_norm
from edgecomp.passes.fold_weight_layout import fold_weight_layout
from edgecomp.passes.global_pooling import global_pooling
from edgecomp.passes.merge_layout import merge_layout
from edgecomp.passes.merge_padding import merge_padding
from edgecomp.passes.recognise_functions import recognise_functions
from edgecomp.passes.remove_dead import remove_dead
from edgecomp.passes.remove_identities import remove_identities

Pass = Callable[[Graph], Graph]

PASSES: tuple[Pass, ...] = (
    remove_identities,
    remove_dead,
    canonical_arithmetic,
    recognise_functions,
    fold_weight_layout,
    canonical_gemm,
    merge_padding,
    fold_batch_norm,
    global_pooling,
    merge_layout,
    remove_identities,
    remove_dead,
)
"""In the order they run."""


def simplify(graph: Graph) -> Graph:
    """The same function with fewer and more regular nodes: all passes, again while they change something."""
    while True:
        before = graph.nodes
        for run in PASSES:
            graph = run(graph).verify()
        if graph.nodes == before:
            return graph

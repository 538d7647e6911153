"""From an integer network and a board to a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from edgecomp.plan.code_size import estimate_code, estimate_stack
from edgecomp.plan.fit import check_fit
from edgecomp.plan.fused_forms import fused_forms, pays
from edgecomp.plan.kernels import OPTIMIZE, Kernel, select_kernels
from edgecomp.plan.lifetimes import ChooseVictim, Lifetime, Overlap, in_place_pairs, overlaps, storages, tensor_lifetimes
from edgecomp.plan.order import OrderSearch
from edgecomp.plan.placement import free_offset, lower_bound_bytes, place
from edgecomp.plan.types import ARENA_ALIGNMENT, OFFSET_ALIGNMENTS, Buffer, Plan, Step
from edgecomp.qgraph import QGraph
from edgecomp.target import Target


def plan(qgraph: QGraph, target: Target, optimize: str = "speed") -> Plan:
    """Choose kernels, order and places for every buffer; the result is verified and fits the board.

    Args:
        qgraph: a verified integer network.
        target: the board.
        optimize: "speed", "size" or "ram".

    Raises:
        FitError: RAM or flash does not suffice; the message names the layer, the bytes needed and the bytes there.
    """
    return check_fit(lay_out(qgraph, target, optimize))


def lay_out(qgraph: QGraph, target: Target, optimize: str = "speed") -> Plan:
    """`plan` without regard to whether the board has the memory. Convolutions are fused with what follows where that pays."""
    if optimize not in OPTIMIZE:
        raise ValueError(f"optimize is {optimize!r}; allowed: {', '.join(OPTIMIZE)}")
    _refuse_constant_outputs(qgraph)
    best = lay_out_as_given(qgraph, target, optimize)
    for fused in fused_forms(qgraph, target, optimize):
        found = lay_out_as_given(fused, target, optimize)
        best = found if pays(found, best) else best
    return _quickened(best) if optimize == "ram" else best


def lay_out_as_given(qgraph: QGraph, target: Target, optimize: str) -> Plan:
    """`lay_out` of the network's own nodes.

    For least RAM the kernels with the least scratch are tried, and the fast ones: outputs may lie closer over their inputs there.
    """
    wishes = ("speed", "ram") if optimize == "ram" else (optimize,)
    found = [_arrange(qgraph, target, select_kernels(qgraph.nodes, target, wish)) for wish in wishes]
    return _planned(min(found, key=lambda arrangement: arrangement.ram_bytes), target, optimize)


MOST_EXTRA_RAM = 0.1
"""What faster kernels may cost where RAM counts, as a part of the least that was found."""


@dataclass(frozen=True, eq=False)
class _Arrangement:
    """Kernels, and places for what they read, write and work in."""

    kernels: Mapping[str, Kernel]
    layout: _Layout
    scratch: tuple[Buffer | None, ...]
    stack_bytes: int

    @property
    def memory_bytes(self) -> int:
        """Tensors and scratch."""
        return max([self.layout.arena_bytes, *(buffer.end_bytes for buffer in self.scratch if buffer)])

    @property
    def ram_bytes(self) -> int:
        """Tensors, scratch and stack."""
        return self.memory_bytes + self.stack_bytes


def _arrange(qgraph: QGraph, target: Target, kernels: Mapping[str, Kernel]) -> _Arrangement:
    wanted = {node.output: kernels[node.output].scratch_bytes(node.op) for node in qgraph.nodes}
    distances = tuple(kernels[node.output].overlap_bytes(node.op) for node in qgraph.nodes)
    layout = _best_layout(qgraph, tuple(wanted.values()), distances)
    calls = [(node, kernels[node.output]) for node in layout.qgraph.nodes]
    return _Arrangement(kernels, layout, _place_scratch(layout, wanted), estimate_stack(target, calls))


def _quickened(least: Plan) -> Plan:
    """The plan with faster kernels where RAM grows by next to nothing, those with the most work first."""
    nodes, target = least.qgraph.nodes, least.target
    fast = select_kernels(nodes, target, "speed")
    found = first = _arrange(least.qgraph, target, {step.node.output: step.kernel for step in least.steps})
    for node in sorted(nodes, key=lambda node: -node.op.work.macs):
        if found.kernels[node.output] is not fast[node.output]:
            tried = _arrange(least.qgraph, target, {**found.kernels, node.output: fast[node.output]})
            found = tried if tried.ram_bytes <= first.ram_bytes * (1 + MOST_EXTRA_RAM) else found
    return least if found is first else _planned(found, target, least.optimize)


def _planned(found: _Arrangement, target: Target, optimize: str) -> Plan:
    """The plan of an arrangement, weights in the layouts of its kernels."""
    layout = found.layout
    steps = tuple(
        Step(
            node,
            found.kernels[node.output],
            found.kernels[node.output].pack(node.op),
            layout.pairs.get(node.output),
            layout.overlaps.get(node.output),
            working,
        )
        for node, working in zip(layout.qgraph.nodes, found.scratch, strict=True)
    )
    code = estimate_code(target, layout.qgraph, steps)
    return Plan(
        qgraph=layout.qgraph,
        target=target,
        optimize=optimize,
        steps=steps,
        buffers=layout.buffers,
        arena_bytes=layout.arena_bytes,
        scratch_bytes=max(found.memory_bytes - layout.arena_bytes, 0),
        offset_alignment=layout.alignment,
        code_bytes=code.code_bytes,
        record_bytes=code.record_bytes,
        stack_bytes=found.stack_bytes,
    ).verify()


@dataclass(frozen=True, eq=False)
class _Layout:
    """One order with its in-place pairs and offsets."""

    qgraph: QGraph
    pairs: Mapping[str, str]
    overlaps: Mapping[str, Overlap]
    buffers: Mapping[str, Buffer]
    arena_bytes: int
    alignment: int


def _refuse_constant_outputs(qgraph: QGraph) -> None:
    for port in qgraph.outputs:
        if qgraph.tensors[port.tensor].data is not None:
            raise ValueError(f"{qgraph.name}: output {port.name!r} is a constant; lowering must copy it to the arena")


@lru_cache(maxsize=4)
def _best_layout(qgraph: QGraph, scratch_bytes: tuple[int, ...], distances: tuple[int | None, ...]) -> _Layout:
    """The smallest arena over the order given and the order with the lowest peak; the order given where both are equal.

    Boards whose kernels need the same scratch and let outputs lie over inputs alike share the result.
    """
    allowed = {node.output: distance for node, distance in zip(qgraph.nodes, distances, strict=True)}
    search = OrderSearch(qgraph, scratch_bytes)
    given, best = tuple(range(len(qgraph.nodes))), search.best()
    layout = _lay_out_in_order(qgraph, allowed)
    if best == given:
        return layout
    reordered = _lay_out_in_order(replace(qgraph, nodes=tuple(qgraph.nodes[index] for index in best)), allowed)
    return min(layout, reordered, key=lambda found: found.arena_bytes)


def _lay_out_in_order(qgraph: QGraph, distances: Mapping[str, int | None]) -> _Layout:
    """Offsets for one order. Which of several inputs an operator overwrites does not change the bytes alive, only how they lie."""
    lifetimes = tensor_lifetimes(qgraph)
    layouts = []
    for choose in _victim_choices(lifetimes):
        pairs = in_place_pairs(qgraph, lifetimes, choose)
        requests = storages(qgraph, lifetimes, pairs)
        possible = overlaps(qgraph, lifetimes, pairs, distances)
        where = {name: index for index, request in enumerate(requests) for name in request.tensors}
        relaxed = {(where[found.source], where[found.output]): found.distance_bytes for found in possible}
        placement = place(requests, OFFSET_ALIGNMENTS, relaxed)
        offsets = {name: placement.offsets[index] for name, index in where.items()}
        buffers = {
            name: Buffer(offsets[name], qgraph.tensors[name].bytes, life.first_step, life.last_step) for name, life in lifetimes.items()
        }
        used = {found.output: found for found in possible if buffers[found.output].overlaps(buffers[found.source])}
        layouts.append(_Layout(qgraph, pairs, used, buffers, placement.arena_bytes, placement.alignment))
        if not relaxed and placement.arena_bytes <= lower_bound_bytes(requests):
            break
    return min(layouts, key=lambda layout: layout.arena_bytes)


def _victim_choices(lifetimes: Mapping[str, Lifetime]) -> Sequence[ChooseVictim]:
    def oldest(names: Sequence[str]) -> str:
        return min(names, key=lambda name: lifetimes[name].first_step)

    def youngest(names: Sequence[str]) -> str:
        return max(names, key=lambda name: lifetimes[name].first_step)

    return (oldest, youngest)


def _place_scratch(layout: _Layout, wanted: Mapping[str, int]) -> tuple[Buffer | None, ...]:
    """Working memory of each step: between the live tensors where there is room, else behind them."""
    placed: list[Buffer | None] = []
    for step, node in enumerate(layout.qgraph.nodes):
        scratch_bytes = wanted[node.output]
        if not scratch_bytes:
            placed.append(None)
            continue
        taken = [(b.offset_bytes, b.bytes) for b in layout.buffers.values() if b.first_step <= step <= b.last_step]
        placed.append(Buffer(free_offset(taken, scratch_bytes, ARENA_ALIGNMENT), scratch_bytes, step, step))
    return tuple(placed)

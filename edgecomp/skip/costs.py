"""What a layer costs on a board by its share of work left out: a line for each way to leave work out, measured on the board itself.

The network is built and run with a rule of one kind on every layer that takes it: where nothing is left out, where all is, and where some
is. Between these the cost is taken to be straight. Where the board counts no instructions, or there is no tool to run it, the cost is the
number of products.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgecomp import reference
from edgecomp.build import build
from edgecomp.emit import emit
from edgecomp.errors import EdgecompError
from edgecomp.plan import Plan, plan
from edgecomp.qgraph import IntArray, QGraph
from edgecomp.qops.add import Add
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.max_pool2d import MaxPool2D
from edgecomp.run import execute
from edgecomp.skip.apply import apply
from edgecomp.skip.rules import Rule, Rules, Spatial, ZeroInput
from edgecomp.target import Target, list_targets, load_target

if TYPE_CHECKING:
    from edgecomp.pipeline import QuantizedModel

PROFILED_SAMPLES = 3
ALL_ZERO = 255
"""A span that takes every input for zero."""
MIDDLE_SPAN = 8
LEAST_STEP = 0.02
"""Between the shares of two points of a curve."""
INT32 = np.iinfo(np.int32)


@dataclass(frozen=True)
class Curve:
    """Cost of one inference of a layer by the share of work left out, of what the rule could leave out: straight between `points`, (share,
    cost) in the order of shares, and beyond them."""

    points: tuple[tuple[float, float], ...]

    @classmethod
    def through(cls, *points: tuple[float, float]) -> Curve:
        """Through points of any order; of those with nearly one share the first is taken."""
        kept: list[tuple[float, float]] = []
        for share, cost in sorted(points):
            if not kept or share - kept[-1][0] > LEAST_STEP:
                kept.append((share, cost))
        return cls(tuple(kept))

    def at(self, share: float) -> float:
        """Cost where `share` 0..1 is left out."""
        if len(self.points) == 1:
            return self.points[0][1]
        after = next((index for index, point in enumerate(self.points[1:-1], 1) if share < point[0]), len(self.points) - 1)
        (x0, y0), (x1, y1) = self.points[after - 1], self.points[after]
        return y0 + (y1 - y0) * (share - x0) / (x1 - x0)


@dataclass(frozen=True, eq=False)
class Costs:
    """`unit` is "instructions" or "MACs", `why_macs` why it is not instructions. `dense` is by layer, the curves by the tensor that a rule
    is judged on, of which a layer may have two: the convolution's output and the sum behind it. `layers` gives the layer of such a tensor.
    """

    unit: str
    layers: Mapping[str, str]
    dense: Mapping[str, float]
    zero_input: Mapping[str, Curve]
    spatial: Mapping[str, Curve]
    rest: float
    """Of the layers that take no rule."""
    why_macs: str | None = None
    board: str | None = None
    """Where instructions were counted."""

    @property
    def total(self) -> float:
        """Of the dense network."""
        return sum(self.dense.values()) + self.rest


def layer_groups(qgraph: QGraph) -> dict[str, str]:
    """Each tensor that is computed -> the convolution's output it is charged to: its own, or that of the convolution which a sum or pool
    directly behind may be joined with; tensors that belong to no convolution stand for themselves."""
    groups = {node.output: node.output for node in qgraph.nodes}
    readers: dict[str, int] = {}
    for node in qgraph.nodes:
        for name in node.inputs:
            readers[name] = readers.get(name, 0) + 1
    convolutions = {node.output for node in qgraph.nodes if isinstance(node.op, Conv2D)}
    for node in qgraph.nodes:
        if isinstance(node.op, (Add, MaxPool2D)):
            sources = [name for name in node.inputs if name in convolutions and readers[name] == 1]
            if sources:
                groups[node.output] = sources[-1]
    return groups


def counting_board(target: Target) -> Target:
    """The board on which a network's instructions are counted in place of `target`: itself where an emulator counts them, else an emulated
    one that takes the same kernels, of the same core if there is one; itself again where there is none."""
    if target.counter == "instructions":
        return target
    counting = [board for board in map(load_target, list_targets()) if board.counter == "instructions" and board.isa == target.isa]
    same_core = [board for board in counting if board.core == target.core]
    return (same_core or counting or [target])[0]


class Profiler:
    """Runs a network on a board, or on its `counting_board`, and tells what its layers cost."""

    def __init__(self, target: Target, buffers: IntArray, optimize: str = "speed") -> None:
        self._target, self._buffers, self._optimize = counting_board(target), buffers[:PROFILED_SAMPLES], optimize

    def instructions(self, qgraph: QGraph) -> dict[str, float] | None:
        """By the output tensor of each kernel call; None where the board does not count.

        Raises:
            EdgecompError: the network cannot be built or run there.
        """
        planned = plan(qgraph, self._target, self._optimize)
        with tempfile.TemporaryDirectory(prefix="edgecomp-") as directory:
            firmware = build(emit(planned), self._target, Path(directory), optimize=self._optimize)
            size = sum(qgraph.tensors[port.tensor].bytes for port in qgraph.outputs)
            raw = np.ascontiguousarray(self._buffers).view(np.uint8)
            found = execute(firmware, self._target, raw, size, len(planned.steps), timeout_s=300.0, profiled_samples=len(raw))
        if found.layer_instructions is None:
            return None
        return self._by_output(planned, found.layer_instructions)

    @staticmethod
    def _by_output(planned: Plan, instructions: Sequence[int]) -> dict[str, float]:
        return {step.node.output: float(count) for step, count in zip(planned.steps, instructions, strict=True)}


def measure_costs(
    quantized: QuantizedModel,
    target: Target | None,
    buffers: IntArray,
    places: Sequence[str],
    middle: Mapping[str, Spatial],
    watch: Callable[[int, int], None] | None = None,
) -> Costs:
    """Costs of the layers whose output (or sum) is in `places`, on `target` or, for None, in products.

    `buffers` int8 [N, size] are model inputs; `middle` are spatial rules for some of the places, of the kind whose cost is wanted, which
    predict some of what they could.
    """
    dense = quantized.dense
    if target is None:
        return _in_macs(dense, places, middle, "no target was named")
    try:
        found = _measured(dense, Profiler(target, buffers), buffers[:PROFILED_SAMPLES], places, middle, watch)
        if found:
            return replace(found, board=counting_board(target).name)
    except EdgecompError as error:
        return _in_macs(dense, places, middle, f"{target.name} could not be measured: {error}")
    return _in_macs(dense, places, middle, f"{target.name} counts no instructions")


def _measured(
    dense: QGraph,
    profiler: Profiler,
    buffers: IntArray,
    places: Sequence[str],
    middle: Mapping[str, Spatial],
    watch: Callable[[int, int], None] | None,
) -> Costs | None:
    groups = layer_groups(dense)
    convolutions = {node.output for node in dense.nodes if type(node.op) is Conv2D}
    zero_places = [place for place in places if place in convolutions]
    zero_runs: list[Rules] = [
        with_densities({place: ZeroInput(1.0, span) for place in zero_places}, dense, buffers) for span in (0, MIDDLE_SPAN, ALL_ZERO)
    ]
    spatial_runs: list[Rules] = [
        {place: replace(rule, thresholds=np.full_like(rule.thresholds, limit)) for place, rule in middle.items()}
        for limit in (INT32.min, INT32.max)
    ]
    runs = [{}, *zero_runs, *spatial_runs, dict(middle)]
    results = []
    for done, rules in enumerate(runs):
        found = profiler.instructions(apply(dense, rules))
        if found is None:
            return None
        grouped: dict[str, float] = {}
        for name, count in found.items():
            group = groups.get(name, name)
            grouped[group] = grouped.get(group, 0.0) + count
        shares = shares_left_out(dense, rules, buffers)
        results.append({place: (shares.get(place, 0.0), grouped[groups[place]]) for place in places} | {"": (0.0, sum(found.values()))})
        if watch:
            watch(done + 1, len(runs))
    dense_costs = {groups[place]: results[0][place][1] for place in places}
    return Costs(
        unit="instructions",
        layers={place: groups[place] for place in places},
        dense=dense_costs,
        zero_input={place: Curve.through(*(result[place] for result in results[1:4])) for place in zero_places},
        spatial={place: Curve.through(*(result[place] for result in results[4:7])) for place in middle},
        rest=results[0][""][1] - sum(dense_costs.values()),
    )


def shares_left_out(dense: QGraph, rules: Rules, buffers: IntArray) -> dict[str, float]:
    """For each rule, the share of products left out of those that it could leave out, on samples int8 [N, size]."""
    if not rules:
        return {}
    graph = apply(dense, rules)
    executed = reference.executed_macs(graph, [buffers])
    macs = {node.output: node.op.work.macs for node in graph.nodes}
    return {place: (1.0 - executed[place] / macs[place]) / most_left_out(rule) for place, rule in rules.items()}


def with_densities(rules: Rules, dense: QGraph, buffers: IntArray) -> dict[str, Rule]:
    """The rules with the shares of products that remain when all of them are followed, by which kernels are chosen."""
    shares = shares_left_out(dense, rules, buffers)
    return {
        tensor: replace(rule, density=round(1.0 - shares[tensor], 4)) if isinstance(rule, ZeroInput) else rule
        for tensor, rule in rules.items()
    }


def most_left_out(rule: Rule) -> float:
    """The share of a layer's products that a rule could leave out."""
    if not isinstance(rule, Spatial):
        return 1.0
    kept = np.bitwise_count(np.asarray(rule.masks, np.uint16)).mean() / rule.patch**2
    return max(1.0 - float(kept), 1e-9)


def _in_macs(dense: QGraph, places: Sequence[str], middle: Mapping[str, Spatial], why: str) -> Costs:
    """Products take the place of instructions."""
    groups = layer_groups(dense)
    of_group: dict[str, float] = {}
    for node in dense.nodes:
        of_group[groups[node.output]] = of_group.get(groups[node.output], 0.0) + node.op.work.macs
    works = {groups[place]: of_group[groups[place]] for place in places}
    convolutions = {node.output for node in dense.nodes if type(node.op) is Conv2D}
    return Costs(
        unit="MACs",
        layers={place: groups[place] for place in places},
        dense=works,
        zero_input={place: Curve.through((0.0, works[groups[place]]), (1.0, 0.0)) for place in places if place in convolutions},
        spatial={
            place: Curve.through((0.0, works[groups[place]]), (1.0, works[groups[place]] * (1.0 - most_left_out(rule))))
            for place, rule in middle.items()
        },
        rest=sum(of_group.values()) - sum(works.values()),
        why_macs=why,
    )

"""What a layer costs on a board by its share of work left out: a line for each way to leave work out, measured on the board itself.

The network is built and run with a rule of one kind on every layer that takes it, twice: once where nothing is left out, and once where all
is. Cost between the two is linear in the share, for what is left out saves the same each time. Where the board counts no instructions, or
there is no tool to run it, the cost is the number of products.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
from edgecomp.skip.rules import Rules, Spatial, ZeroInput
from edgecomp.target import Target

if TYPE_CHECKING:
    from edgecomp.pipeline import QuantizedModel

PROFILED_SAMPLES = 2
ALL_ZERO = 255
"""A span that takes every input for zero."""
INT32 = np.iinfo(np.int32)


@dataclass(frozen=True)
class Line:
    """Cost of one inference of a layer: `none` where no work is left out, `all` where all is that the rule can leave out."""

    none: float
    all: float

    def at(self, share: float) -> float:
        """Where `share` 0..1 of what can be left out is."""
        return self.none + (self.all - self.none) * share


@dataclass(frozen=True, eq=False)
class Costs:
    """By the tensor that a layer's rule is judged on. `unit` is "instructions" or "MACs", `why_macs` why it is not instructions."""

    unit: str
    dense: Mapping[str, float]
    zero_input: Mapping[str, Line]
    spatial: Mapping[str, Line]
    rest: float
    """Of the layers that take no rule."""
    why_macs: str | None = None

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


class Profiler:
    """Runs a network on a board and tells what its layers cost."""

    def __init__(self, target: Target, buffers: IntArray, optimize: str = "speed") -> None:
        self._target, self._buffers, self._optimize = target, buffers[:PROFILED_SAMPLES], optimize

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
    mask: int = 0b1001,
    patch: int = 2,
    watch: Callable[[int, int], None] | None = None,
) -> Costs:
    """Costs of the layers whose output (or sum) is in `places`, on `target` or, for None, in products.

    `buffers` int8 [N, size] are model inputs; `mask` and `patch` are those of the spatial rule that is measured.
    """
    dense = quantized.dense
    if target is None:
        return _in_macs(dense, places, mask, patch, "no target was named")
    try:
        return _measured(dense, Profiler(target, buffers), buffers, places, mask, patch, watch) or _in_macs(
            dense, places, mask, patch, f"{target.name} counts no instructions"
        )
    except EdgecompError as error:
        return _in_macs(dense, places, mask, patch, f"{target.name} could not be measured: {error}")


def _measured(
    dense: QGraph,
    profiler: Profiler,
    buffers: IntArray,
    places: Sequence[str],
    mask: int,
    patch: int,
    watch: Callable[[int, int], None] | None,
) -> Costs | None:
    convolutions = {node.output: node for node in dense.nodes if type(node.op) is Conv2D}
    zero_places = [name for name in places if name in convolutions]
    zero_nothing = {name: ZeroInput(1.0, 0) for name in zero_places}
    zero_all = {name: ZeroInput(0.0, ALL_ZERO) for name in zero_places}
    runs: list[Rules] = [{}, zero_nothing, zero_all, _thresholds(dense, places, mask, patch, INT32.min)]
    runs.append(_thresholds(dense, places, mask, patch, INT32.max))
    groups = layer_groups(dense)
    results = []
    for done, rules in enumerate(runs):
        found = profiler.instructions(apply(dense, rules))
        if found is None:
            return None
        grouped: dict[str, float] = {}
        for name, count in found.items():
            group = groups.get(name, name)
            grouped[group] = grouped.get(group, 0.0) + count
        results.append(grouped)
        if watch:
            watch(done + 1, len(runs))
    plain, some_zero, all_zero, nothing, everything = results
    keys = {place: groups.get(place, place) for place in places}
    shares = _zero_shares(dense, zero_places, buffers[:PROFILED_SAMPLES])
    zero_lines = {}
    for place in zero_places:
        key, share = keys[place], shares[place]
        full = all_zero[key] + (some_zero[key] - all_zero[key]) / max(1.0 - share, 1e-9)
        zero_lines[place] = Line(full, all_zero[key])
    return Costs(
        unit="instructions",
        dense={place: plain[keys[place]] for place in places},
        zero_input=zero_lines,
        spatial={place: Line(nothing[keys[place]], everything[keys[place]]) for place in places},
        rest=sum(plain.values()) - sum(plain[key] for key in {keys[place] for place in places}),
    )


def _zero_shares(dense: QGraph, places: Sequence[str], buffers: IntArray) -> dict[str, float]:
    """Share of products that an exact zero-input rule leaves out."""
    executed = reference.executed_macs(apply(dense, {name: ZeroInput(1.0, 0) for name in places}), [buffers])
    works = {node.output: node.op.work.macs for node in dense.nodes}
    return {name: 1.0 - executed[name] / works[name] for name in places}


def _thresholds(dense: QGraph, places: Sequence[str], mask: int, patch: int, threshold: int) -> dict[str, Spatial]:
    channels = {node.output: node.op.output_c for node in dense.nodes if isinstance(node.op, Conv2D)}
    shapes = {node.output: channels[name] for node in dense.nodes for name in node.inputs if isinstance(node.op, Add) and name in channels}
    found = {}
    for place in places:
        count = channels.get(place, shapes.get(place, 0))
        found[place] = Spatial(patch, np.full((1, 1, 1), mask, np.uint16), np.full(count, threshold, np.int32))
    return found


def _in_macs(dense: QGraph, places: Sequence[str], mask: int, patch: int, why: str) -> Costs:
    """Products take the place of instructions."""
    groups = layer_groups(dense)
    of_group: dict[str, float] = {}
    for node in dense.nodes:
        of_group[groups[node.output]] = of_group.get(groups[node.output], 0.0) + node.op.work.macs
    works = {place: of_group[groups[place]] for place in places}
    kept = bin(mask).count("1") / (patch * patch)
    return Costs(
        unit="MACs",
        dense=works,
        zero_input={place: Line(works[place], 0.0) for place in places if groups[place] == place},
        spatial={place: Line(works[place], works[place] * kept) for place in places},
        rest=sum(of_group.values()) - sum(works.values()),
        why_macs=why,
    )

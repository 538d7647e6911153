"""Students: the teacher with fewer channels, its best filters kept and fitted to what its layers answer; or a network of the user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgecomp.compress.allocation import beyond
from edgecomp.compress.budget import Budget, Size, size_of
from edgecomp.compress.channels import Channels, Group, channels, keep_channels
from edgecomp.compress.job import Job
from edgecomp.compress.responses import watched
from edgecomp.compress.selection import best_first
from edgecomp.compress.stages import stage_of
from edgecomp.errors import DataError
from edgecomp.graph import Array, Graph, Node, Tensor
from edgecomp.ops.conv import Conv

HOLD = 1e-2
"""How much fitting holds to the weights as they were: a share of the mean second moment of the inputs."""

WIDTH_STEPS = 256


def student_of(graph: Graph, job: Job) -> Graph:
    """What the options say: the ONNX file `student`, or the teacher at the widths `widths`, or at one width that meets the budget.

    Raises:
        DataError: a width is not above 0 and at most 1, there are too many or too few, the budget is below what is possible, or the file's
            network has other inputs or outputs.
    """
    file = str(job.options.get("student", ""))
    if file:
        return from_file(file, graph, job.budget)
    found = channels(graph)
    groups = found.changeable(job.layers)
    given = str(job.options.get("widths", ""))
    widths = given_widths(given, groups) if given else dict.fromkeys((group.name for group in groups), _meeting(found, groups, job.budget))
    return thinner(found, kept_at(widths, best_units(found, groups, job)), job)


def from_file(file: str, teacher: Graph, budget: Budget) -> Graph:
    """A float network from a file, simplified.

    Raises:
        DataError: its input or output is not the teacher's, or it is larger than the budget.
    """
    from edgecomp.pipeline import load

    model = load(file)
    if model.is_quantized:
        raise DataError(f"{file}: is quantized; a student is a float network")
    student = model.simplified
    for what, own, other in (("input", student.inputs, teacher.inputs), ("output", student.outputs, teacher.outputs)):
        shapes = [[graph.tensors[name].shape for name in names] for graph, names in ((student, own), (teacher, other))]
        if shapes[0] != shapes[1]:
            raise DataError(f"{file}: its {what} is {shapes[0]}, the teacher's {shapes[1]}: a student reads and answers the same")
    if not budget.allows(size_of(student)):
        raise DataError(f"{file}: {beyond(budget, size_of(student))}")
    return student


def best_units(found: Channels, groups: Sequence[Group], job: Job) -> dict[str, Array]:
    """The units of each group, the best first."""
    orders = {}
    for done, group in enumerate(groups):
        job.watch("choosing filters", done, len(groups))
        orders[group.name] = best_first(found, group, job)
    job.watch("choosing filters", len(groups), len(groups))
    return orders


def kept_at(widths: Mapping[str, float], orders: Mapping[str, Array]) -> dict[str, Array]:
    """The first of each group's units, so many as its width says, at least one."""
    return {name: np.sort(order[: max(1, round(widths[name] * len(order)))]) for name, order in orders.items()}


def thinner(found: Channels, kept: Mapping[str, Array], job: Job) -> Graph:
    """The network with the units kept, every layer fitted, in order, to what the whole network's layer answers."""
    result = keep_channels(found, kept)
    nodes = [node for node in found.graph.nodes if stage_of(found.graph, node) is not None]
    for done, node in enumerate(nodes):
        job.watch("fitting the student", done, len(nodes))
        result = refitted(result, found.graph, node, _outputs_kept(found, kept, node), job)
    job.watch("fitting the student", len(nodes), len(nodes))
    return result


def refitted(graph: Graph, whole: Graph, node: Node, outputs: Array, job: Job) -> Graph:
    """The thinner graph with one layer fitted to what the layer answers in the whole: least squares, held to its weights as they are.

    Args:
        graph: the thinner one.
        whole: the other, with the layer `node`.
        outputs: the output channels of `node` that are left in `graph`.
    """
    own = graph.producers[node.outputs[0]]
    stage = stage_of(graph, own)
    if stage is None or (isinstance(stage.op, Conv) and stage.op.group > 1) or own.inputs[0] in graph.inputs:
        return graph
    seen = watched(graph, whole, node, job.train.x, job.seed)
    weights = stage.weights.reshape(len(stage.weights), -1).T
    wanted = seen.outputs[:, outputs]
    fitted = weights + _ridge(seen.inputs, wanted - seen.inputs @ weights)
    bias = wanted.mean(0) - seen.inputs.mean(0) @ fitted
    return with_weights(graph, own, fitted.T.reshape(stage.weights.shape), bias)


def _ridge(inputs: Array, wanted: Array) -> Array:
    """[K, N]: least squares around the means of rows [n, K] and [n, N], held to zero; solved on the smaller side."""
    x, y = inputs - inputs.mean(0), wanted - wanted.mean(0)
    hold = max(HOLD * float(np.square(x).sum()) / x.shape[1], 1e-12)
    if x.shape[1] <= len(x):
        return np.linalg.solve(x.T @ x + hold * np.eye(x.shape[1]), x.T @ y)
    found: Array = x.T @ np.linalg.solve(x @ x.T + hold * np.eye(len(x)), y)
    return found


def with_weights(graph: Graph, node: Node, weights: Array, bias: Array) -> Graph:
    """The graph with other weights and bias in a layer, in constants of its own."""
    names = (f"{node.outputs[0]}__weights", f"{node.outputs[0]}__bias")
    tensors = [Tensor(name, data.shape, "float32", data.astype(np.float32)) for name, data in zip(names, (weights, bias), strict=True)]
    changed = replace(node, inputs=(node.inputs[0], *names))
    return graph.rebuilt([changed if other is node else other for other in graph.nodes], tensors)


def _outputs_kept(found: Channels, kept: Mapping[str, Array], node: Node) -> Array:
    """The output channels of a layer that stay."""
    count = found.graph.tensors[node.outputs[0]].shape[1]
    stays = np.ones(count, bool)
    for name, units in kept.items():
        group = found.by_name[name]
        if node.name in group.producers:
            whole = group.must_stay.copy()
            whole[units] = True
            stays &= whole[group.producers[node.name]]
    return np.flatnonzero(stays)


def given_widths(text: str, groups: Sequence[Group]) -> dict[str, float]:
    """Widths as the user wrote them: one for all groups, or one each, separated by commas."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        raise DataError(f"option widths = {text!r}: must be numbers separated by commas, one for all layers or one each") from None
    if not all(0 < value <= 1 for value in values):
        raise DataError(f"option widths = {text!r}: each must be greater than 0 and at most 1")
    if len(values) not in (1, len(groups)):
        names = ", ".join(group.name for group in groups)
        raise DataError(f"option widths = {text!r}: {len(values)} for {len(groups)} groups of layers ({names}): give one, or one each")
    return dict(zip((group.name for group in groups), values if len(values) > 1 else values * len(groups), strict=True))


def _meeting(found: Channels, groups: Sequence[Group], budget: Budget) -> float:
    """The largest width of all groups that meets the budget; 1/2 where it names no size."""
    if not budget.names_a_size:
        return 0.5

    def size(step: int) -> Size:
        kept = {group.name: _any(group, max(1, round(step / WIDTH_STEPS * group.units))) for group in groups}
        return size_of(keep_channels(found, kept))

    if not budget.allows(size(1)):
        raise DataError(beyond(budget, size(1)))
    low, high = 1, WIDTH_STEPS
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if budget.allows(size(middle)) else (low, middle - 1)
    return low / WIDTH_STEPS


def _any(group: Group, count: int) -> Array:
    """So many units, those that must stay among them: sizes do not depend on which."""
    return np.argsort(~group.must_stay, kind="stable")[:count]

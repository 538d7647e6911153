"""Channels go that least change what the next layer answers, and that layer's weights are fitted again; layer by layer.

J.-H. Luo, J. Wu, W. Lin, "ThiNet: A Filter Level Pruning Method for Deep Neural Network Compression", ICCV 2017: section 3.2.1 (what is
sampled: contributions of channels to outputs of the next layer at random places), 3.2.2 with algorithm 1 (the greedy choice), 3.2.3
(factors by least squares). Contributions are taken around their means, which go into the bias. What is fitted is the answer of the
original network to what the layers before, thinner already, make. How many channels of each layer go is told by its sensitivity.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgecomp.compress.absorb import Cutter
from edgecomp.compress.channels import Channels, Group, channels, keep_channels
from edgecomp.compress.filters_l1 import norms
from edgecomp.compress.finetune import finetune
from edgecomp.compress.job import Job
from edgecomp.compress.layer_weights import layer
from edgecomp.compress.responses import Responses, moments, watched
from edgecomp.compress.sensitivity import kept_by_sensitivity
from edgecomp.compress.stages import Stage, stage_of
from edgecomp.graph import Array, Graph, Node, Tensor
from edgecomp.ops.conv import Conv

OUTPUTS = 4
"""Of the next layer, drawn at each place."""


def compress(graph: Graph, job: Job) -> Graph:
    """The graph with the channels that matter to the layers that read them.

    Raises:
        DataError: the budget is below what is possible.
        UnsupportedError: a layer named in the job cannot be made thinner.
    """
    original, found = graph, channels(graph)
    groups = found.changeable(job.layers)
    orders = {}
    for number, group in enumerate(groups):
        job.watch("choosing channels", number, len(groups))
        orders[group.name] = removal_order(found, group, original, job)
    job.watch("choosing channels", len(groups), len(groups))
    kept = kept_by_sensitivity(Cutter(found, job.train), groups, orders, job)
    changed = [group.name for group in groups if len(kept.get(group.name, ())) not in (0, group.units)]
    layers = _Layers(original, job)
    for number, name in enumerate(changed):
        job.watch("removing channels", number, len(changed))
        now = channels(graph)
        order = removal_order(now, now.by_name[name], original, job)
        graph = layers.without(now, now.by_name[name], np.sort(order[len(order) - len(kept[name]) :]))
        graph = finetune(graph, job, f"fine-tuning behind {number + 1}", epochs=int(job.options["epochs_between"]))
    job.watch("removing channels", len(changed), len(changed))
    return finetune(graph, job)


def removal_order(found: Channels, group: Group, original: Graph, job: Job) -> Array:
    """The units of a group in the order in which they go; by the norm of their filters where no layer that reads them can be sampled."""
    gram = np.zeros((group.units, group.units))
    for node, stage in _readers(found, group):
        contributions = _contributions(found, group, node, stage, watched(found.graph, original, node, job.train.x, job.seed), job.seed)
        gram += contributions.T @ contributions / len(contributions)
    if not gram.any():
        return np.argsort(norms(found, group), kind="stable")
    return np.array(greedy(gram, group.must_stay))


def greedy(gram: Array, must_stay: Array) -> list[int]:
    """Algorithm 1: the unit next that, with those gone, least changes the outputs; those that must stay come last.

    Args:
        gram: [units, units], products of the units' contributions summed over samples: a set's change is the sum over its pairs.
    """
    free = np.flatnonzero(~must_stay).tolist()
    with_gone = np.zeros(len(gram))
    order: list[int] = []
    while free:
        chosen = min(free, key=lambda unit: 2 * with_gone[unit] + gram[unit, unit])
        free.remove(chosen)
        order.append(chosen)
        with_gone += gram[chosen]
    return order + np.flatnonzero(must_stay).tolist()


def _readers(found: Channels, group: Group) -> list[tuple[Node, Stage]]:
    """The layers that read a group, of the forms that can be sampled."""
    nodes = [layer(found.graph, name) for name in group.readers]
    stages = [(node, stage_of(found.graph, node)) for node in nodes]
    return [(node, stage) for node, stage in stages if stage is not None and not (isinstance(node.op, Conv) and node.op.group > 1)]


def _contributions(found: Channels, group: Group, node: Node, stage: Stage, seen: Responses, seed: int) -> Array:
    """What each unit adds to outputs drawn at random, around its mean, in units of the outputs' deviation: [samples, units]."""
    rows = len(seen.inputs)
    drawn = np.random.default_rng(seed).integers(0, len(stage.weights), (OUTPUTS, rows))
    flat = stage.weights.reshape(len(stage.weights), -1)
    spread = np.concatenate([_by_unit(group, node, seen.inputs * flat[outputs]) for outputs in drawn])
    deviation = float(np.sqrt(seen.outputs.var(0).mean()))
    result: Array = (spread - spread.mean(0)) / max(deviation, 1e-12)
    return result


def _by_unit(group: Group, node: Node, products: Array) -> Array:
    """Products [rows, inputs x taps] summed for each unit."""
    units = _unit_of_input(group, node, products.shape[1])
    member = np.zeros((products.shape[1], group.units))
    member[np.flatnonzero(units >= 0), units[units >= 0]] = 1.0
    result: Array = products @ member
    return result


def _unit_of_input(group: Group, node: Node, inputs: int) -> Array:
    """The unit of each weight of a filter, -1 for other groups."""
    units = group.readers[node.name]
    return np.repeat(units, inputs // len(units))


class _Layers:
    """The fitting of layers to what they answered in the original network, as more and more of their outputs go."""

    def __init__(self, original: Graph, job: Job) -> None:
        self.original, self.job = original, job
        self.left: dict[str, Array] = {}
        """Tensor -> which channels of the original network it still has."""

    def without(self, found: Channels, group: Group, kept: Array) -> Graph:
        """The graph with some units of a group, the layers that read them fitted."""
        gone = np.delete(found.numbers[group.name], kept)
        for name, place in found.places.items():
            self.left[name] = self.left.get(name, np.arange(len(place.labels)))[~np.isin(place.labels, gone)]
        smaller = keep_channels(found, {group.name: kept})
        fitted = [self.fitted(smaller, layer(smaller, node.name)) for node, _ in _readers(found, group)]
        replaced = {node.name: node for node, _ in fitted}
        nodes = [replaced.get(node.name, node) for node in smaller.nodes]
        return smaller.rebuilt(nodes, [tensor for _, tensors in fitted for tensor in tensors])

    def fitted(self, graph: Graph, node: Node) -> tuple[Node, tuple[Tensor, Tensor]]:
        """A layer with weights and bias that come nearest to its answers in the original network."""
        stage = stage_of(graph, node)
        assert stage is not None
        seen = watched(graph, self.original, node, self.job.train.x, self.job.seed)
        seen = replace(seen, outputs=seen.outputs[:, self.left[node.outputs[0]]])
        fit = _fitted_weights if self.job.options["rescale"] == "weights" else _fitted_factors
        return _with_weights(graph, node, *fit(stage, seen))


def _fitted_factors(stage: Stage, seen: Responses) -> tuple[Array, Array]:
    """Weights times one factor an input channel, equation (7), and the bias: the best over all outputs."""
    statistics = moments(seen)
    flat = stage.weights.reshape(len(stage.weights), -1)
    channel = np.repeat(np.arange(stage.weights.shape[1]), flat.shape[1] // stage.weights.shape[1])
    member = np.eye(stage.weights.shape[1])[channel]
    gram = member.T @ (statistics.inputs * (flat.T @ flat)) @ member
    wanted = member.T @ (flat.T * statistics.cross).sum(1)
    gram[np.diag_indices_from(gram)] += 1e-6 * max(float(np.trace(gram)) / len(gram), 1e-12)
    weights = (flat * np.linalg.solve(gram, wanted)[channel]).reshape(stage.weights.shape)
    return weights, statistics.bias(weights.reshape(flat.shape).T)


def _fitted_weights(stage: Stage, seen: Responses) -> tuple[Array, Array]:
    """All weights by least squares, and the bias."""
    statistics = moments(seen)
    weights = np.linalg.solve(statistics.inputs, statistics.cross)
    return weights.T.reshape(stage.weights.shape), statistics.bias(weights)


def _with_weights(graph: Graph, node: Node, weights: Array, bias: Array) -> tuple[Node, tuple[Tensor, Tensor]]:
    """The layer with other weights and a bias, in constants of its own."""
    names = []
    for index, suffix in ((1, "__weights"), (2, "__bias")):
        name = node.inputs[index] if len(node.inputs) > index else None
        own = name is not None and len(graph.consumers[name]) == 1
        names.append(name if name is not None and own else f"{node.outputs[0]}{suffix}")
    tensors = tuple(
        Tensor(name, values.shape, "float32", values.astype(np.float32)) for name, values in zip(names, (weights, bias), strict=True)
    )
    return replace(node, inputs=(node.inputs[0], *names)), (tensors[0], tensors[1])

"""`cramnet`: the network is made smaller piece by piece, from its output towards its input, each piece trained towards the original.

A sub-problem is a set of channels that get fewer, or a layer that becomes another structure: a residual block, a depthwise-separable
convolution, or two along one axis each. Two sets of parameters, those that are new or make the channels and those that read them, are
trained by RMSProp on the mean squared difference of the logits from the teacher's plus the labels' cross-entropy. What lies before is still
the original, so that the piece is given the original's activations; what lies behind is smaller already and stays. Where a tensor goes past
the piece and its source is still to be made smaller, the receiving layers are trained with noise on it; they are trained again when its
source is. At the end the whole is fine-tuned.

Training a layer at a time towards a teacher goes back to Romero et al., "FitNets: Hints for Thin Deep Nets" (ICLR 2015), section 2.2; the
squared difference of logits to Ba and Caruana, "Do Deep Nets Really Need to be Deep?" (NIPS 2014), section 2.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgecomp.compress.absorb import Cutter
from edgecomp.compress.allocation import by_sensitivity, least_removals
from edgecomp.compress.channels import Channels, Kept, channels, keep_channels
from edgecomp.compress.decomposition import Structure, planned
from edgecomp.compress.depthwise_separable import DepthwiseSeparable
from edgecomp.compress.finetune import finetune
from edgecomp.compress.hints import as_logits, same_tensors
from edgecomp.compress.job import Job
from edgecomp.compress.layer_weights import layer as layer_named
from edgecomp.compress.residual import Residual
from edgecomp.compress.sensitivity import losses, measured
from edgecomp.compress.separable import Separable
from edgecomp.compress.stages import stage_of
from edgecomp.compress.student import best_units, given_widths, kept_at, refitted
from edgecomp.graph import Array, Graph

if TYPE_CHECKING:
    from torch import Tensor

NOISE = 0.1
"""On tensors whose source is still to be made smaller: a share of how samples differ there."""


STRUCTURES: Mapping[str, Callable[[Array, int], Structure]] = {
    "residual": Residual,
    "depthwise-separable": DepthwiseSeparable,
    "separable": Separable,
}
"""What a layer may become that does not get thinner."""


def compress(graph: Graph, job: Job) -> Graph:
    """The smaller network. Options: `structure` that layers get (`thinner`: fewer channels), `widths` of the thinner ones (of all groups of
    layers, or of each; else by the budget and each group's sensitivity), `energy` kept in each layer of another structure without a budget.

    Raises:
        DataError: the budget is below what is possible, or a width is wrong.
    """
    structure = str(job.options["structure"])
    made = _thinner(graph, job) if structure == "thinner" else _restructured(graph, STRUCTURES[structure](job.train.x, job.seed), job)
    return finetune(made, job, tuning=as_logits(graph))


def _thinner(graph: Graph, job: Job) -> Graph:
    """The graph with fewer channels, group by group."""
    found = channels(graph)
    kept = _kept(found, job)
    order = _from_output(found, [name for name, units in kept.items() if len(units) < found.by_name[name].units])
    result = graph
    for place, name in enumerate(order):
        group = found.by_name[name]
        result = _narrowed(result, name, kept[name], job)
        later = [producer for other in order[place + 1 :] for producer in found.by_name[other].producers]
        makers = (*group.producers, *group.followers)
        result = _solved(result, makers, tuple(group.readers), later, graph, job, f"sub-problem {place + 1} of {len(order)}")
    return result


def _restructured(graph: Graph, structure: Structure, job: Job) -> Graph:
    """The graph with layers in another structure, layer by layer."""
    plan = planned("cramnet", structure, graph, job)[::-1]
    result = graph
    for place, (layer, rank) in enumerate(plan):
        before = {node.name for node in result.nodes}
        result = structure.placed(layer, rank, result)
        makers = tuple(node.name for node in result.nodes if node.name not in before)
        readers = _readers(result, layer.node.outputs[0])
        later = [other.node.name for other, _ in plan[place + 1 :]]
        result = _solved(result, makers, readers, later, graph, job, f"sub-problem {place + 1} of {len(plan)}")
    return result


def _readers(graph: Graph, tensor: str) -> tuple[str, ...]:
    """Layers with weights that read a tensor, or what becomes of it without weights."""
    found: list[str] = []
    for node in graph.consumers.get(tensor, ()):
        own = stage_of(graph, node) is not None
        found += [node.name] if own else [name for output in node.outputs for name in _readers(graph, output)]
    return tuple(dict.fromkeys(found))


def _kept(found: Channels, job: Job) -> Kept:
    """The units that stay: the best filters at the widths given, or as many of each group as its sensitivity and the budget say."""
    groups = found.changeable(job.layers)
    if job.options["widths"]:
        return kept_at(given_widths(str(job.options["widths"]), groups), best_units(found, groups, job))
    orders = {name: units[::-1] for name, units in best_units(found, groups, job).items()}
    curves = measured(Cutter(found, job.train), groups, orders, job)
    path = by_sensitivity(found, groups, orders, losses(curves), job.budget)
    one_by_one = [(name, units[place : place + 1]) for name, units in path for place in range(len(units))]
    return least_removals(found, one_by_one, job.budget)


def _from_output(found: Channels, names: Sequence[str]) -> list[str]:
    """Groups in the order in which they are solved: the one whose first layer comes last is the first."""
    place = {node.name: index for index, node in enumerate(found.graph.nodes)}
    return sorted(names, key=lambda name: -min(place[producer] for producer in found.by_name[name].producers))


def _narrowed(graph: Graph, name: str, units: Array, job: Job) -> Graph:
    """The graph with fewer units of one group, the layers that read them fitted to what they answered."""
    found = channels(graph)
    result = keep_channels(found, {name: units})
    for reader in found.by_name[name].readers:
        node = layer_named(graph, reader)
        result = refitted(result, graph, node, np.arange(graph.tensors[node.outputs[0]].shape[1]), job)
    return result


def _solved(
    graph: Graph, makers: Sequence[str], readers: Sequence[str], later: Sequence[str], teacher: Graph, job: Job, part: str
) -> Graph:
    """The graph with the two sets of parameters of a sub-problem trained, those of `makers` and of `readers`."""
    constants = (name for node in graph.nodes if node.name in (*makers, *readers) for name in node.inputs[1:])
    parameters = tuple(dict.fromkeys(name for name in constants if name is not None and graph.constant(name) is not None))
    noisy = _unbuilt(graph, makers, later)
    tuning = as_logits(
        teacher,
        () if noisy else same_tensors(graph, teacher),
        f"noise on {noisy}",
        parameters=parameters,
        optimizer="rmsprop",
        behind=dict.fromkeys(noisy, noise),
    )
    return finetune(graph, job, part, tuning)


def _unbuilt(graph: Graph, made: Sequence[str], later: Sequence[str]) -> tuple[str, ...]:
    """Tensors that go past the layers `made` into what lies behind them, and depend on layers that are made smaller later."""
    behind, unbuilt = _reached(graph, made), _reached(graph, later)
    inputs = {str(name) for node in graph.nodes if node.name in made for name in node.inputs}
    crossing: dict[str, None] = {}
    for node in graph.nodes:
        if node.outputs[0] in behind and node.name not in made:
            crossing |= {str(name): None for name in node.inputs if name and name not in behind and name in unbuilt}
    return tuple(name for name in crossing if name not in inputs)


def _reached(graph: Graph, layers: Sequence[str]) -> set[str]:
    """Tensors that depend on layers."""
    found: set[str] = set()
    for node in graph.nodes:
        if node.name in layers or not found.isdisjoint(name for name in node.inputs if name):
            found.update(node.outputs)
    return found


def noise(values: Tensor) -> Tensor:
    """A tensor with a share of another sample's deviation from the mean added: noise as the tensor varies, drawn by the batch's order."""
    other: Tensor = values.detach().roll(1, 0)
    return values + NOISE * (other - values.detach().mean(0, keepdim=True))

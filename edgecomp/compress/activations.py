"""Neurons and channels that seldom fire go, in cycles of training, counting and pruning.

H. Hu, R. Peng, Y.-W. Tai, C.-K. Tang, "Network Trimming: A Data-Driven Neuron Pruning Approach towards Efficient Deep Architectures",
2016: section 3.1 (the average percentage of zeros of a unit over data and positions; here its complement, the rate at which it fires),
3.2 (cycles of pruning and training). Fully connected layers, convolutions and transposed convolutions are all alike: a unit is an output
channel.

Variants, each made in the training before the counting:

- `distortion`: random noise on the weights that make a unit, scaled by 1 - the variance of its activity (as a share of the largest in the
  layer): units that tell little apart are disturbed most, so that others take over what they do;
- `l1`: the mean absolute activation is part of the loss, so that units fall silent;
- `outliers`: units go whose rate is below the mean of their layer less two standard deviations.

Where a size is asked for, each cycle goes an equal part of the way, the rarest of each layer first, as many of each as its sensitivity
says. Where none is, every cycle takes out the units that fire less often than `least_rate` (or the outliers).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgecomp.compress.absorb import Cutter
from edgecomp.compress.budget import size_of
from edgecomp.compress.channels import Channels, Group, channels
from edgecomp.compress.finetune import Tuning, finetune
from edgecomp.compress.job import Job
from edgecomp.compress.layer_weights import filters, layer, with_filters
from edgecomp.compress.sensitivity import kept_by_sensitivity
from edgecomp.graph import Array, Graph
from edgecomp.quant.floating import FloatModel
from edgecomp.train.executor import TorchGraph

ROWS = 1000
OUTLIER_DEVIATIONS = 2.0


@dataclass(frozen=True, eq=False)
class Activity:
    """Of each unit of a group, float64 [units]: the share of rows and positions where it is above zero, and its variance over them."""

    rate: Array
    variance: Array


def compress(graph: Graph, job: Job) -> Graph:
    """The graph without the units that fire least.

    Raises:
        DataError: the budget is below what is possible.
        UnsupportedError: a layer named in the job cannot be made thinner.
    """
    names = [group.name for group in channels(graph).changeable(job.layers)]
    cycles, variant = int(job.options["cycles"]), str(job.options["variant"])
    start = job.budget.excess(size_of(graph))
    for number in range(1, cycles + 1):
        graph = _trained(graph, names, job, number)
        found = channels(graph)
        groups = [group for group in found.groups if group.name in names]
        activity = measured(found, groups, job)
        if job.budget.names_a_size:
            eased = replace(job, budget=job.budget.eased(start, number / cycles))
            graph = _to_size(found, groups, activity, eased)
        else:
            graph = _by_rate(found, groups, activity, job, variant == "outliers")
        job.watch("cycles of pruning", number, cycles)
    return finetune(graph, job)


def measured(found: Channels, groups: Sequence[Group], job: Job) -> dict[str, Activity]:
    """The activity of each group in the tensors that carry it into the layers that read it, over the first rows of the training data."""
    tensors = {group.name: carriers(found, group) for group in groups}
    names = tuple(dict.fromkeys(name for own in tensors.values() for name in own))
    sums = {name: np.zeros((3, len(found.places[name].labels))) for name in names}
    counts = dict.fromkeys(names, 0)
    for chunk in FloatModel(found.graph, names).run(job.train.x[:ROWS]):
        for name, values in chunk.items():
            flat = _flat(found, name, values)
            sums[name] += np.stack([(flat > 0).sum(1), flat.sum(1), np.square(flat).sum(1)])
            counts[name] += flat.shape[1]
    return {group.name: _of_group(found, group, tensors[group.name], sums, counts) for group in groups}


def carriers(found: Channels, group: Group) -> tuple[str, ...]:
    """The tensors that carry a group's channels into the layers that read them."""
    return tuple(dict.fromkeys(str(layer(found.graph, name).inputs[0]) for name in group.readers))


def _flat(found: Channels, name: str, values: Array) -> Array:
    """Values [n, *sample shape] as [places along the axis of channels, rows and positions]."""
    whole = values.reshape(len(values), *found.graph.tensors[name].shape)
    moved = np.moveaxis(whole, 1 + found.places[name].axis, 0)
    return moved.reshape(len(moved), -1).astype(np.float64)


def _of_group(found: Channels, group: Group, tensors: Sequence[str], sums: Mapping[str, Array], counts: Mapping[str, int]) -> Activity:
    """Sums of all places of a unit together."""
    total, count = np.zeros((3, group.units)), np.zeros(group.units)
    for name in tensors:
        units = found.units_at(group, name)
        there = units >= 0
        for row, values in zip(total, sums[name], strict=True):
            np.add.at(row, units[there], values[there])
        np.add.at(count, units[there], counts[name])
    fired, mean, square = total / np.maximum(count, 1)
    return Activity(fired, np.maximum(square - mean**2, 0))


def _to_size(found: Channels, groups: Sequence[Group], activity: Mapping[str, Activity], job: Job) -> Graph:
    """The graph of the job's size, the rarest units of each group gone."""
    cutter = Cutter(found, job.train)
    orders = {group.name: np.argsort(activity[group.name].rate, kind="stable") for group in groups}
    return cutter.cut(kept_by_sensitivity(cutter, groups, orders, job))


def _by_rate(found: Channels, groups: Sequence[Group], activity: Mapping[str, Activity], job: Job, outliers: bool) -> Graph:
    """The graph without units below a rate; the most active one stays."""
    kept = {}
    for group in groups:
        rate = activity[group.name].rate
        least = rate.mean() - OUTLIER_DEVIATIONS * rate.std() if outliers else float(job.options["least_rate"])
        stays = rate >= least
        stays[np.argmax(rate)] = True
        kept[group.name] = np.flatnonzero(stays)
    gone = sum(group.units - len(kept[group.name]) for group in groups)
    job.say(f"{gone} of {sum(group.units for group in groups)} units fire too seldom")
    return Cutter(found, job.train).cut(kept)


def _trained(graph: Graph, names: Sequence[str], job: Job, number: int) -> Graph:
    """The training of one cycle: an equal part of the epochs, with what the variant adds."""
    cycles, variant, strength = int(job.options["cycles"]), str(job.options["variant"]), float(job.options["strength"])
    epochs = -(-job.epochs // cycles)
    part = f"cycle {number}"
    if not epochs:
        return graph
    found = channels(graph)
    groups = [group for group in found.groups if group.name in names]
    if variant == "distortion":
        return finetune(_distorted(found, groups, measured(found, groups, job), job, number), job, part, epochs=epochs)
    if variant == "l1":
        tensors = tuple(dict.fromkeys(name for group in groups for name in carriers(found, group)))

        def penalty(network: TorchGraph, seen: Mapping[str, Any]) -> Any:
            return strength * sum(seen[name].abs().mean() for name in tensors) / max(len(tensors), 1)

        return finetune(graph, job, part, Tuning(seen=tensors, penalty=penalty, note=f"l1 {strength:g}"), epochs)
    return finetune(graph, job, part, epochs=epochs)


def _distorted(found: Channels, groups: Sequence[Group], activity: Mapping[str, Activity], job: Job, number: int) -> Graph:
    """The graph with noise on the filters of units that vary little."""
    random = np.random.default_rng([job.seed, number])
    graph = found.graph
    for group in groups:
        variance = activity[group.name].variance
        share = 1 - variance / max(float(variance.max()), 1e-30)
        for name, units in group.producers.items():
            own = filters(graph, name)
            scale = float(job.options["strength"]) * own.std() * share[units]
            noise = random.normal(size=own.shape) * scale.reshape(-1, *(1,) * (own.ndim - 1))
            graph = graph.rebuilt(graph.nodes, [with_filters(graph, name, own + noise)])
    return graph

"""An l1 term presses the scales of batch normalization towards zero; channels below one threshold for all layers go.

Z. Liu, J. Li, Z. Shen, G. Huang, S. Yan, C. Zhang, "Learning Efficient Convolutional Networks through Network Slimming", ICCV 2017, section
3: the term on the scales, the global threshold, fine-tuning. Where batch normalization was folded into the weights it is put back behind
each layer that makes the channels: its mean and variance are those of the layer's outputs on the training data, its scale their standard
deviation and its shift their mean, so that the network computes the same. At the end it is folded again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgecomp.compress.absorb import Cutter
from edgecomp.compress.allocation import by_score, least_removals
from edgecomp.compress.channels import Channels, Group, channels
from edgecomp.compress.finetune import Tuning, finetune
from edgecomp.compress.job import Job, Samples
from edgecomp.compress.layer_weights import layer
from edgecomp.graph import Array, Graph, Node, Tensor
from edgecomp.ops.batch_normalization import BatchNormalization
from edgecomp.passes import simplify
from edgecomp.passes.rewrite import free_node_name
from edgecomp.quant.floating import FloatModel
from edgecomp.train.executor import TorchGraph

ROWS = 500
"""From which statistics are taken."""

EPSILON = 1e-5
LEAST_SHARE = 0.1
SCALE, SHIFT = "__scale", "__shift"


def compress(graph: Graph, job: Job) -> Graph:
    """The graph without the channels of least scale, after `job.epochs` of training with the l1 term and as many without it.

    Raises:
        ToolError: PyTorch is missing.
        DataError: the budget is below what is possible.
        UnsupportedError: a layer named in the job cannot be made thinner.
    """
    names = [group.name for group in channels(graph).changeable(job.layers)]
    normalized, scales = with_batch_norm(graph, names, job.train)
    weight = float(job.options["sparsity"])

    def penalty(network: TorchGraph, seen: Mapping[str, Any]) -> Any:
        return weight * sum(network.parameters[name].abs().sum() for name in scales.values())

    tuning = Tuning(penalty=penalty, note=f"slimming {weight:g}")
    trained = finetune(normalized, job, "slimming", tuning)
    found = channels(trained)
    groups = [group for group in found.groups if group.name in names]
    path = by_score(groups, {group.name: unit_scales(found, group, scales) for group in groups}, LEAST_SHARE)
    kept = least_removals(found, path, job.budget)
    return finetune(simplify(Cutter(found, job.train).cut(kept)), job)


def unit_scales(found: Channels, group: Group, scales: Mapping[str, str]) -> Array:
    """The mean absolute scale of each unit over the layers that make it, float64 [units]."""
    total, count = np.zeros(group.units), np.zeros(group.units)
    for name, units in group.producers.items():
        scale = found.graph.constant(scales[name])
        assert scale is not None
        np.add.at(total, units, np.abs(scale.astype(np.float64)))
        np.add.at(count, units, 1.0)
    return total / count


def with_batch_norm(graph: Graph, groups: Sequence[str], samples: Samples) -> tuple[Graph, dict[str, str]]:
    """The same function with a batch normalization behind every layer of some groups, and the name of each one's scale by layer."""
    found = channels(graph)
    layers = [name for group in found.groups if group.name in groups for name in group.producers]
    statistics = _statistics(graph, [layer(graph, name).outputs[0] for name in layers], samples)
    nodes: list[Node] = []
    tensors: list[Tensor] = []
    scales: dict[str, str] = {}
    for node in graph.nodes:
        if node.name not in layers:
            nodes.append(node)
            continue
        result = node.outputs[0]
        mean, variance = statistics[result]
        inner = replace(graph.tensors[result], name=f"{result}__normalized")
        constants = [
            Tensor(f"{result}{suffix}", values.shape, "float32", values.astype(np.float32))
            for suffix, values in ((SCALE, np.sqrt(variance + EPSILON)), (SHIFT, mean), ("__mean", mean), ("__variance", variance))
        ]
        nodes += [
            replace(node, outputs=(inner.name,)),
            Node(
                free_node_name(graph, f"{node.name}__normalization"),
                BatchNormalization(EPSILON),
                (inner.name, *(tensor.name for tensor in constants)),
                (result,),
            ),
        ]
        tensors += [inner, *constants]
        scales[node.name] = constants[0].name
    return graph.rebuilt(nodes, tensors), scales


def _statistics(graph: Graph, tensors: Sequence[str], samples: Samples) -> dict[str, tuple[Array, Array]]:
    """Mean and variance, float64 [channels], of tensors with channels on axis 1."""
    names = tuple(dict.fromkeys(tensors))
    sums = {name: [np.zeros(graph.tensors[name].shape[1]) for _ in range(2)] for name in names}
    rows = samples.first(ROWS).x
    counts = dict.fromkeys(names, 0)
    for chunk in FloatModel(graph, names).run(rows):
        for name, values in chunk.items():
            flat = values.astype(np.float64).reshape(len(values), values.shape[1], -1)
            sums[name][0] += flat.sum((0, 2))
            sums[name][1] += np.square(flat).sum((0, 2))
            counts[name] += flat.shape[0] * flat.shape[2]
    means = {name: first / counts[name] for name, (first, _) in sums.items()}
    return {name: (means[name], np.maximum(second / counts[name] - means[name] ** 2, 0)) for name, (_, second) in sums.items()}

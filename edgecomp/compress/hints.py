"""What a network is to have in common with its teacher besides softened outputs: tensors inside, or logits as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edgecomp.compress.finetune import Penalty, Tuning
from edgecomp.compress.identity import digest
from edgecomp.graph import Graph
from edgecomp.train.executor import logits_of

if TYPE_CHECKING:
    from torch import Tensor

    from edgecomp.train.executor import TorchGraph

Difference = Callable[["Tensor", "Tensor"], Any]
"""From a tensor of the network and of the teacher to a term of the loss."""


def imitating(teacher: Graph, tensors: Sequence[str]) -> Tuning:
    """Training in which tensors of both networks that have one name become alike: the mean squared difference in units of the teacher's
    variance, averaged over the tensors, is added to the loss.
    """
    from edgecomp.train.losses import imitation

    return Tuning(
        seen=(*teacher.inputs, *tensors),
        penalty=_beside(teacher, tensors, lambda own, wanted: imitation(own, wanted) / len(tensors)),
        note=f"imitates {' '.join(tensors)} of {digest(teacher)}",
    )


def as_logits(teacher: Graph, shared: Sequence[str] = (), note: str = "", **fields: Any) -> Tuning:
    """Training on the labels' cross-entropy plus the mean squared difference of the logits from the teacher's.

    Args:
        shared: tensors that the teacher need not compute, as they are the same in both networks (see `same_tensors`).
        note: added to the tuning's.
        fields: of the `Tuning`, besides its loss.
    """
    logits = logits_of(teacher)
    part = part_behind(teacher, shared, logits)
    penalty = _beside(part, [logits], lambda own, wanted: (own - wanted).square().mean())
    return Tuning(distillation=0.0, seen=(*part.inputs, logits), penalty=penalty, note=f"logits of {digest(teacher)} {note}", **fields)


def same_tensors(network: Graph, teacher: Graph) -> tuple[str, ...]:
    """Tensors that both networks compute alike, and that something which differs reads."""
    same = set(network.inputs)
    for node in network.nodes:
        alike = teacher.producers.get(node.outputs[0]) == node
        if alike and all(name is None or name in same or _same_constant(network, teacher, name) for name in node.inputs):
            same.update(node.outputs)
    read = [name for node in network.nodes if node.outputs[0] not in same for name in node.inputs]
    return tuple(dict.fromkeys(name for name in read if name in same))


def _same_constant(network: Graph, teacher: Graph, name: str) -> bool:
    own, other = network.constant(name), teacher.constant(name) if name in teacher.tensors else None
    return own is not None and other is not None and np.array_equal(own, other)


def part_behind(graph: Graph, sources: Sequence[str], target: str) -> Graph:
    """What makes a tensor from others and, where they do not suffice, from the graph's inputs."""
    wanted, nodes = {target}, []
    for node in reversed(graph.nodes):
        if not wanted.isdisjoint(node.outputs) and not all(name in sources for name in wanted.intersection(node.outputs)):
            nodes.append(node)
            wanted.update(name for name in node.inputs if name)
    inputs = tuple(name for name in dict.fromkeys((*sources, *graph.inputs)) if name in wanted)
    return replace(graph, inputs=inputs, outputs=(target,)).rebuilt(reversed(nodes))


def _beside(teacher: Graph, tensors: Sequence[str], difference: Difference) -> Penalty:
    """The sum of differences of tensors that have one name in both networks; the teacher's inputs are tensors of the network."""
    ready: list[TorchGraph] = []

    def penalty(network: TorchGraph, values: Mapping[str, Tensor]) -> Any:
        import torch

        if not ready:
            ready.append(type(network)(teacher))
        with torch.no_grad():
            wanted = ready[0].run({name: values[name] for name in teacher.inputs}, tensors)
        return sum(difference(values[name], wanted[name]) for name in tensors)

    return penalty

"""Channels whose loss would rise least go: saliency by the diagonal of the Fisher information, summed over a channel.

L. Theis, I. Korshunova, A. Tejani, F. Huszar, "Faster gaze prediction with dense networks and Fisher pruning", 2018, section 3.1,
equation (8): for each row, the sum over positions of activation times gradient of the loss; half its mean square is the rise in loss when
the channel is set to zero. It is the second-order term of Y. LeCun, J. Denker, S. Solla, "Optimal Brain Damage", NIPS 1989, with the
Fisher information in place of the Hessian. Section 3.2: the saliency is divided by what the channel saves. As many channels go as the
budget asks for, in rounds between which saliencies are measured anew, for they change as others go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgecomp.compress.absorb import Cutter
from edgecomp.compress.activations import carriers
from edgecomp.compress.allocation import Sizer, by_score, least_removals
from edgecomp.compress.budget import size_of
from edgecomp.compress.channels import Channels, Group, channels
from edgecomp.compress.finetune import as_batch, finetune
from edgecomp.compress.job import Job
from edgecomp.graph import Array, Graph
from edgecomp.train.executor import TorchGraph
from edgecomp.train.installation import require_torch

if TYPE_CHECKING:
    from torch import Tensor

ROUNDS = 6
ROWS = 2000
BATCH_ROWS = 100
LEAST_SHARE = 0.1
"""Of each layer's channels: what stays until every layer is down to it."""


def compress(graph: Graph, job: Job) -> Graph:
    """The graph without the channels of least saliency for what they save.

    Raises:
        ToolError: PyTorch is missing.
        DataError: the budget is below what is possible, or the data have no classes.
        UnsupportedError: a layer named in the job cannot be made thinner.
    """
    require_torch()
    names = [group.name for group in channels(graph).changeable(job.layers)]
    start = job.budget.excess(size_of(graph))
    for number in range(1, ROUNDS + 1):
        job.watch("pruning by Fisher information", number, ROUNDS)
        found = channels(graph)
        groups = [group for group in found.groups if group.name in names]
        path = by_score(groups, prices(found, groups, job), LEAST_SHARE)
        kept = least_removals(found, path, job.budget.eased(start, number / ROUNDS))
        graph = Cutter(found, job.train).cut(kept)
    return finetune(graph, job)


def prices(found: Channels, groups: list[Group], job: Job) -> dict[str, Array]:
    """Saliency of each unit over the share of the budget's size that it takes, by group."""
    saliency = saliencies(found, groups, job)
    sizer = Sizer(found)
    everything = sizer.everything()
    whole = sizer.cost(everything, job.budget)
    found_prices = {}
    for group in groups:
        choices = [sizer.without(everything, group.name, np.array([unit])) for unit in range(group.units)]
        saved = np.array([whole - sizer.cost(choice, job.budget) for choice in choices])
        found_prices[group.name] = saliency[group.name] / np.maximum(saved, 1e-12)
    return found_prices


def saliencies(found: Channels, groups: list[Group], job: Job) -> dict[str, Array]:
    """The rise in loss when a unit is set to zero, float64 [units] by group, over the first rows of the training data."""
    import torch
    import torch.nn.functional as F

    network = TorchGraph(found.graph)
    classes = torch.from_numpy(job.train.labels("fisher")[:ROWS])
    tensors = {group.name: carriers(found, group) for group in groups}
    wanted = sorted({tensor for names in tensors.values() for tensor in names})
    rows = as_batch(job.train.x[:ROWS])
    total = {group.name: np.zeros(group.units) for group in groups}
    for start in range(0, len(rows), BATCH_ROWS):
        batch = torch.arange(start, min(start + BATCH_ROWS, len(rows)))
        values = network.run(rows[batch], (network.logits, *wanted))
        loss = F.cross_entropy(values[network.logits].reshape(len(batch), -1), classes[batch], reduction="sum")
        gradients = torch.autograd.grad(loss, [values[name] for name in wanted])
        by_place = {name: _rises(found, name, values[name], gradient) for name, gradient in zip(wanted, gradients, strict=True)}
        for group in groups:
            total[group.name] += _squares(found, group, {name: by_place[name] for name in tensors[group.name]})
    return {name: value / (2 * len(rows)) for name, value in total.items()}


def _rises(found: Channels, name: str, value: Tensor, gradient: Tensor) -> Array:
    """Minus activation times gradient, summed over all axes but rows and channels: [rows, places]."""
    product = (value.detach() * gradient).movedim(found.places[name].axis, 1)
    summed: Array = product.reshape(*product.shape[:2], -1).sum(2).numpy()
    return summed


def _squares(found: Channels, group: Group, by_place: dict[str, Array]) -> Array:
    """The sum over rows of the squared rise of each unit: what all tensors that carry it add up to."""
    rows = len(next(iter(by_place.values())))
    rise = np.zeros((group.units, rows))
    for name, values in by_place.items():
        units = found.units_at(group, name)
        np.add.at(rise, units[units >= 0], values.T[units >= 0])
    result: Array = np.square(rise).sum(1)
    return result

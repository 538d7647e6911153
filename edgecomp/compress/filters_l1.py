"""Filters of least l1 norm go, and the layers that read them follow; then the whole is fine-tuned.

H. Li, A. Kadav, I. Durdanovic, H. Samet, H. P. Graf, "Pruning Filters for Efficient ConvNets", ICLR 2017, section 3.1 (which filters),
3.2 (how many of each layer: its sensitivity), 3.3 (filters of several layers at once, layers of a residual sum together).
"""

from __future__ import annotations

import numpy as np

from edgecomp.compress.absorb import Cutter
from edgecomp.compress.channels import Channels, Group, channels
from edgecomp.compress.finetune import finetune
from edgecomp.compress.job import Job
from edgecomp.compress.layer_weights import filters
from edgecomp.compress.sensitivity import kept_by_sensitivity
from edgecomp.graph import Array, Graph


def compress(graph: Graph, job: Job) -> Graph:
    """The graph with the filters of largest norm, as many of each layer as the budget and the layer's sensitivity say.

    Raises:
        DataError: the budget is below what is possible.
        UnsupportedError: a layer named in the job cannot be made thinner.
    """
    found = channels(graph)
    groups = found.changeable(job.layers)
    orders = {group.name: np.argsort(norms(found, group), kind="stable") for group in groups}
    cutter = Cutter(found, job.train)
    return finetune(cutter.cut(kept_by_sensitivity(cutter, groups, orders, job)), job)


def norms(found: Channels, group: Group) -> Array:
    """The l1 norm of the filters of each unit, float64 [units]: each layer's norms over their mean, summed over the layers that make it."""
    total = np.zeros(group.units)
    for name, units in group.producers.items():
        own = np.abs(filters(found.graph, name)).reshape(len(units), -1).sum(1)
        np.add.at(total, units, own / max(float(own.mean()), 1e-30))
    return total

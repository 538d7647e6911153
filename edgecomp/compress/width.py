"""`width`: every layer gets the same share of its channels, the best filters of the original, and learns from it.

The width multiplier of Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications" (2017), section
3.3.
"""

from __future__ import annotations

from edgecomp.compress.finetune import finetune
from edgecomp.compress.job import Job
from edgecomp.compress.student import student_of
from edgecomp.graph import Graph


def compress(graph: Graph, job: Job) -> Graph:
    """The thinner network, trained. Option: `widths` (of all groups of layers, or of each; else one for all, by the budget).

    Raises:
        DataError: a width is wrong, or the budget is below what is possible.
    """
    return finetune(student_of(graph, job), job)

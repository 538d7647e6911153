"""`lowrank`: a layer becomes one with d' outputs and a pointwise layer behind it, which rebuilds the responses from their principal parts.

Zhang et al., "Efficient and Accurate Approximations of Nonlinear Convolutional Networks" (CVPR 2015), section 3.1: with y - mean(y) =
U U' (y - mean(y)), where U [N, d'] are the leading eigenvectors of the responses' covariance, W becomes U (U' W) and the bias takes up the
mean. Ranks are chosen over all layers by energy (section 3.4).
"""

from __future__ import annotations

from edgecomp.compress.decomposition import Layer, decomposed
from edgecomp.compress.finetune import finetune
from edgecomp.compress.job import Job
from edgecomp.compress.projection import Projection
from edgecomp.compress.stages import FULLY_CONNECTED
from edgecomp.graph import Graph
from edgecomp.ops.conv import Conv


def compress(graph: Graph, job: Job) -> Graph:
    """Convolutions and fully connected layers in two, then fine-tuned. Option: `energy` (kept in each layer without a budget).

    Raises:
        DataError: no layer can be made smaller, or not as small as the budget asks.
    """
    return finetune(decomposed("lowrank", Projection("lowrank", mixes_channels, job.train.x, job.seed), graph, job), job)


def mixes_channels(layer: Layer) -> bool:
    """Whether every output of a layer reads all of its input channels."""
    return layer.stage.op == FULLY_CONNECTED or (isinstance(layer.stage.op, Conv) and layer.stage.op.group == 1)

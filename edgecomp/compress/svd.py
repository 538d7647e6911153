"""`svd`: a fully connected layer W [N, M] becomes O P with L rows between, where L (N + M) < N M.

Denton et al., "Exploiting Linear Structure Within Convolutional Networks for Efficient Evaluation" (NIPS 2014): the truncated singular
value decomposition (section 3.2.1) is the best in the norm of the weights; with the covariance of the layer's inputs as metric (section
3.1.2) it is the best in the norm of the responses.
"""

from __future__ import annotations

from edgecomp.compress.decomposition import Layer, decomposed
from edgecomp.compress.finetune import finetune
from edgecomp.compress.job import Job
from edgecomp.compress.projection import Projection
from edgecomp.compress.stages import FULLY_CONNECTED
from edgecomp.graph import Graph


def compress(graph: Graph, job: Job) -> Graph:
    """Fully connected layers in two, then fine-tuned. Options: `metric` (`data` or `weights`), `energy` (kept without a budget).

    Raises:
        DataError: no layer can be made smaller, or not as small as the budget asks.
    """
    samples = job.train.x if job.options["metric"] == "data" else None
    return finetune(decomposed("svd", Projection("svd", fully_connected, samples, job.seed), graph, job), job)


def fully_connected(layer: Layer) -> bool:
    """Whether a layer is fully connected, in canonical form."""
    return layer.stage.op == FULLY_CONNECTED

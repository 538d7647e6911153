"""`lowrank-nonlinear`: as `lowrank`, but what is rebuilt is the response behind its ReLU, from what the layers before, approximated
already, make of the input.

Zhang et al., "Efficient and Accurate Approximations of Nonlinear Convolutional Networks" (CVPR 2015): section 3.2 (auxiliary responses z,
solved in turn with the low-rank map by generalized singular value decomposition), section 3.3 (asymmetric reconstruction), section 3.4
(ranks over all layers by energy).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgecomp.compress.decomposition import Layer, decomposed
from edgecomp.compress.finetune import finetune
from edgecomp.compress.job import Job
from edgecomp.compress.lowrank import mixes_channels
from edgecomp.compress.projection import Projection, balanced, matrix, two_stages
from edgecomp.compress.responses import RIDGE, watched
from edgecomp.compress.stages import Stage
from edgecomp.graph import Array, Graph
from edgecomp.ops.base import Operator

PENALTIES = (0.01, 1.0)
"""Weight of z being near the low-rank map, in two rounds, as in section 3.2."""

TURNS = 25
"""In each round."""


def compress(graph: Graph, job: Job) -> Graph:
    """Convolutions and fully connected layers in two, then fine-tuned. Option: `energy` (kept in each layer without a budget).

    Raises:
        DataError: no layer can be made smaller, or not as small as the budget asks.
    """
    return finetune(decomposed("lowrank-nonlinear", _Nonlinear(job.train.x, job.seed), graph, job), job)


class _Nonlinear(Projection):
    """The sizes and energies of the linear method, with maps that account for the activation and for earlier layers' errors."""

    def __init__(self, samples: Array, seed: int) -> None:
        super().__init__("lowrank", mixes_channels, samples, seed)
        self.rows = samples

    def chain(self, layer: Layer, rank: int, graph: Graph) -> Sequence[Stage]:
        seen = watched(graph, layer.graph, layer.node, self.rows, self.seed)
        weights = matrix(layer.stage)
        given = seen.inputs @ weights.T + layer.bias
        second, first, bias = low_rank_map(given, seen.outputs, clamp_behind(layer), rank)
        return two_stages(layer.stage, first @ weights, second, bias + second @ (first @ (np.zeros(len(weights)) + layer.bias)))


def clamp_behind(layer: Layer) -> tuple[float, float]:
    """What the activation behind a layer clamps its responses to: (0, inf) for ReLU; infinite where there is none."""
    reader = layer.graph.sole_consumer(layer.node.outputs[0])
    bounds = reader.op.clamp if reader is not None and isinstance(reader.op, Operator) else None
    return bounds if bounds is not None else (-np.inf, np.inf)


def low_rank_map(given: Array, wanted: Array, clamp: tuple[float, float], rank: int) -> tuple[Array, Array, Array]:
    """(P [N, rank], Q [rank, N], bias [N]) so that clamp(P Q given + bias) is near clamp(wanted) (equations 6 to 9).

    Args:
        given: [rows, N], what the layer answers now.
        wanted: [rows, N], what it should answer, before the activation.
        clamp: the activation, as (low, high).
        rank: of the map.
    """
    regression = _Regression(given)
    second, first, bias = regression.best(wanted, rank)
    if not np.isfinite(clamp).any():
        return second, first, bias
    goal = np.clip(wanted, *clamp)
    for penalty in PENALTIES:
        for _ in range(TURNS):
            near = given @ first.T @ second.T + bias
            second, first, bias = regression.best(auxiliary(goal, near, clamp, penalty), rank)
    return second, first, bias


def auxiliary(goal: Array, near: Array, clamp: tuple[float, float], penalty: float) -> Array:
    """z that minimizes (goal - clamp(z))^2 + penalty (z - near)^2, value by value (equation 8, for a clamp at both ends)."""
    low, high = clamp
    inside = np.clip((goal + penalty * near) / (1 + penalty), low, high)
    candidates = [inside, np.minimum(near, low), np.maximum(near, high)]
    best, least = inside, np.full(goal.shape, np.inf)
    for z in candidates:
        if np.isfinite(z).all():
            cost = (goal - np.clip(z, low, high)) ** 2 + penalty * (z - near) ** 2
            best, least = np.where(cost < least, z, best), np.minimum(cost, least)
    return best


class _Regression:
    """Least squares from fixed rows to changing ones through few channels."""

    def __init__(self, given: Array) -> None:
        self.mean = given.mean(0)
        centred = given - self.mean
        second = centred.T @ centred
        second[np.diag_indices_from(second)] += RIDGE * max(float(np.trace(second)) / len(second), 1e-12)
        self.root = np.linalg.cholesky(second)
        self.solving = np.linalg.solve(second, centred.T)

    def best(self, wanted: Array, rank: int) -> tuple[Array, Array, Array]:
        """(P, Q, bias): the map of this rank with the least squared error (equation 9), its middle channels of equal spread."""
        mean = wanted.mean(0)
        whole = (self.solving @ wanted).T
        left, values, _ = np.linalg.svd(whole @ self.root, full_matrices=False)
        scales = balanced(values[:rank] / np.sqrt(len(wanted)))
        first = left[:, :rank].T @ whole / scales[:, None]
        second = left[:, :rank] * scales
        bias: Array = mean - second @ (first @ self.mean)
        return second, first, bias

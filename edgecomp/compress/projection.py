"""Layers projected on the principal directions of their responses: W becomes U (U' W), the best of its rank in a norm.

The norm is that of the responses where the covariance of the inputs is known, else that of the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from edgecomp.compress.decomposition import Decomposition, Layer, few
from edgecomp.compress.responses import watched
from edgecomp.compress.stages import FULLY_CONNECTED, Stage, pointwise
from edgecomp.graph import Array, Graph
from edgecomp.ops.conv import Conv

LEAST_SCALE = 1e-3
"""Of the middle channels' own scales, against the largest."""


class Projection(Decomposition):
    """Decomposition of layers into a layer with fewer outputs and a pointwise (or fully connected) one behind it.

    The channels between are scaled to equal spread, so that one scale quantizes them all.
    """

    def __init__(self, word: str, takes: Callable[[Layer], bool], samples: Array | None, seed: int) -> None:
        """Prepare a method; `samples` [N, ...] give the covariance of inputs, None weighs all weights alike."""
        self.word, self._takes, self.samples, self.seed = word, takes, samples, seed
        self._directions: dict[str, tuple[Array, Array, Array]] = {}

    def takes(self, layer: Layer) -> bool:
        """See `Decomposition`."""
        return self._takes(layer)

    def energies(self, layer: Layer) -> Mapping[int, float]:
        """See `Decomposition`."""
        variances = self.directions(layer)[0]
        shares = np.cumsum(variances) / max(float(variances.sum()), 1e-30)
        return {rank: float(shares[rank - 1]) for rank in few(len(variances))}

    def outline(self, layer: Layer, rank: int) -> Sequence[Stage]:
        """See `Decomposition`."""
        return two_stages(
            layer.stage, np.empty((rank, layer.stage.weights[0].size)), np.empty((len(layer.stage.weights), rank)), layer.bias
        )

    def chain(self, layer: Layer, rank: int, graph: Graph) -> Sequence[Stage]:
        """See `Decomposition`."""
        energies, directions, input_mean = self.directions(layer)
        weights = matrix(layer.stage)
        scales = balanced(np.sqrt(energies[:rank]))
        first = directions[:, :rank].T @ weights / scales[:, None]
        second = directions[:, :rank] * scales
        return two_stages(layer.stage, first, second, layer.bias + (weights - second @ first) @ input_mean)

    def directions(self, layer: Layer) -> tuple[Array, Array, Array]:
        """(variances [N], falling; directions [N, N] as columns; mean of the inputs [K])."""
        name = layer.node.name
        if name not in self._directions:
            weights = matrix(layer.stage)
            mean, answers = np.zeros(weights.shape[1]), weights
            if self.samples is not None:
                seen = watched(layer.graph, layer.graph, layer.node, self.samples, self.seed)
                mean, answers = seen.inputs.mean(0), (seen.outputs - seen.outputs.mean(0)).T / np.sqrt(len(seen.outputs))
            left, values, _ = np.linalg.svd(answers, full_matrices=False)
            self._directions[name] = values**2, left, mean
        return self._directions[name]


def matrix(stage: Stage) -> Array:
    """Weights as [N, K], K in the order of `responses.Responses.inputs`."""
    return stage.weights.reshape(len(stage.weights), -1)


def two_stages(stage: Stage, first: Array, second: Array, bias: Array | float) -> tuple[Stage, Stage]:
    """The layer with weights `first` [rank, K], and a pointwise or fully connected one with `second` [N, rank] and the bias."""
    op = pointwise(len(stage.op.kernel_shape)) if isinstance(stage.op, Conv) else FULLY_CONNECTED
    rank = (1,) * (stage.weights.ndim - 2)
    whole = np.zeros(len(second)) + bias
    return Stage(stage.op, first.reshape(len(first), *stage.weights.shape[1:])), Stage(op, second.reshape(*second.shape, *rank), whole)


def balanced(scales: Array) -> Array:
    """Scales kept from vanishing."""
    floored: Array = np.maximum(scales, max(LEAST_SCALE * float(scales.max(initial=0.0)), 1e-12))
    return floored

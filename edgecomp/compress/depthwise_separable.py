"""`depthwise-separable`: a k x k convolution becomes a depthwise one with M filters a channel and a pointwise one behind it.

The form is that of Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications" (2017), section
3.1. It begins as a decomposition: each input channel's filters [N, k x k] are approximated with rank M (Guo et al., "Network Decoupling:
From Regular to Depthwise Separable Convolutions", BMVC 2018, section 3.2), then both stages are fitted to the responses. Training with the
teacher follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgecomp.compress.decomposition import Layer, decomposed
from edgecomp.compress.factors import TwoStages
from edgecomp.compress.finetune import finetune
from edgecomp.compress.job import Job
from edgecomp.compress.stages import Stage, pointwise
from edgecomp.graph import Array, Graph
from edgecomp.ops.conv import Conv


def compress(graph: Graph, job: Job) -> Graph:
    """Convolutions in two, then trained. Option: `energy` (kept in each layer without a budget).

    Raises:
        DataError: no layer can be made smaller, or not as small as the budget asks.
    """
    return finetune(decomposed("depthwise-separable", DepthwiseSeparable(job.train.x, job.seed), graph, job), job)


class DepthwiseSeparable(TwoStages):
    """The rank is M, filters a channel. The first stage is [C M, *kernel]; the second reads one value a filter."""

    word = "depthwise"

    def takes(self, layer: Layer) -> bool:
        op = layer.stage.op
        return isinstance(op, Conv) and op.group == 1 and max(op.kernel_shape) > 1

    def most(self, layer: Layer) -> int:
        weights = layer.stage.weights
        return min(len(weights), int(weights[0, 0].size))

    def full(self, layer: Layer, scales: Array) -> Array:
        weights = layer.stage.weights
        by_channel = weights.reshape(*weights.shape[:2], -1).transpose(1, 2, 0)
        left = np.linalg.svd(by_channel, full_matrices=False)[0]
        first: Array = left.swapaxes(1, 2).reshape(-1, *weights.shape[2:])
        return first

    def of_rank(self, layer: Layer, rank: int) -> Array:
        places = np.arange(layer.stage.weights.shape[1])[:, None] * self.most(layer) + np.arange(rank)
        return places.reshape(-1)

    def spread(self, layer: Layer, first: Array) -> Array:
        channels = layer.stage.weights.shape[1]
        taps = first.reshape(channels, -1, int(layer.stage.weights[0, 0].size)).swapaxes(1, 2)
        whole = taps[:, :, None, :] * np.eye(channels)[:, None, :, None]
        return whole.reshape(channels * taps.shape[1], -1)

    def gathered(self, layer: Layer, spread: Array) -> Array:
        weights = layer.stage.weights
        channels, taps = weights.shape[1], int(weights[0, 0].size)
        found: Array = np.einsum("cjcm->cmj", spread.reshape(channels, taps, channels, -1)).reshape(-1, *weights.shape[2:])
        return found

    def stages(self, layer: Layer, first: Array, second: Array, bias: Array) -> Sequence[Stage]:
        op, channels = layer.stage.op, layer.stage.weights.shape[1]
        assert isinstance(op, Conv)
        rank = len(op.kernel_shape)
        mixing = second.T.reshape(*second.T.shape, *(1,) * rank)
        return (Stage(replace(op, group=channels), first[:, None]), Stage(pointwise(rank), mixing, bias))

    def outline(self, layer: Layer, rank: int) -> Sequence[Stage]:
        outputs, channels, *kernel = layer.stage.weights.shape
        return self.stages(layer, np.empty((channels * rank, *kernel)), np.empty((channels * rank, outputs)), np.empty(outputs))

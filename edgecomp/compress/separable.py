"""`separable`: a k x k convolution becomes a vertical k x 1 one with P outputs and a horizontal 1 x k one behind it, which costs less where
P < k C_in C_out / (C_in + C_out).

Jaderberg et al., "Speeding up Convolutional Neural Networks with Low Rank Expansions" (BMVC 2014), scheme 2 (section 2.2). Fitted to the
filters (section 2.3, filter reconstruction; the minimum is a truncated singular value decomposition: Tai et al., "Convolutional Neural
Networks with Low-Rank Regularization", ICLR 2016, section 3.1), or to the responses, given what the layers before, separated already, make
(section 2.3, data reconstruction), or to the responses of all layers at once, by training (the same section, joint).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgecomp.compress.decomposition import Layer, decomposed
from edgecomp.compress.factors import TwoStages
from edgecomp.compress.finetune import finetune
from edgecomp.compress.hints import imitating
from edgecomp.compress.job import Job
from edgecomp.compress.stages import Stage, part_of_kernel
from edgecomp.graph import Array, Graph
from edgecomp.ops.conv import Conv

VERTICAL, HORIZONTAL = 0, 1


def compress(graph: Graph, job: Job) -> Graph:
    """Convolutions in two, then fine-tuned. Options: `fit` (`filters`, `data` or `joint`), `energy` (kept in each layer without a budget).

    Raises:
        DataError: no layer can be made smaller, or not as small as the budget asks.
    """
    fit = job.options["fit"]
    made = decomposed("separable", Separable(None if fit == "filters" else job.train.x, job.seed), graph, job)
    if fit == "joint":
        changed = [node.outputs[0] for node in graph.nodes if made.producers[node.outputs[0]].name != node.name]
        made = finetune(made, job, "joint reconstruction", imitating(graph, changed))
    return finetune(made, job)


class Separable(TwoStages):
    """The first stage is [P, C, kh]; the second reads one value a middle channel and column."""

    word = "separable"

    def takes(self, layer: Layer) -> bool:
        op = layer.stage.op
        return isinstance(op, Conv) and op.group == 1 and len(op.kernel_shape) == 2 and min(op.kernel_shape) > 1

    def most(self, layer: Layer) -> int:
        outputs, channels, height, width = layer.stage.weights.shape
        return int(min(channels * height, outputs * width))

    def full(self, layer: Layer, scales: Array) -> Array:
        outputs, channels, height, width = layer.stage.weights.shape
        weighed = (layer.stage.weights * scales[:, None, None]).transpose(1, 2, 0, 3).reshape(channels * height, outputs * width)
        left = np.linalg.svd(weighed, full_matrices=False)[0]
        first: Array = left.T.reshape(-1, channels, height) / scales[:, None]
        return first

    def of_rank(self, layer: Layer, rank: int) -> Array:
        return np.arange(rank)

    def spread(self, layer: Layer, first: Array) -> Array:
        middle, channels, height = first.shape
        width = layer.stage.weights.shape[3]
        whole = first.transpose(1, 2, 0)[:, :, None, :, None] * np.eye(width)[:, None, :]
        return whole.reshape(channels * height * width, middle * width)

    def gathered(self, layer: Layer, spread: Array) -> Array:
        _, channels, height, width = layer.stage.weights.shape
        found: Array = np.einsum("cyxkx->kcy", spread.reshape(channels, height, width, -1, width))
        return found

    def stages(self, layer: Layer, first: Array, second: Array, bias: Array) -> Sequence[Stage]:
        op, middle = layer.stage.op, len(first)
        assert isinstance(op, Conv)
        rows = second.reshape(middle, -1, len(bias)).transpose(2, 0, 1)
        return (
            Stage(part_of_kernel(op, VERTICAL), first[:, :, :, None]),
            Stage(part_of_kernel(op, HORIZONTAL), rows[:, :, None, :], bias),
        )

    def outline(self, layer: Layer, rank: int) -> Sequence[Stage]:
        outputs, channels, height, width = layer.stage.weights.shape
        return self.stages(layer, np.empty((rank, channels, height)), np.empty((rank * width, outputs)), np.empty(outputs))

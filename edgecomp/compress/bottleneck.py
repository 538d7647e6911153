"""`bottleneck`: a k x k convolution becomes 1 x 1, k x k between fewer channels, 1 x 1; then it learns from the original.

The block is that of He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016), section 4.1, without activations inside, so that
it can begin as a decomposition: Kim et al., "Compression of Deep Convolutional Neural Networks for Fast and Low Power Mobile Applications"
(ICLR 2016), section 3.1, Tucker-2, here with the responses' principal components behind, and the last stage fitted to the responses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgecomp.compress.decomposition import Decomposition, Layer, decomposed, few
from edgecomp.compress.factors import channel_scales, second_for
from edgecomp.compress.finetune import finetune
from edgecomp.compress.job import Job
from edgecomp.compress.projection import balanced, matrix
from edgecomp.compress.responses import Moments, moments, watched
from edgecomp.compress.stages import Stage, pointwise
from edgecomp.graph import Array, Graph
from edgecomp.ops.conv import Conv


def compress(graph: Graph, job: Job) -> Graph:
    """Convolutions in three, then trained. Option: `energy` (kept in each layer without a budget).

    Raises:
        DataError: no layer can be made smaller, or not as small as the budget asks.
    """
    return finetune(decomposed("bottleneck", _Bottleneck(job.train.x, job.seed), graph, job), job)


class _Bottleneck(Decomposition):
    """Rank r of the larger number of channels: the inputs and the outputs keep the same share of theirs."""

    word = "bottleneck"

    def __init__(self, samples: Array, seed: int) -> None:
        self.samples, self.seed = samples, seed

    def takes(self, layer: Layer) -> bool:
        """See `Decomposition`."""
        op = layer.stage.op
        return isinstance(op, Conv) and op.group == 1 and max(op.kernel_shape) > 1

    def energies(self, layer: Layer) -> Mapping[int, float]:
        """See `Decomposition`."""
        seen = self.watched(layer, layer.graph)
        directions = self.directions(layer, seen)
        found = {}
        for rank in few(max(layer.stage.weights.shape[:2])):
            spread = _spread(*self.inner(layer, rank, directions))
            found[rank] = 1.0 - seen.error(spread @ second_for(spread, seen))
        return found

    def outline(self, layer: Layer, rank: int) -> Sequence[Stage]:
        """See `Decomposition`."""
        outputs, channels, *kernel = layer.stage.weights.shape
        inside, outside = _ranks(layer, rank)
        return self.stages(
            layer,
            np.empty((channels, inside)),
            np.empty((outside, inside, int(np.prod(kernel)))),
            np.empty((outside, outputs)),
            np.empty(outputs),
        )

    def chain(self, layer: Layer, rank: int, graph: Graph) -> Sequence[Stage]:
        """See `Decomposition`."""
        seen = self.watched(layer, graph)
        entry, middle = self.inner(layer, rank, self.directions(layer, seen))
        spread = _spread(entry, middle)
        deviations = balanced(np.sqrt(np.diag(spread.T @ seen.inputs @ spread)))
        spread, middle = spread / deviations, middle / deviations[:, None, None]
        last = second_for(spread, seen)
        return self.stages(layer, entry, middle, last, seen.bias(spread @ last))

    def watched(self, layer: Layer, graph: Graph) -> Moments:
        """What the layer reads in `graph` and should answer."""
        return moments(watched(graph, layer.graph, layer.node, self.samples, self.seed))

    def directions(self, layer: Layer, seen: Moments) -> tuple[Array, Array, Array]:
        """(outputs [N, N] and inputs [C, C] by importance, as columns; deviations of the input channels [C])."""
        weights = layer.stage.weights
        outputs = np.linalg.svd(matrix(layer.stage) @ np.linalg.cholesky(seen.inputs), full_matrices=False)[0]
        scales = channel_scales(layer, seen)
        weighed = weights.swapaxes(0, 1).reshape(len(scales), -1) * scales[:, None]
        return outputs, np.linalg.svd(weighed, full_matrices=False)[0], scales

    def inner(self, layer: Layer, rank: int, directions: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        """([C, p], [q, p, taps]): the first two stages."""
        weights = layer.stage.weights
        inside, outside = _ranks(layer, rank)
        outputs, inputs, scales = directions
        kept = inputs[:, :inside] * scales[:, None]
        taps = weights.reshape(*weights.shape[:2], -1)
        middle = np.einsum("nq,cp,ncj->qpj", outputs[:, :outside], kept, taps, optimize=True)
        return inputs[:, :inside] / scales[:, None], middle

    def stages(self, layer: Layer, entry: Array, middle: Array, last: Array, bias: Array) -> Sequence[Stage]:
        """The three of them."""
        op = layer.stage.op
        assert isinstance(op, Conv)
        ones = (1,) * len(op.kernel_shape)
        kernel = layer.stage.weights.shape[2:]
        return (
            Stage(pointwise(len(ones)), entry.T.reshape(*entry.T.shape, *ones)),
            Stage(op, middle.reshape(*middle.shape[:2], *kernel)),
            Stage(pointwise(len(ones)), last.T.reshape(*last.T.shape, *ones), bias),
        )


def _spread(entry: Array, middle: Array) -> Array:
    """[C x taps, q]: what the first two stages make of a patch."""
    whole: Array = np.einsum("cp,qpj->cjq", entry, middle, optimize=True).reshape(-1, len(middle))
    return whole


def _ranks(layer: Layer, rank: int) -> tuple[int, int]:
    """Channels between, on the side of the input and of the output."""
    outputs, channels = layer.stage.weights.shape[:2]
    most = max(outputs, channels)
    return max(1, min(channels, -(-rank * channels // most))), max(1, min(outputs, -(-rank * outputs // most)))

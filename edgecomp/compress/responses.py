"""What layers read and what they answer, at places drawn at random in a few samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgecomp.compress.stages import Stage
from edgecomp.graph import Array, Graph, Node
from edgecomp.ops.conv import Conv
from edgecomp.ops.spatial import pad_spatial
from edgecomp.quant.floating import FloatModel

ROWS = 1000
"""Samples that convolutions are watched on, at most."""

VECTOR_ROWS = 4000
"""Samples that fully connected layers are watched on, at most: each gives but one place."""

PLACES = 10
"""Positions of a map taken from each sample, as Zhang et al. (2015), section 3.1.1."""

RIDGE = 1e-5
"""Added to second moments, as a share of their mean, so that dead and copied channels leave them regular."""


@dataclass(frozen=True, eq=False)
class Responses:
    """One row a place.

    Attributes:
        inputs: float64 [rows, K] of what the layer multiplies: its patches, channels first, or its input vector.
        outputs: float64 [rows, N], before any activation.
    """

    inputs: Array
    outputs: Array


@dataclass(frozen=True, eq=False)
class Moments:
    """Means, and second moments around them.

    Attributes:
        input_mean: [K].
        output_mean: [N].
        inputs: [K, K], symmetric positive definite.
        cross: [K, N] of inputs with outputs.
        output_energy: mean squared norm of the outputs around their mean.
    """

    input_mean: Array
    output_mean: Array
    inputs: Array
    cross: Array
    output_energy: float

    def error(self, weights: Array) -> float:
        """Mean squared error of `weights` [K, N] with the best bias, as a share of the outputs' energy."""
        wrong = np.vdot(weights, self.inputs @ weights) - 2 * np.vdot(weights, self.cross) + self.output_energy
        return float(max(wrong, 0.0) / max(self.output_energy, 1e-30))

    def bias(self, weights: Array) -> Array:
        """[N], the best with `weights` [K, N]."""
        found: Array = self.output_mean - self.input_mean @ weights
        return found


def moments(responses: Responses) -> Moments:
    """Of all rows."""
    x, y = responses.inputs, responses.outputs
    input_mean, output_mean = x.mean(0), y.mean(0)
    x, y = x - input_mean, y - output_mean
    return Moments(input_mean, output_mean, regular(x.T @ x / len(x)), x.T @ y / len(x), float((y**2).sum() / len(y)))


def weights_alone(stage: Stage) -> Moments:
    """As if all inputs were white noise: errors are then those of the weights."""
    weights = stage.weights.reshape(len(stage.weights), -1)
    bias = np.zeros(len(weights)) if stage.bias is None else stage.bias
    return Moments(np.zeros(weights.shape[1]), bias, np.eye(weights.shape[1]), weights.T, float((weights**2).sum()))


def regular(second: Array) -> Array:
    """Second moments with the ridge on their diagonal."""
    result = second.copy()
    result[np.diag_indices_from(result)] += RIDGE * max(float(np.trace(second)) / len(second), 1e-12)
    return result


def watched(graph: Graph, original: Graph, node: Node, samples: Array, seed: int) -> Responses:
    """What a layer reads in `graph`, and what it answers in `original`, at the same places of the same samples.

    With two different graphs this is the asymmetric reconstruction of Zhang et al. (2015), section 3.3: the layer is given what the layers
    before it, approximated already, make, and is to answer as the original network does.

    Args:
        graph: has the tensor that the node reads.
        node: a Conv of one group or a canonical Gemm of `original`.
        samples: [N, *input shape without its batch axis]; a limited number of them is taken, spread evenly.
        seed: of the places.
    """
    rows = ROWS if isinstance(node.op, Conv) else VECTOR_ROWS
    chosen = samples[:: max(1, len(samples) // rows)][:rows]
    source, result = str(node.inputs[0]), node.outputs[0]
    answers = FloatModel(original, [result]).predict(chosen)
    read = FloatModel(graph, [source]).predict(chosen)
    if not isinstance(node.op, Conv):
        return Responses(_rows(read), _rows(answers))
    sizes = answers.shape[2:]
    drawn = np.random.default_rng(seed).integers(0, int(np.prod(sizes)), (len(chosen), PLACES))
    places = np.unravel_index(drawn, sizes)
    return Responses(_rows(_patches(node.op, read, places)), _rows(_values(answers, drawn)))


def _rows(values: Array) -> Array:
    return values.reshape(-1, values.shape[-1]).astype(np.float64)


def _values(maps: Array, drawn: Array) -> Array:
    """[n, places, channels] of maps [n, channels, ...] at flat positions [n, places]."""
    flat = maps.reshape(*maps.shape[:2], -1)
    found: Array = np.take_along_axis(flat, drawn[:, None, :], 2).swapaxes(1, 2)
    return found


def _patches(op: Conv, maps: Array, places: Sequence[Array]) -> Array:
    """[n, places, channels x kernel] of what a convolution multiplies at positions of its output, one array [n, places] an axis."""
    padded = pad_spatial(maps, op.pads)
    rank = len(places)
    index: list[Any] = [np.arange(len(maps)).reshape(-1, *(1,) * (rank + 1)), slice(None)]
    for axis, (place, kernel, stride, dilation) in enumerate(zip(places, op.kernel_shape, op.strides, op.dilations, strict=True)):
        taps = np.arange(kernel).reshape(-1, *(1,) * (rank - 1 - axis)) * dilation
        index.append(place.reshape(*place.shape, *(1,) * rank) * stride + taps)
    taken = np.moveaxis(padded[tuple(index)], -1, 2)
    found: Array = taken.reshape(*taken.shape[:2], -1)
    return found

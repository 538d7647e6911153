"""What layers read and what they answer, at places drawn at random in a few samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np

from edgecomp.graph import Array, Graph, Node, Shape
from edgecomp.ops.conv import Conv
from edgecomp.ops.spatial import pad_spatial
from edgecomp.quant.floating import FloatModel

ROWS = 1000
"""Samples that layers are watched on, at most."""

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
    second = x.T @ x / len(x)
    second[np.diag_indices_from(second)] += RIDGE * max(float(np.trace(second)) / len(second), 1e-12)
    return Moments(input_mean, output_mean, second, x.T @ y / len(x), float((y**2).sum() / len(y)))


def watched(graph: Graph, original: Graph, node: Node, samples: Array, seed: int, places: int = PLACES) -> Responses:
    """What a layer reads in `graph`, and what it answers in `original`, at the same places of the same `samples`.

    With two different graphs this is the asymmetric reconstruction of Zhang et al. (2015), section 3.3: the layer is given what the layers
    before it, approximated already, make, and is to answer as the original network does.

    Args:
        graph: has the tensor that the node reads.
        node: a Conv of one group or a canonical Gemm of `original`.
        samples: [N, *input shape without its batch axis]; at most `ROWS` of them are taken, spread evenly.
        seed: of the places.
    """
    chosen = samples[:: max(1, len(samples) // ROWS)][:ROWS]
    source, result = str(node.inputs[0]), node.outputs[0]
    draw = _drawn(original.tensors[result].shape, places if isinstance(node.op, Conv) else 0, seed)
    outputs = [_at(chunk[result], *draw(place)) for place, chunk in _chunks(original, result, chosen)]
    inputs = [_read(node, chunk[source], *draw(place)) for place, chunk in _chunks(graph, source, chosen)]
    return Responses(np.concatenate(inputs).astype(np.float64), np.concatenate(outputs).astype(np.float64))


Draw = Callable[[int], tuple[Array, Array]]


def _drawn(shape: Shape, places: int, seed: int) -> Draw:
    """By number of a chunk's first sample: flat positions [any number of samples, places], the same at every call; none where places is 0."""
    positions = int(np.prod(shape[2:]))

    def draw(first: int) -> tuple[Array, Array]:
        random = np.random.default_rng((seed, first))
        drawn = random.integers(0, positions, (ROWS, max(places, 1)))
        return drawn, np.array(places)

    return draw


def _chunks(graph: Graph, name: str, samples: Array) -> list[tuple[int, dict[str, Array]]]:
    found, place = [], 0
    for chunk in FloatModel(graph, [name]).run(samples):
        found.append((place, chunk))
        place += len(chunk[name])
    return found


def _at(maps: Array, drawn: Array, places: Array) -> Array:
    return cast(Array, maps)

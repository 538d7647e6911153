"""A convolution as two, of which the second mixes what the first makes: fitted to filters, or to responses by least squares in turn.

Both stages are linear, so the filters W [K, N] are F(first) second: F spreads the first stage over the whole kernel, one column for each
value that the second stage multiplies.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np

from edgecomp.compress.decomposition import Decomposition, Layer, few
from edgecomp.compress.projection import balanced
from edgecomp.compress.responses import Moments, moments, regular, watched, weights_alone
from edgecomp.compress.stages import Stage
from edgecomp.graph import Array, Graph

TURNS = 8
"""Of fitting the second stage, then the first."""

STEPS = 12
"""Of conjugate gradients in each turn."""


class TwoStages(Decomposition):
    """A `Decomposition` into a first stage of some rank and a second one. A method says how they make up the whole."""

    def __init__(self, samples: Array | None, seed: int) -> None:
        """Prepare a method; it is fitted to the responses to `samples` [N, ...], or without them to the filters."""
        self.samples, self.seed = samples, seed
        self._seen: dict[str, Moments] = {}

    @abstractmethod
    def takes(self, layer: Layer) -> bool:
        """See `Decomposition`."""

    @abstractmethod
    def most(self, layer: Layer) -> int:
        """The rank at which nothing is lost."""

    @abstractmethod
    def full(self, layer: Layer, scales: Array) -> Array:
        """The first stage [middle, ...] of full rank that is best for the filters, where errors of input channel c count by scales[c]."""

    @abstractmethod
    def of_rank(self, layer: Layer, rank: int) -> Array:
        """Which of the middle channels of full rank are those of a rank, best first."""

    @abstractmethod
    def spread(self, layer: Layer, first: Array) -> Array:
        """F [K, F] of the first stage, linear in it."""

    @abstractmethod
    def gathered(self, layer: Layer, spread: Array) -> Array:
        """The adjoint of `spread`."""

    @abstractmethod
    def stages(self, layer: Layer, first: Array, second: Array, bias: Array) -> Sequence[Stage]:
        """The chain with `second` [F, N]."""

    @abstractmethod
    def outline(self, layer: Layer, rank: int) -> Sequence[Stage]:
        """See `Decomposition`."""

    def energies(self, layer: Layer) -> Mapping[int, float]:
        """See `Decomposition`."""
        seen = self.seen(layer)
        first = self.full(layer, channel_scales(layer, seen))
        spread = self.spread(layer, first)
        inputs, cross = regular(spread.T @ seen.inputs @ spread), spread.T @ seen.cross
        each = spread.shape[1] // len(first)
        found = {}
        for rank in few(self.most(layer)):
            columns = (self.of_rank(layer, rank)[:, None] * each + np.arange(each)).reshape(-1)
            second = np.linalg.solve(inputs[np.ix_(columns, columns)], cross[columns])
            found[rank] = float(np.vdot(second, cross[columns])) / max(seen.output_energy, 1e-30)
        return found

    def chain(self, layer: Layer, rank: int, graph: Graph) -> Sequence[Stage]:
        """See `Decomposition`."""
        seen = self.seen(layer) if self.samples is None else self.watched(layer, graph)
        first = self.full(layer, channel_scales(layer, seen))[self.of_rank(layer, rank)]
        if self.samples is not None:
            first = self.fitted(layer, first, seen)
        first = self.evened(layer, first, seen)
        spread = self.spread(layer, first)
        second = second_for(spread, seen)
        return self.stages(layer, first, second, seen.bias(spread @ second))

    def seen(self, layer: Layer) -> Moments:
        """Of the layer in the network as it was."""
        if layer.node.name not in self._seen:
            self._seen[layer.node.name] = weights_alone(layer.stage) if self.samples is None else self.watched(layer, layer.graph)
        return self._seen[layer.node.name]

    def watched(self, layer: Layer, graph: Graph) -> Moments:
        """What the layer reads in `graph` and should answer."""
        assert self.samples is not None
        return moments(watched(graph, layer.graph, layer.node, self.samples, self.seed))

    def fitted(self, layer: Layer, first: Array, seen: Moments) -> Array:
        """A first stage near the least squared error.

        Jaderberg et al., "Speeding up Convolutional Neural Networks with Low Rank Expansions" (BMVC 2014), section 2.3, data
        reconstruction; solved in turn for the two stages: the second exactly, the first by conjugate gradients on its normal equations.
        """
        for _ in range(TURNS):
            first = self._improved(layer, first, second_for(self.spread(layer, first), seen), seen)
        return first

    def _improved(self, layer: Layer, first: Array, second: Array, seen: Moments) -> Array:
        """A first stage with a smaller squared error in front of `second`."""

        def applied(change: Array) -> Array:
            return self.gathered(layer, seen.inputs @ (self.spread(layer, change) @ second) @ second.T)

        rest = self.gathered(layer, seen.cross @ second.T) - applied(first)
        direction, energy = rest, float(np.vdot(rest, rest))
        enough = 1e-12 * energy
        for _ in range(STEPS):
            if energy <= enough:
                break
            image = applied(direction)
            step = energy / max(float(np.vdot(direction, image)), 1e-300)
            first, rest = first + step * direction, rest - step * image
            before, energy = energy, float(np.vdot(rest, rest))
            direction = rest + energy / before * direction
        return first

    def evened(self, layer: Layer, first: Array, seen: Moments) -> Array:
        """The first stage with channels, its first axis, of equal spread, so that one scale quantizes them all."""
        spread = self.spread(layer, first)
        variances = np.einsum("kf,kf->f", spread, seen.inputs @ spread)
        deviations = balanced(np.sqrt(variances.reshape(len(first), -1).mean(1)))
        return first / deviations.reshape(-1, *(1,) * (first.ndim - 1))


def second_for(spread: Array, seen: Moments) -> Array:
    """[F, N]: the second stage with the least squared error behind a first one."""
    found: Array = np.linalg.solve(regular(spread.T @ seen.inputs @ spread), spread.T @ seen.cross)
    return found


def channel_scales(layer: Layer, seen: Moments) -> Array:
    """Deviation of each input channel [C], kept from vanishing."""
    return balanced(np.sqrt(np.diag(seen.inputs).reshape(layer.stage.weights.shape[1], -1).mean(1)))

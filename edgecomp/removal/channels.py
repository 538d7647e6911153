"""What one operator allows: which channels of its inputs and its output may be dropped together, and the operator without them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np

from edgecomp.qgraph import IntArray, QOp, QTensor
from edgecomp.removal.ranges import INT8_MAX, INT8_MIN, Mask, Range, whole

UNLINKED = -1


class Rule(ABC):
    """One operator of the network, bound to the ranges of its inputs. `range` is that of its output."""

    def __init__(self, op: QOp, output: Range) -> None:
        self.op = op
        self.range = output

    @abstractmethod
    def agree(self, inputs: Sequence[Mask], output: Mask) -> tuple[list[Mask], Mask]:
        """The largest parts of these channels that the operator can do without, computing all other channels to the same bits.

        Takes and returns masks of the channels to drop, one an input, and of the output. Masks only ever lose channels here.
        """

    @abstractmethod
    def without(self, inputs: Sequence[Mask], output: Mask) -> QOp:
        """The operator on the channels that stay, for masks on which `agree` changes nothing and which leave a channel a tensor."""

    def settled(self) -> QOp:
        """The same function, reading no input for output channels that are constant."""
        return self.op


Bind = Callable[..., Rule]
"""(op, ranges of its inputs, output tensor) -> its rule."""


class Fixed(Rule):
    """An operator all of whose channels stay; every one is read."""

    def agree(self, inputs: Sequence[Mask], output: Mask) -> tuple[list[Mask], Mask]:
        return [np.zeros_like(mask) for mask in inputs], np.zeros_like(output)

    def without(self, inputs: Sequence[Mask], output: Mask) -> QOp:
        return self.op


def fixed(op: QOp, inputs: Sequence[Range], output: QTensor) -> Rule:
    """The rule of an operator that mixes channels (Softmax, MatMul), or reads them in another order than they lie in."""
    low, high = getattr(op, "clamp_min", INT8_MIN), getattr(op, "clamp_max", INT8_MAX)
    return Fixed(op, whole(output.shape[-1] if output.shape else 1, low, high))


class Linked(Rule):
    """An operator whose output channels each come from at most one channel of each input: they stay or go together.

    `links[i][c]` is the channel of input i that output channel c is computed from, UNLINKED for none; None for an input of which
    every channel is read for every output. `shrink` takes the masks of `without`.
    """

    def __init__(
        self,
        op: QOp,
        output: Range,
        links: Sequence[IntArray | None],
        shrink: Callable[[Sequence[Mask], Mask], QOp],
    ) -> None:
        super().__init__(op, output)
        self.links = links
        self.shrink = shrink

    def agree(self, inputs: Sequence[Mask], output: Mask) -> tuple[list[Mask], Mask]:
        output = output.copy()
        for mask, link in zip(inputs, self.links, strict=True):
            if link is not None:
                output &= mask[link] | (link == UNLINKED)
        return [self._input(mask, link, output) for mask, link in zip(inputs, self.links, strict=True)], output

    def _input(self, mask: Mask, link: IntArray | None, output: Mask) -> Mask:
        if link is None:
            return np.zeros_like(mask)
        kept = np.zeros_like(mask)
        kept[link[(link != UNLINKED) & ~output]] = True
        return mask & ~kept

    def without(self, inputs: Sequence[Mask], output: Mask) -> QOp:
        return self.shrink(inputs, output)


def one_to_one(op: QOp, output: Range, shrink: Callable[[Mask], QOp]) -> Rule:
    """The rule of an operator with one input, channel by channel; `shrink` takes the mask of the dropped ones."""
    return Linked(op, output, (np.arange(output.channels),), lambda inputs, dropped: shrink(dropped))


def scaled(elements: int, dropped: Mask) -> int:
    """How many of a run of whole rows of channels stay."""
    return elements // len(dropped) * int((~dropped).sum())

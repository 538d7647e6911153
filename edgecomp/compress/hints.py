"""What a network is to have in common with its teacher besides softened outputs: tensors inside, or logits as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgecomp.compress.finetune import Penalty, Tuning
from edgecomp.compress.identity import digest
from edgecomp.graph import Graph
from edgecomp.train.executor import logits_of

if TYPE_CHECKING:
    from torch import Tensor

    from edgecomp.train.executor import TorchGraph

Difference = Callable[["Tensor", "Tensor"], Any]
"""From a tensor of the network and of the teacher to a term of the loss."""


def imitating(teacher: Graph, tensors: Sequence[str]) -> Tuning:
    """Training in which tensors of both networks that have one name become alike: the mean squared difference in units of the teacher's
    variance, averaged over the tensors, is added to the loss.
    """
    from edgecomp.train.losses import imitation

    return Tuning(
        seen=(teacher.inputs[0], *tensors),
        penalty=_beside(teacher, tensors, lambda own, wanted: imitation(own, wanted) / len(tensors)),
        note=f"imitates {' '.join(tensors)} of {digest(teacher)}",
    )


def as_logits(teacher: Graph, note: str = "", **fields: Any) -> Tuning:
    """Training on the labels' cross-entropy plus the mean squared difference of the logits from the teacher's.

    Args:
        note: added to the tuning's.
        fields: of the `Tuning`, besides its loss.
    """
    logits = logits_of(teacher)
    penalty = _beside(teacher, [logits], lambda own, wanted: (own - wanted).square().mean())
    return Tuning(distillation=0.0, seen=(teacher.inputs[0], logits), penalty=penalty, note=f"logits of {digest(teacher)} {note}", **fields)


def _beside(teacher: Graph, tensors: Sequence[str], difference: Difference) -> Penalty:
    """The sum of differences of tensors that have one name in both networks, which read the same rows."""
    source = teacher.inputs[0]
    ready: list[TorchGraph] = []

    def penalty(network: TorchGraph, values: Mapping[str, Tensor]) -> Any:
        import torch

        if not ready:
            ready.append(type(network)(teacher))
        with torch.no_grad():
            wanted = ready[0].run(values[source], tensors)
        return sum(difference(values[name], wanted[name]) for name in tensors)

    return penalty

"""Tensors inside a network that are to be as those inside its teacher: a further term of the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgecomp.compress.finetune import Tuning
from edgecomp.compress.identity import digest
from edgecomp.graph import Graph

if TYPE_CHECKING:
    from torch import Tensor

    from edgecomp.train.executor import TorchGraph


def imitating(teacher: Graph, tensors: Sequence[str], weight: float = 1.0) -> Tuning:
    """Training in which tensors of both networks that have one name become alike: the mean squared difference in units of the teacher's
    variance, averaged over the tensors, is added to the loss with `weight`.
    """
    inputs = teacher.inputs[0]
    seen: list[Any] = []

    def penalty(network: TorchGraph, values: Mapping[str, Tensor]) -> Any:
        import torch

        from edgecomp.train.executor import TorchGraph
        from edgecomp.train.losses import imitation

        if not seen:
            seen.append(TorchGraph(teacher))
        with torch.no_grad():
            wanted = seen[0].run(values[inputs], tensors)
        return weight * sum(imitation(values[name], wanted[name]) for name in tensors) / max(1, len(tensors))

    return Tuning(seen=(inputs, *tensors), penalty=penalty, note=f"hints {weight:g} {' '.join(tensors)} of {digest(teacher)}")

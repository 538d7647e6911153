"""Terms of a loss: labels, a teacher's outputs, and how many activations are not zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

LEAST_NORM = 1e-6
"""Of activations, so that those that are all zero have a measure: 0."""


def classification(logits: Tensor, labels: Tensor, teacher: Tensor | None, distillation: float, temperature: float) -> Tensor:
    """Cross-entropy of `labels` [N] and of a teacher's softened outputs (Hinton et al., "Distilling the Knowledge in a Neural Network",
    2015, section 2), mixed: `distillation` is the teacher's share, 0..1. `logits` and `teacher` are [N, ..., classes].
    """
    import torch.nn.functional as F

    rows = logits.reshape(len(logits), -1)
    hard = F.cross_entropy(rows, labels)
    if teacher is None or not distillation:
        return hard
    soft = F.kl_div(
        F.log_softmax(rows / temperature, 1),
        F.log_softmax(teacher.reshape(rows.shape) / temperature, 1),
        reduction="batchmean",
        log_target=True,
    )
    return (1 - distillation) * hard + distillation * temperature**2 * soft


def imitation(outputs: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference from a teacher's outputs in units of their variance: for networks without labels."""
    return (outputs - teacher).square().mean() / teacher.var().clamp(min=1e-12)


def hoyer_square(activations: Tensor) -> Tensor:
    """(sum a)^2 / sum a^2 over the number of values, 0..1, of values that are not negative: near the share that is not zero, whatever
    their scale (Yang et al., "DeepHoyer: Learning Sparser Neural Network with Differentiable Sparsity Measures", 2020, section 3; on
    activations: Kurtz et al., "Inducing and Exploiting Activation Sparsity for Fast Neural Network Inference", 2020, section 3).

    The gradient moves values below (sum a^2) / (sum a) towards zero and raises larger ones; at zero it is the one from above.
    """
    import torch

    total, norm = activations.sum(), torch.linalg.vector_norm(activations)
    result: Tensor = (total / norm.clamp(min=LEAST_NORM)).square() / activations.numel()
    return result

"""Light augmentation of images: mirrored left to right, and moved by a few pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgecomp.graph import Shape

if TYPE_CHECKING:
    from torch import Generator, Tensor

COLOURS = 3
LEAST_SIDE = 16
MOST_SHIFT_SHARE = 1 / 8


def augments(input_shape: Shape) -> bool:
    """Whether rows [C, H, W] are taken for photographs, which mirrored and moved show the same: three channels, not tiny.

    Digits, spectrograms and sensor windows are not: a mirrored 2 is no 2.
    """
    return len(input_shape) == 3 and input_shape[0] == COLOURS and min(input_shape[1:]) >= LEAST_SIDE


def flipped_and_shifted(images: Tensor, generator: Generator) -> Tensor:
    """Images [N, C, H, W], each mirrored with probability 1/2 and moved by up to an eighth of its sides; the border is reflected."""
    import torch
    import torch.nn.functional as F

    count, _, height, width = images.shape
    most = max(1, round(min(height, width) * MOST_SHIFT_SHARE))
    padded = F.pad(images, (most, most, most, most), mode="reflect")
    tops, lefts = torch.randint(0, 2 * most + 1, (2, count, 1), generator=generator)
    rows, columns = tops + torch.arange(height), lefts + torch.arange(width)
    mirrored = torch.rand(count, 1, generator=generator) < 0.5
    columns = torch.where(mirrored, columns.flip(1), columns)
    sample = torch.arange(count)
    channels_last = padded.permute(0, 2, 3, 1)[sample[:, None, None], rows[:, :, None], columns[:, None, :]]
    return channels_last.permute(0, 3, 1, 2)

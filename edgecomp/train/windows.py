"""Sliding windows over one or two spatial axes as torch functions, with ONNX's padding, which may differ at begin and end."""

from __future__ import annotations

from math import inf, prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from edgecomp.graph import Shape

_CONVOLUTION: dict[int, Any] = {1: F.conv1d, 2: F.conv2d}
_TRANSPOSED: dict[int, Any] = {1: F.conv_transpose1d, 2: F.conv_transpose2d}
_MAX_POOL: dict[int, Any] = {1: F.max_pool1d, 2: F.max_pool2d}


def convolution(op: Any, x: Tensor, weights: Tensor, bias: Tensor | None = None) -> Tensor:
    """ONNX Conv."""
    rank = len(op.kernel_shape)
    begins, ends = op.pads[:rank], op.pads[rank:]
    padding = begins if begins == ends else (0,) * rank
    padded = x if begins == ends else padded_spatially(x, op.pads)
    result: Tensor = _CONVOLUTION[rank](padded, weights, bias, op.strides, padding, op.dilations, op.group)
    return result


def transposed_convolution(op: Any, x: Tensor, weights: Tensor, bias: Tensor | None = None) -> Tensor:
    """ONNX ConvTranspose: whole, grown by `output_padding`, then cropped by `pads`."""
    rank = len(op.kernel_shape)
    whole = _TRANSPOSED[rank](x, weights, None, op.strides, 0, 0, op.group, op.dilations)
    whole = padded_spatially(whole, (*(0,) * rank, *op.output_padding))
    sizes = whole.shape[2:]
    crop = tuple(slice(op.pads[axis], sizes[axis] - op.pads[axis + rank]) for axis in range(rank))
    result: Tensor = whole[(slice(None), slice(None), *crop)]
    return result if bias is None else result + bias.reshape(-1, *(1,) * rank)


def max_pool(op: Any, x: Tensor) -> Tensor:
    """ONNX MaxPool; padding never wins."""
    rank = len(op.kernel_shape)
    result: Tensor = _MAX_POOL[rank](padded_spatially(x, op.pads, -inf), op.kernel_shape, op.strides, 0, op.dilations)
    return result


def average_pool(op: Any, x: Tensor) -> Tensor:
    """ONNX AveragePool: sums of windows, by the operator's own divisors."""
    rank = len(op.kernel_shape)
    divisors = torch.from_numpy(op.divisors(tuple(x.shape[2:]))).to(x)
    if op.kernel_shape == x.shape[2:] and not any(op.pads):
        return x.sum(tuple(range(2, x.ndim)), keepdim=True) / divisors
    ones = torch.ones(x.shape[1], 1, *op.kernel_shape, dtype=x.dtype, device=x.device)
    padded = padded_spatially(x, op.pads)
    if prod(op.dilations) == 1 and rank == 2:
        total: Tensor = F.avg_pool2d(padded, op.kernel_shape, op.strides, divisor_override=1)
    else:
        total = _CONVOLUTION[rank](padded, ones, None, op.strides, 0, op.dilations, x.shape[1])
    return total / divisors


def padded_spatially(x: Tensor, pads: Shape, value: float = 0.0) -> Tensor:
    """[N, C, ...] with `pads`, all begins then all ends, around its spatial axes."""
    rank = len(pads) // 2
    if not any(pads):
        return x
    return F.pad(x, [amount for axis in reversed(range(rank)) for amount in (pads[axis], pads[axis + rank])], value=value)

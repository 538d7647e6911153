"""Operators as torch functions: operator, then its inputs (None where omitted), to one tensor or a tuple of them.

Each computes what `evaluate` of the operator computes, with gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from edgecomp.train.windows import average_pool, convolution, max_pool, transposed_convolution

Function = Callable[..., "Tensor | tuple[Tensor, ...]"]


def gemm(op: Any, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    """ONNX Gemm."""
    left, right = a.t() if op.transA else a, b if op.transB else b.t()
    if op.alpha == op.beta == 1 and (c is None or c.ndim == 1):
        return F.linear(left, right, c)
    product: Tensor = op.alpha * F.linear(left, right)
    return product if c is None else product + op.beta * c


def batch_normalization(op: Any, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """ONNX BatchNormalization at inference: mean and variance are constants."""
    return F.batch_norm(x, mean, variance, scale, bias, training=False, eps=op.epsilon)


def prelu(op: Any, x: Tensor, slope: Tensor) -> Tensor:
    """ONNX PRelu."""
    if slope.ndim == 1 and x.ndim > 2 and slope.numel() == x.shape[1] != x.shape[-1]:
        slope = slope.reshape(-1, *(1,) * (x.ndim - 2))
    return torch.where(x >= 0, x, slope * x)


def reshape(op: Any, x: Tensor) -> Tensor:
    """ONNX Reshape; more elements than the static shape has are a batch on its first axis."""
    return x.reshape(op.shape if x.numel() == prod(op.shape) else (-1, *op.shape[1:]))


def flatten(op: Any, x: Tensor) -> Tensor:
    """ONNX Flatten."""
    return x.reshape(prod(x.shape[: op.axis]), prod(x.shape[op.axis :]))


def squeeze(op: Any, x: Tensor) -> Tensor:
    """ONNX Squeeze."""
    return x.reshape([size for axis, size in enumerate(x.shape) if axis not in op.axes])


def unsqueeze(op: Any, x: Tensor) -> Tensor:
    """ONNX Unsqueeze."""
    for axis in op.axes:
        x = x.unsqueeze(axis)
    return x


def pad(op: Any, x: Tensor) -> Tensor:
    """ONNX Pad with a constant."""
    amounts = [amount for axis in reversed(range(x.ndim)) for amount in (op.pads[axis], op.pads[axis + x.ndim])]
    return F.pad(x, amounts, value=op.value)


def take(op: Any, x: Tensor) -> Tensor:
    """ONNX Slice; torch has no negative steps, so those are taken by index."""
    for start, end, axis, step in zip(op.starts, op.ends, op.axes, op.steps, strict=True):
        if step > 0:
            index = [slice(None)] * x.ndim
            index[axis] = slice(start, end, step)
            x = x[tuple(index)]
        else:
            places = np.arange(x.shape[axis])[start:end:step].copy()
            x = x.index_select(axis, torch.from_numpy(places).to(x.device))
    return x


def split(op: Any, x: Tensor) -> tuple[Tensor, ...]:
    """ONNX Split."""
    return tuple(torch.split(x, list(op.split), dim=op.axis))


def expand(op: Any, x: Tensor) -> Tensor:
    """ONNX Expand."""
    return x.expand(np.broadcast_shapes(tuple(x.shape), op.shape))


def depth_to_space(op: Any, x: Tensor) -> Tensor:
    """ONNX DepthToSpace."""
    (n, c, h, w), b = x.shape, op.blocksize
    if op.mode == "DCR":
        moved = x.reshape(n, b, b, c // b**2, h, w).permute(0, 3, 4, 1, 5, 2)
    else:
        moved = x.reshape(n, c // b**2, b, b, h, w).permute(0, 1, 4, 2, 5, 3)
    return moved.reshape(n, c // b**2, h * b, w * b)


def space_to_depth(op: Any, x: Tensor) -> Tensor:
    """ONNX SpaceToDepth."""
    (n, c, h, w), b = x.shape, op.blocksize
    return x.reshape(n, c, h // b, b, w // b, b).permute(0, 3, 5, 1, 2, 4).reshape(n, c * b**2, h // b, w // b)


def resize(op: Any, x: Tensor) -> Tensor:
    """ONNX Resize, axis by axis from the operator's own tables."""
    result = x
    for table in op.tables(tuple(x.shape)):
        low = result.index_select(table.axis, torch.from_numpy(table.low).to(x.device))
        if op.mode != "nearest":
            weight = torch.from_numpy(table.weight).to(x).reshape([-1 if axis == table.axis else 1 for axis in range(x.ndim)])
            high = result.index_select(table.axis, torch.from_numpy(table.high).to(x.device))
            low = low * (1 - weight) + high * weight
        result = low
    return result


def concat(op: Any, *inputs: Tensor) -> Tensor:
    """ONNX Concat; a constant beside a batch is repeated."""
    rows = max(len(x) for x in inputs) if op.axis else 0
    return torch.cat([x.expand(rows, *x.shape[1:]) if op.axis and len(x) == 1 else x for x in inputs], dim=op.axis)


def _spatial_axes(x: Tensor) -> tuple[int, ...]:
    return tuple(range(2, x.ndim))


FUNCTIONS: dict[str, Function] = {
    "Abs": lambda op, x: x.abs(),
    "Add": lambda op, a, b: a + b,
    "AveragePool": average_pool,
    "BatchNormalization": batch_normalization,
    "Celu": lambda op, x: F.celu(x, op.alpha),
    "Clip": lambda op, x: x.clamp(op.min, op.max),
    "Concat": concat,
    "Conv": convolution,
    "ConvTranspose": transposed_convolution,
    "DepthToSpace": depth_to_space,
    "Div": lambda op, a, b: a / b,
    "Dropout": lambda op, x: x,
    "Elu": lambda op, x: F.elu(x, op.alpha),
    "Erf": lambda op, x: torch.erf(x),
    "Exp": lambda op, x: x.exp(),
    "Expand": expand,
    "Flatten": flatten,
    "Gelu": lambda op, x: F.gelu(x, approximate=op.approximate),
    "Gemm": gemm,
    "GlobalAveragePool": lambda op, x: x.mean(_spatial_axes(x), keepdim=True),
    "GlobalMaxPool": lambda op, x: x.amax(_spatial_axes(x), keepdim=True),
    "HardSigmoid": lambda op, x: (op.alpha * x + op.beta).clamp(0, 1),
    "HardSwish": lambda op, x: F.hardswish(x),
    "Identity": lambda op, x: x,
    "LeakyRelu": lambda op, x: F.leaky_relu(x, op.alpha),
    "Log": lambda op, x: x.log(),
    "LogSoftmax": lambda op, x: F.log_softmax(x, op.axis),
    "MatMul": lambda op, a, b: torch.matmul(a, b),
    "Max": lambda op, a, b: torch.maximum(a, b),
    "MaxPool": max_pool,
    "Min": lambda op, a, b: torch.minimum(a, b),
    "Mish": lambda op, x: F.mish(x),
    "Mul": lambda op, a, b: a * b,
    "Neg": lambda op, x: -x,
    "PRelu": prelu,
    "Pad": pad,
    "Pow": lambda op, x: x.pow(op.exponent),
    "Reciprocal": lambda op, x: x.reciprocal(),
    "ReduceMax": lambda op, x: x.amax(op.axes, keepdim=bool(op.keepdims)),
    "ReduceMean": lambda op, x: x.mean(op.axes, keepdim=bool(op.keepdims)),
    "ReduceSum": lambda op, x: x.sum(op.axes, keepdim=bool(op.keepdims)),
    "Relu": lambda op, x: F.relu(x),
    "Reshape": reshape,
    "Resize": resize,
    "Selu": lambda op, x: op.gamma * torch.where(x > 0, x, op.alpha * torch.expm1(x.clamp(max=0))),
    "Sigmoid": lambda op, x: x.sigmoid(),
    "Slice": take,
    "Softmax": lambda op, x: F.softmax(x, op.axis),
    "Softplus": lambda op, x: F.softplus(x),
    "Softsign": lambda op, x: F.softsign(x),
    "SpaceToDepth": space_to_depth,
    "Split": split,
    "Sqrt": lambda op, x: x.sqrt(),
    "Squeeze": squeeze,
    "Sub": lambda op, a, b: a - b,
    "Tanh": lambda op, x: x.tanh(),
    "ThresholdedRelu": lambda op, x: torch.where(x > op.alpha, x, 0),
    "Transpose": lambda op, x: x.permute(op.perm),
    "Unsqueeze": unsqueeze,
}
"""Operator (`Node.kind`) -> its function. What is missing is refused by name: casts, and quantized networks, which are not trained."""

"""Fused operators of the integer network, in Relax: their parts one after the other."""

from __future__ import annotations

from edgecomp.qops.conv2d_add import Conv2DAdd
from edgecomp.qops.conv2d_max_pool import Conv2DMaxPool
from edgecomp.tvm.integers import Expr
from edgecomp.tvm.pointwise import add
from edgecomp.tvm.sliding import conv2d, max_pool2d


def conv2d_add(layer: Conv2DAdd, x: Expr, residual: Expr) -> Expr:
    """The convolution, then the sum."""
    return add(layer.add, conv2d(layer, x), residual)


def conv2d_max_pool(layer: Conv2DMaxPool, x: Expr) -> Expr:
    """The convolution, then the pool."""
    return max_pool2d(layer.pool, conv2d(layer, x))

"""Pooling over the whole image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgecomp.graph import Array
from edgecomp.ops.base import Operator


@dataclass(frozen=True)
class GlobalAveragePool(Operator):
    """Mean over all spatial axes, kept with length 1."""

    limits: ClassVar[str] = "any spatial size"
    spatial: ClassVar[bool] = True

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        return (x.mean(axis=tuple(range(2, x.ndim)), keepdims=True),)


@dataclass(frozen=True)
class GlobalMaxPool(Operator):
    """Maximum over all spatial axes, kept with length 1."""

    limits: ClassVar[str] = "any spatial size"
    keeps_scale: ClassVar[bool] = True
    spatial: ClassVar[bool] = True

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        return (x.max(axis=tuple(range(2, x.ndim)), keepdims=True),)

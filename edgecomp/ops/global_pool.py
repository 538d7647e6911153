"""Pooling over the whole image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from edgecomp.graph import Array, Node
from edgecomp.ops.base import Operator
from edgecomp.ops.reduce import lower_max, lower_mean

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering


@dataclass(frozen=True)
class GlobalAveragePool(Operator):
    """Mean over all spatial axes, kept with length 1."""

    limits: ClassVar[str] = "any spatial size"
    fuses_clamp: ClassVar[bool] = True
    spatial: ClassVar[bool] = True

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        return (x.mean(axis=tuple(range(2, x.ndim)), keepdims=True),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        lower_mean(node, lowering, tuple(range(2, len(lowering.shape(str(node.inputs[0]))))), keepdims=True)


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

    def lower(self, node: Node, lowering: Lowering) -> None:
        lower_max(node, lowering, tuple(range(2, len(lowering.shape(str(node.inputs[0]))))), keepdims=True)

"""Moves between channels and blocks of space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from edgecomp.graph import Array, Node
from edgecomp.ops.base import Imported, OnnxNode, Operator
from edgecomp.ops.images import image_size
from edgecomp.qops.copy import Copy

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering


@dataclass(frozen=True)
class DepthToSpace(Operator):
    """[N, C, H, W] -> [N, C / b^2, H * b, W * b]; the blocks are the outer part of the channel (DCR) or the inner one (CRD)."""

    limits: ClassVar[str] = "modes DCR and CRD"
    keeps_scale: ClassVar[bool] = True
    spatial: ClassVar[bool] = True

    blocksize: int
    mode: str = "DCR"

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        (n, c, h, w), b = x.shape, self.blocksize
        if self.mode == "DCR":
            moved = x.reshape(n, b, b, c // b**2, h, w).transpose(0, 3, 4, 1, 5, 2)
        else:
            moved = x.reshape(n, c // b**2, b, b, h, w).transpose(0, 1, 4, 2, 5, 3)
        return (moved.reshape(n, c // b**2, h * b, w * b),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        x = str(node.inputs[0])
        (h, w), b = image_size(node, lowering.shape(x)), self.blocksize
        c = lowering.shape(x)[1] // b**2
        shape, order = ((h, w, b, b, c), (0, 2, 1, 3, 4)) if self.mode == "DCR" else ((h, w, c, b, b), (0, 3, 1, 4, 2))
        lowering.move(node, Copy.transposed(shape, order), lowering.channels_last(x), (0, 2, 3, 1))


@dataclass(frozen=True)
class SpaceToDepth(Operator):
    """[N, C, H, W] -> [N, C * b^2, H / b, W / b]; the blocks are the outer part of the channel."""

    limits: ClassVar[str] = "spatial sizes that are multiples of the block"
    keeps_scale: ClassVar[bool] = True
    spatial: ClassVar[bool] = True

    blocksize: int

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        if node.attributes.get("mode", b"DCR") != b"DCR":
            raise node.reject(f"mode={node.attributes['mode'].decode()!r}", "mode='DCR'", "permute the channels of the layer after it")
        return cls(int(node.attributes["blocksize"])), node.inputs

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x = inputs[0]
        assert x is not None
        (n, c, h, w), b = x.shape, self.blocksize
        moved = x.reshape(n, c, h // b, b, w // b, b).transpose(0, 3, 5, 1, 2, 4)
        return (moved.reshape(n, c * b**2, h // b, w // b),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        x = str(node.inputs[0])
        (h, w), b = image_size(node, lowering.shape(x)), self.blocksize
        shape = (h // b, b, w // b, b, lowering.shape(x)[1])
        lowering.move(node, Copy.transposed(shape, (0, 2, 1, 3, 4)), lowering.channels_last(x), (0, 2, 3, 1))

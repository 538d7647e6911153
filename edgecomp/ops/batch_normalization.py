"""Batch normalization at inference: a scale and a shift a channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgecomp.errors import ModelError
from edgecomp.graph import Array, Node
from edgecomp.ops.base import Imported, OnnxNode, Operator
from edgecomp.ops.images import affine

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering


@dataclass(frozen=True)
class BatchNormalization(Operator):
    """ONNX BatchNormalization over axis 1 with constant scale, bias, mean and variance, all [C]."""

    limits: ClassVar[str] = "inference form; folded into its neighbour, or a depthwise 1x1 convolution"
    fuses_clamp: ClassVar[bool] = True

    epsilon: float = 1e-5

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        if node.attributes.get("training_mode", 0):
            raise node.reject("training_mode=1", "training_mode=0", "export the model in inference mode (model.eval() in PyTorch)")
        if node.attributes.get("spatial", 1) != 1:
            raise node.reject("spatial=0", "spatial=1", "normalize per channel")
        op = cls(float(node.attributes.get("epsilon", 1e-5)))
        for index, what in enumerate(("scale", "bias", "mean", "variance"), start=1):
            node.constant(index, what)
        variance = node.constant(4, "variance")
        if variance is not None and not np.all(variance + op.epsilon > 0):
            raise ModelError(
                f"node {node.name!r} (BatchNormalization): variance {node.input(4)!r} holds values <= -epsilon; re-export the model"
            )
        return op, node.inputs

    def scale_and_shift(self, scale: Array, bias: Array, mean: Array, variance: Array) -> tuple[Array, Array]:
        """(s, t), float64 [C], such that the output is s * x + t."""
        s = scale.astype(np.float64) / np.sqrt(variance.astype(np.float64) + self.epsilon)
        return s, bias.astype(np.float64) - mean.astype(np.float64) * s

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        x, scale, bias, mean, variance = inputs
        assert x is not None and scale is not None and bias is not None and mean is not None and variance is not None
        s, t = self.scale_and_shift(scale, bias, mean, variance)
        along = (-1, *(1,) * (x.ndim - 2))
        return ((x * s.reshape(along) + t.reshape(along)).astype(x.dtype),)

    def lower(self, node: Node, lowering: Lowering) -> None:
        parameters = [lowering.constant(name) for name in node.inputs[1:5]]
        scale, bias, mean, variance = (p for p in parameters if p is not None)
        gain, offset = self.scale_and_shift(scale, bias, mean, variance)
        affine(node, lowering, str(node.inputs[0]), 1, gain, offset, lowering.result(node))

"""Rounding as int8 will round, in the forward pass, with gradients straight through (Jacob et al., "Quantization and Training of Neural
Networks for Efficient Integer-Arithmetic-Only Inference", 2018, section 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgecomp.ops.base import Operator
from edgecomp.quant.quantize import needs_range
from edgecomp.quant.scheme import INT8_MAX, INT8_MIN, WEIGHT_MAX, from_range
from edgecomp.train.executor import Change, TorchGraph
from edgecomp.train.installation import require_torch

if TYPE_CHECKING:
    from torch import Tensor

MEMORY = 0.98
"""Of a range, a batch: it follows the activations over some fifty batches."""


class FakeQuantization:
    """The quantization of a network's weights and activations as `quant.quantize` will decide it, from ranges seen so far.

    While `learning`, every batch moves the ranges; the first one sets them.
    """

    def __init__(self, network: TorchGraph) -> None:
        """Prepare for a network.

        Raises:
            ToolError: PyTorch is missing.
        """
        require_torch()
        self.network = network
        self.ranges: dict[str, tuple[float, float]] = {}
        self.learning = True
        self.weights = {
            str(node.inputs[1]): node.op.weight_axis(len(network.graph.tensors[str(node.inputs[1])].shape))
            for node in network.graph.nodes
            if isinstance(node.op, Operator) and node.op.has_weights and node.inputs[1] in network.parameters
        }

    def changes(self) -> dict[str, Change]:
        """Rounding of activations, for `TorchGraph.run`."""
        return {name: self.rounding(name) for name in needs_range(self.network.graph)}

    def rounding(self, name: str) -> Change:
        """Of one tensor."""

        def rounded(x: Tensor) -> Tensor:
            import torch

            if self.learning or name not in self.ranges:
                low, high = (float(bound) for bound in torch.aminmax(x.detach()))
                old_low, old_high = self.ranges.get(name, (low, high))
                self.ranges[name] = (MEMORY * old_low + (1 - MEMORY) * low, MEMORY * old_high + (1 - MEMORY) * high)
            quant = from_range(*self.ranges[name])
            result: Tensor = torch.fake_quantize_per_tensor_affine(x, quant.step, quant.zero, INT8_MIN, INT8_MAX)
            return result

        return rounded

    def constants(self) -> dict[str, Tensor]:
        """Rounded weights, symmetric, one scale a channel, for `TorchGraph.run`."""
        return {name: self.rounded_weights(self.network.parameters[name], axis) for name, axis in self.weights.items()}

    def rounded_weights(self, weights: Tensor, axis: int | None) -> Tensor:
        """Weights in steps of a 127th of the largest magnitude: of each channel along `axis`, or of all."""
        import torch

        magnitudes = weights.detach().abs()
        if axis is None:
            step = float(magnitudes.max().clamp(min=1e-12)) / WEIGHT_MAX
            whole: Tensor = torch.fake_quantize_per_tensor_affine(weights, step, 0, -WEIGHT_MAX, WEIGHT_MAX)
            return whole
        steps = magnitudes.amax([other for other in range(weights.ndim) if other != axis]).clamp(min=1e-12) / WEIGHT_MAX
        zeros = torch.zeros(len(steps), dtype=torch.int32)
        by_channel: Tensor = torch.fake_quantize_per_channel_affine(weights, steps, zeros, axis, -WEIGHT_MAX, WEIGHT_MAX)
        return by_channel

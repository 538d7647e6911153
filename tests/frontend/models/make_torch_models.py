"""Write the PyTorch exports in this folder: two networks, by each of PyTorch's two exporters.

    python make_torch_models.py        needs torch, onnx and onnxscript

The networks are small and their weights random; what counts is how the exporters write their layers.
"""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

FOLDER = Path(__file__).parent


class SqueezeExcite(nn.Module):
    """Channels weighted by a function of their means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, 4, 1)
        self.expand = nn.Conv2d(4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        weights = functional.relu(self.reduce(functional.adaptive_avg_pool2d(x, 1)))
        return x * functional.hardsigmoid(self.expand(weights))


class ImageNet(nn.Module):
    """What image classifiers are made of: [N, 3, 16, 16] -> [N, 5]."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.depthwise = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), nn.BatchNorm2d(8), nn.Hardswish())
        self.excite = SqueezeExcite(8)
        self.point = nn.Sequential(nn.Conv2d(8, 8, 1), nn.PReLU(8))
        self.norm = nn.BatchNorm2d(8)
        self.pool = nn.AvgPool2d(3, stride=2, ceil_mode=True, count_include_pad=False)
        self.hidden = nn.Linear(8 * 4 * 4, 12)
        self.hidden_norm = nn.BatchNorm1d(12)
        self.out = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x + self.point(self.excite(self.depthwise(x)))
        x = self.pool(functional.silu(self.norm(x)))
        x = x.view(x.size(0), -1)
        x = functional.gelu(self.hidden_norm(self.hidden(x)))
        return functional.softmax(self.out(functional.dropout(x, 0.1, training=self.training)), dim=1)


class SignalNet(nn.Module):
    """What signal and picture networks add: [N, 4, 20] and its image [N, 2, 6, 6] -> two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(4, 8, 5, padding=2, dilation=1)
        self.mix = nn.Linear(20, 10)
        self.down = nn.Conv2d(2, 8, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1)
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, signal: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        s = functional.gelu(self.mix(functional.elu(self.first(signal))), approximate="tanh")
        left, right = s.chunk(2, dim=1)
        s = torch.cat([left * torch.sigmoid(right), functional.leaky_relu(left, 0.2)], dim=1)[:, :, 1::2]
        s = functional.log_softmax(s.permute(0, 2, 1).flatten(1), dim=-1)
        x = functional.relu(self.down(functional.pad(image, (1, 0, 0, 1))))
        x = functional.max_pool2d(torch.tanh(self.up(x)), 2, stride=1)
        x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
        x = functional.interpolate(x, size=(9, 9), mode="bilinear", align_corners=False)
        x = self.shuffle(x).mean(dim=(2, 3)) - image.amax(dim=(2, 3)).sum(dim=1, keepdim=True).clamp(-1, 1)
        return s, x.unsqueeze(-1) / 3


def export(name: str, network: nn.Module, inputs: tuple[Tensor, ...], dynamic: bool) -> None:
    """Write the network by both exporters."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.running_mean = torch.randn_like(module.running_mean) * 0.3
            module.running_var = torch.rand_like(module.running_var) + 0.5
    network.eval()
    names = [f"in{index}" for index in range(len(inputs))]
    axes = {key: {0: "batch"} for key in names} if dynamic else None
    for opset in (11, 17):
        path = FOLDER / f"{name}_torchscript{opset}.onnx"
        torch.onnx.export(network, inputs, path, input_names=names, opset_version=opset, dynamic_axes=axes, dynamo=False)
    shapes = tuple({0: torch.export.Dim("batch")} for _ in inputs) if dynamic else None
    for opset in (18, 20):
        path = FOLDER / f"{name}_dynamo{opset}.onnx"
        torch.onnx.export(
            network, inputs, path, input_names=names, opset_version=opset, dynamic_shapes=shapes, dynamo=True, external_data=False
        )
        drop_notes(path)


def drop_notes(path: Path) -> None:
    """Remove the stack traces the exporter attaches, which name files of the computer it ran on."""
    model = onnx.load(path)
    for part in (model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.save(model, path)


if __name__ == "__main__":
    torch.manual_seed(1)
    export("image", ImageNet(), (torch.randn(2, 3, 16, 16),), dynamic=True)
    export("signal", SignalNet(), (torch.randn(1, 4, 20), torch.randn(1, 2, 6, 6)), dynamic=False)

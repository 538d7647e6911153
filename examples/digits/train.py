"""Train the digit classifier of this example and write `digits.onnx` beside this file.

    make extras && .venv/bin/python examples/digits/train.py

The network sees (pixel / 16) of an 8x8 image, [N, 1, 8, 8], and gives the probabilities of ten digits, [N, 10]. Rows held out by
`edgecomp.data.digits` are not used in training; their accuracy is printed at the end. Takes about half a minute on one core.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from edgecomp.data.digits import load_digits

PIXEL_MAX = 16.0
LOWEST_ACCURACY = 0.97


class Separable(nn.Sequential):
    """Depthwise 3x3 and pointwise 1x1 convolution, each with batch norm and ReLU."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_in, 3, padding=1, groups=channels_in, bias=False),
            nn.BatchNorm2d(channels_in),
            nn.ReLU(),
            nn.Conv2d(channels_in, channels_out, 1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(),
        )


class Residual(nn.Module):
    """Two 3x3 convolutions with batch norm, added to their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


class DigitClassifier(nn.Module):
    """Convolution, depthwise-separable block, pooling, residual block, global average, dense, softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.separable = Separable(16, 24)
        self.pool = nn.MaxPool2d(2)
        self.residual = Residual(24)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.dense = nn.Linear(24, 10)

    def logits(self, x: Tensor) -> Tensor:
        x = self.residual(self.pool(self.separable(self.stem(x))))
        return self.dense(torch.flatten(self.average(x), 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(self.logits(x), dim=1)


def images(split: str) -> tuple[Tensor, Tensor]:
    """Rows of a split as the network sees them, [N, 1, 8, 8] in 0..1, and their classes."""
    x, y = load_digits(split)
    return torch.from_numpy(x.transpose(0, 3, 1, 2).astype(np.float32) / PIXEL_MAX), torch.from_numpy(y)


def shifted(x: Tensor, generator: torch.Generator) -> Tensor:
    """Each image moved by -1, 0 or 1 pixel along each axis, with zeros coming in."""
    padded = nn.functional.pad(x, (1, 1, 1, 1))
    rows = torch.randint(0, 3, (len(x), 1, 1), generator=generator) + torch.arange(8).view(1, 8, 1)
    columns = torch.randint(0, 3, (len(x), 1, 1), generator=generator) + torch.arange(8).view(1, 1, 8)
    return padded[torch.arange(len(x)).view(-1, 1, 1), 0, rows, columns].unsqueeze(1)


def train(epochs: int, seed: int) -> DigitClassifier:
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model, batch_rows = DigitClassifier(), 32
    x, y = images("train")
    steps = epochs * (len(x) // batch_rows)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    for epoch in range(epochs):
        order = torch.randperm(len(x), generator=generator)
        total = 0.0
        for rows in order[: len(order) // batch_rows * batch_rows].split(batch_rows):
            loss = loss_of(model.logits(shifted(x[rows], generator)), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        if (epoch + 1) % 10 == 0:
            print(f"epoch {epoch + 1} of {epochs}: loss {total * batch_rows / len(x):.3f}", flush=True)
    return model.eval()


@torch.no_grad()
def accuracy(model: DigitClassifier, split: str) -> float:
    """Fraction of rows classified rightly."""
    x, y = images(split)
    return (model(x).argmax(dim=1) == y).float().mean().item()


class GraphWriter:
    """Collects ONNX nodes and weights; every method returns the name of the tensor it made."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def node(self, operator: str, name: str, *inputs: str, **attributes: object) -> str:
        self.nodes.append(onnx.helper.make_node(operator, inputs, [f"{name}:0"], name=name, **attributes))
        return f"{name}:0"

    def weight(self, name: str, value: Tensor) -> str:
        self.weights.append(onnx.numpy_helper.from_array(value.detach().numpy(), name))
        return name

    def convolution(self, name: str, x: str, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> str:
        """Conv and BatchNormalization as they come out of training, not folded."""
        margins = [*conv.padding, *conv.padding]
        kernel = self.weight(f"{name}.weight", conv.weight)
        x = self.node("Conv", name, x, kernel, kernel_shape=conv.kernel_size, pads=margins, group=conv.groups)
        fields = {"scale": norm.weight, "bias": norm.bias, "mean": norm.running_mean, "variance": norm.running_var}
        statistics = [self.weight(f"{name}_norm.{field}", value) for field, value in fields.items()]
        return self.node("BatchNormalization", f"{name}_norm", x, *statistics, epsilon=norm.eps)


def to_onnx(model: DigitClassifier) -> onnx.ModelProto:
    """The network as an ONNX model whose batch axis may have any length.

    Written node by node: PyTorch's exporter would fold the batch norms, and its file would depend on PyTorch's version.
    """
    writer = GraphWriter()
    x = writer.convolution("stem", "image", model.stem[0], model.stem[1])
    x = writer.node("Relu", "stem_relu", x)
    x = writer.convolution("depthwise", x, model.separable[0], model.separable[1])
    x = writer.node("Relu", "depthwise_relu", x)
    x = writer.convolution("pointwise", x, model.separable[3], model.separable[4])
    x = writer.node("Relu", "pointwise_relu", x)
    x = shortcut = writer.node("MaxPool", "pool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = writer.convolution("residual_a", x, model.residual.body[0], model.residual.body[1])
    x = writer.node("Relu", "residual_a_relu", x)
    x = writer.convolution("residual_b", x, model.residual.body[3], model.residual.body[4])
    x = writer.node("Add", "residual_add", x, shortcut)
    x = writer.node("Relu", "residual_relu", x)
    x = writer.node("GlobalAveragePool", "average", x)
    x = writer.node("Flatten", "flatten", x)
    weight, bias = writer.weight("dense.weight", model.dense.weight), writer.weight("dense.bias", model.dense.bias)
    x = writer.node("Gemm", "dense", x, weight, bias, transB=1)
    writer.node("Softmax", "probabilities", x, axis=1)
    writer.nodes[-1].output[0] = "probabilities"
    floats = onnx.TensorProto.FLOAT
    inputs = [onnx.helper.make_tensor_value_info("image", floats, ["batch", 1, 8, 8])]
    outputs = [onnx.helper.make_tensor_value_info("probabilities", floats, ["batch", 10])]
    graph = onnx.helper.make_graph(writer.nodes, "digits", inputs, outputs, writer.weights)
    proto = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8, producer_name="edgecomp")
    onnx.checker.check_model(proto, full_check=True)
    return proto


@torch.no_grad()
def largest_difference(model: DigitClassifier, path: Path) -> float:
    """Greatest absolute difference between PyTorch and ONNX Runtime over the rows held out."""
    x, _ = images("test")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return float(np.abs(session.run(None, {"image": x.numpy()})[0] - model(x).numpy()).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_name("digits.onnx"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = train(arguments.epochs, arguments.seed)
    held_out = accuracy(model, "test")
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"{parameters} parameters; accuracy {accuracy(model, 'train'):.2%} in training, {held_out:.2%} on the 360 rows held out")
    if held_out < LOWEST_ACCURACY:
        raise SystemExit(f"accuracy is below {LOWEST_ACCURACY:.0%}: {arguments.output} is left as it was")
    onnx.save(to_onnx(model), arguments.output)
    difference = largest_difference(model, arguments.output)
    print(f"wrote {arguments.output}, {arguments.output.stat().st_size} bytes; differs from PyTorch by at most {difference:.1e}")


if __name__ == "__main__":
    main()

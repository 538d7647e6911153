"""ResNet-18 and ResNet-34: K. He et al., "Deep Residual Learning for Image Recognition", 2015, batch normalisation folded."""

from __future__ import annotations

from collections.abc import Sequence

from onnx import ModelProto

from edgecomp.networks.builder import NetworkBuilder, checked

SMALL_INPUT = 64
"""Inputs up to this take a 3x3 first convolution of stride 1 and no pool, as ResNets for CIFAR do."""


def resnet18(width: int = 64, input_size: int = 224, classes: int = 1000, seed: int = 0) -> ModelProto:
    """`width` is the number of channels of the first stage (64 in the paper); each further stage has twice as many.

    Raises:
        ValueError: a size is below one.
    """
    return _resnet("resnet18", (2, 2, 2, 2), width, input_size, classes, seed)


def resnet34(width: int = 64, input_size: int = 224, classes: int = 1000, seed: int = 0) -> ModelProto:
    """As `resnet18`, with 3, 4, 6 and 3 blocks a stage.

    Raises:
        ValueError: a size is below one.
    """
    return _resnet("resnet34", (3, 4, 6, 3), width, input_size, classes, seed)


def _resnet(name: str, blocks: Sequence[int], width: int, input_size: int, classes: int, seed: int) -> ModelProto:
    checked(name, width, input_size, classes)
    net = NetworkBuilder(name, input_size, seed)
    if input_size <= SMALL_INPUT:
        y = net.convolution(net.input, width, 3)
    else:
        y = net.max_pool(net.convolution(net.input, width, 7, stride=2, pad=3), 3, 2, pad=1)
    for stage, count in enumerate(blocks):
        for block in range(count):
            y = _block(net, y, width << stage, stride=2 if stage and not block else 1)
    return net.model(net.dense(net.global_mean(y), classes, relu=False))


def _block(net: NetworkBuilder, x: str, channels: int, stride: int) -> str:
    """Two 3x3 convolutions beside the input, or beside its 1x1 projection where the shape changes."""
    y = net.convolution(net.convolution(x, channels, 3, stride), channels, 3, relu=False)
    return net.add(y, x if net.shape(y) == net.shape(x) else net.convolution(x, channels, 1, stride, relu=False))

"""VGG-16: K. Simonyan and A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014, configuration D."""

from __future__ import annotations

from onnx import ModelProto

from edgecomp.networks.builder import NetworkBuilder, checked

STAGES = ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3))
"""Channels in units of the width, and convolutions, before each max pool."""


def vgg16(width: int = 64, input_size: int = 224, classes: int = 1000, seed: int = 0) -> ModelProto:
    """`width` is the number of channels of the first stage (64 in the paper); dense layers scale with it (4096 at 64).

    Maps that have shrunk to one pixel are pooled no further.

    Raises:
        ValueError: a size is below one.
    """
    checked("vgg16", width, input_size, classes)
    net = NetworkBuilder("vgg16", input_size, seed)
    y = net.input
    for factor, convolutions in STAGES:
        for _ in range(convolutions):
            y = net.convolution(y, factor * width, 3)
        y = net.max_pool(y, 2, 2)
    y = net.dense(net.flat(y), 64 * width)
    return net.model(net.dense(net.dense(y, 64 * width), classes, relu=False))

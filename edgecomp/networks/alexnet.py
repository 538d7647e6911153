"""AlexNet: A. Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", 2012, on one processor.

Channels as in A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014, without response normalisation.
"""

from __future__ import annotations

from onnx import ModelProto

from edgecomp.networks.builder import NetworkBuilder, checked

SMALL_INPUT = 64
"""Inputs below this take a 3x3 first convolution of stride 1, as AlexNets for CIFAR do."""


def alexnet(width: int = 64, input_size: int = 224, classes: int = 1000, seed: int = 0) -> ModelProto:
    """`width` is the number of channels of the first convolution (64 in the paper's net); dense layers scale with it (4096 at 64).

    Raises:
        ValueError: a size is below one, or the input too small for the layers.
    """
    checked("alexnet", width, input_size, classes)
    net = NetworkBuilder("alexnet", input_size, seed)
    small = input_size < SMALL_INPUT
    y = net.convolution(net.input, width, 3) if small else net.convolution(net.input, width, 11, stride=4, pad=2)
    y = net.max_pool(y, 3, 2)
    y = net.max_pool(net.convolution(y, 3 * width, 5), 3, 2)
    y = net.convolution(y, 6 * width, 3)
    y = net.convolution(y, 4 * width, 3)
    y = net.max_pool(net.convolution(y, 4 * width, 3), 3, 2)
    y = net.dense(net.flat(y), 64 * width)
    return net.model(net.dense(net.dense(y, 64 * width), classes, relu=False))

"""Network shapes of the literature as ONNX models with random weights: to measure, to train, to try a search on.

model = edgecomp.networks.resnet18(width=16, input_size=32, classes=10)
onnx.save(model, "resnet18.onnx")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from onnx import ModelProto

from edgecomp.networks.alexnet import alexnet
from edgecomp.networks.resnet import resnet18, resnet34
from edgecomp.networks.vgg import vgg16

__all__ = ["NETWORKS", "alexnet", "resnet18", "resnet34", "vgg16"]

NETWORKS: Mapping[str, Callable[..., ModelProto]] = {"alexnet": alexnet, "resnet18": resnet18, "resnet34": resnet34, "vgg16": vgg16}
"""By name; all take `width`, `input_size`, `classes` and `seed`."""

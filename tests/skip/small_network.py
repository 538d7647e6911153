"""A small quantized network with ReLUs, a pool and a residual sum, and samples for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

import edgecomp
from edgecomp.networks.builder import NetworkBuilder
from edgecomp.pipeline import QuantizedModel

SIZE, CLASSES, SAMPLES = 10, 4, 80


def small_network(folder: Path) -> tuple[QuantizedModel, np.ndarray]:
    """The network with random weights, and raw data [SAMPLES, 3, SIZE, SIZE] of smooth pictures."""
    net = NetworkBuilder("small", SIZE, seed=5)
    y = net.convolution(net.input, 6, 3)
    y = net.max_pool(net.convolution(y, 8, 3), 2, 2)
    y = net.add(net.convolution(y, 8, 3, relu=False), y)
    y = net.convolution(y, 12, 3, stride=2)
    onnx.save(net.model(net.dense(net.global_mean(y), CLASSES, relu=False)), folder / "small.onnx")
    random = np.random.default_rng(1)
    coarse = random.normal(0, 1, (SAMPLES, 3, SIZE // 2, SIZE // 2))
    x = (coarse.repeat(2, axis=2).repeat(2, axis=3) + random.normal(0, 0.2, (SAMPLES, 3, SIZE, SIZE))).astype(np.float32)
    return edgecomp.load(folder / "small.onnx").quantize(x, method="min-max"), x

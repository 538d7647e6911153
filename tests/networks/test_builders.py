"""Networks of the literature: the published sizes, and small ones from import to the host's firmware."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, numpy_helper

import edgecomp
from edgecomp.networks import NETWORKS, alexnet, resnet18, resnet34, vgg16
from edgecomp.target import load_target

WIDTH, SIZE, CLASSES, SAMPLES = 2, 32, 5, 4
PUBLISHED_PARAMETERS = {"alexnet": 61_100_840, "resnet18": 11_684_712, "resnet34": 21_789_160, "vgg16": 138_357_544}
"""Of torchvision's networks, scale and shift of batch normalisation taken as one bias a channel."""


def parameters(model: ModelProto) -> int:
    return sum(int(np.prod(constant.dims)) for constant in model.graph.initializer)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_published_number_of_parameters(name: str) -> None:
    assert parameters(NETWORKS[name]()) == PUBLISHED_PARAMETERS[name]


def test_convolutions_and_dense_layers() -> None:
    """Layers with weights, as the names of the networks count them, and the projections of the residual ones."""
    expected = {"alexnet": (5, 3), "resnet18": (17 + 3, 1), "resnet34": (33 + 3, 1), "vgg16": (13, 3)}
    for name, build in NETWORKS.items():
        kinds = [node.op_type for node in build(width=1, input_size=SIZE, classes=CLASSES).graph.node]
        assert (kinds.count("Conv"), kinds.count("Gemm")) == expected[name], name


def test_large_inputs_shrink_at_once() -> None:
    for build, first in ((alexnet, (1, 1, 55, 55)), (resnet18, (1, 1, 112, 112)), (vgg16, (1, 1, 224, 224))):
        model = build(width=1, input_size=224, classes=2)
        shapes = {value.name: tuple(d.dim_value for d in value.type.tensor_type.shape.dim) for value in model.graph.value_info}
        assert shapes[model.graph.node[0].output[0]] == first


def test_the_seed_alone_decides() -> None:
    one, same, other = (resnet18(1, SIZE, CLASSES, seed).SerializeToString(deterministic=True) for seed in (3, 3, 4))
    assert one == same
    assert one != other


@pytest.mark.parametrize("change", [{"width": 0}, {"input_size": 0}, {"classes": 0}])
def test_sizes_below_one_are_refused(change: dict[str, int]) -> None:
    for name, build in NETWORKS.items():
        with pytest.raises(ValueError, match=f"{name}: {next(iter(change))} must be at least 1, found 0"):
            build(**change)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_small_ones_import_quantize_and_run_on_the_host(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.onnx"
    onnx.save(NETWORKS[name](WIDTH, SIZE, CLASSES), path)
    x = np.random.default_rng(0).normal(0, 1, (24, 3, SIZE, SIZE)).astype(np.float32)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    expected = np.concatenate([session.run(None, {"input": row[None]})[0] for row in x])
    assert expected.shape == (len(x), CLASSES)
    assert np.all(expected.std(axis=0) > 1e-3), "the output must depend on the input"
    quantized = edgecomp.load(path).quantize(x[:20], method="min-max")
    report = quantized.run(load_target("host"), x[20:])
    assert report.bit_exact is not None
    assert report.bit_exact.equal


def test_resnets_differ_in_depth_only() -> None:
    short, deep = (build(1, SIZE, CLASSES) for build in (resnet18, resnet34))
    shapes = [{tuple(numpy_helper.to_array(c).shape) for c in model.graph.initializer} for model in (short, deep)]
    assert shapes[0] == shapes[1]

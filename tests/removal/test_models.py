"""Removal as a user meets it: in a run, in its report, in `analyze`, and on a real network."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecomp import load, reference
from edgecomp.cli import execute
from edgecomp.data.samples import Preprocessing
from edgecomp.emit.fingerprint import fingerprint
from edgecomp.pipeline import QuantizedModel
from edgecomp.report import RunReport
from tests.conftest import ROOT
from tests.property.onnx_builder import NetworkBuilder

REAL_MODELS = Path(os.environ.get("EDGECOMP_REAL_MODELS", ROOT.parent / "shared" / "data"))
"""A folder with `models/*.onnx` and `datasets/*.npz`."""
WIDTH = 8
SAMPLES = np.random.default_rng(1).normal(0, 1, (16, 3, 10, 10)).astype(np.float32)


@pytest.fixture(scope="module")
def half_dead(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network of separable convolutions whose odd channels never rise above zero."""
    net = NetworkBuilder((1, 3, 10, 10), 0)

    def convolution(x: str, inputs: int, kernel: int, group: int = 1) -> str:
        bias = np.where(np.arange(WIDTH) % 2, -100.0, 0.1)
        weights = net.weights(WIDTH, inputs, kernel, kernel, fan_in=inputs * kernel * kernel)
        return net.node("Relu", net.node("Conv", x, weights, net.constant(bias), group=group, pads=[kernel // 2] * 4))

    x = convolution("x", 3, 3)
    x = convolution(convolution(x, 1, 3, WIDTH), WIDTH, 1)
    x = net.node("Add", x, convolution(x, WIDTH, 3))
    x = net.node("Flatten", net.node("GlobalAveragePool", x))
    x = net.node("Gemm", x, net.weights(WIDTH, 5, fan_in=WIDTH), net.constant(np.zeros(5)))
    path = tmp_path_factory.mktemp("half_dead") / "half_dead.onnx"
    path.write_bytes(net.model([x]).SerializeToString())
    return path


@pytest.fixture(scope="module")
def quantized(half_dead: Path) -> QuantizedModel:
    return load(half_dead).quantize(SAMPLES, method="min-max")


@pytest.fixture(scope="module")
def report(quantized: QuantizedModel) -> RunReport:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler on this computer")
    return quantized.run("host", SAMPLES)


def expected_macs(width: int) -> int:
    return 100 * width * (27 + 9 + width + 9 * width) + 5 * width


def test_half_of_the_channels_are_found(quantized: QuantizedModel) -> None:
    removed = quantized.removed
    assert (removed.macs_before, removed.macs_after) == (expected_macs(WIDTH), expected_macs(WIDTH // 2))
    assert {len(layer.constant) for layer in removed.layers} == {WIDTH // 2}
    assert quantized.qgraph.macs == removed.macs_after and quantized.lowered.macs == removed.macs_before


def test_dead_channels_can_be_kept(quantized: QuantizedModel) -> None:
    whole = replace(quantized, keep_dead_channels=True)
    assert whole.qgraph is whole.lowered and whole.removed.share == 0
    buffers = [quantized.buffers(quantized.samples(SAMPLES))]
    np.testing.assert_array_equal(*(reference.outputs(model.qgraph, buffers)[0] for model in (quantized, whole)))


def test_the_report_says_what_was_removed(report: RunReport) -> None:
    assert report.bit_exact is not None and report.bit_exact.equal
    removal = report.to_json()["removal"]
    assert removal == {"macs_before": expected_macs(8), "macs_after": expected_macs(4), "share": 1 - expected_macs(4) / expected_macs(8)}
    assert report.model.macs == expected_macs(8)
    assert report.per_inference.macs_executed == sum(layer.macs for layer in report.layers) == expected_macs(4)


def test_the_quality_of_every_layer_is_still_known(report: RunReport, quantized: QuantizedModel) -> None:
    assert all(layer.sqnr_db is not None and layer.sqnr_db > 20 for layer in report.layers)
    assert quantized.layer_sqnr_db(SAMPLES).keys() == {node.output for node in quantized.lowered.nodes}


def test_a_quantized_file_loses_the_same_channels(quantized: QuantizedModel, tmp_path: Path) -> None:
    path = tmp_path / "half_dead.qdq.onnx"
    path.write_bytes(quantized.to_onnx())
    absorbed = load(path).absorbed()
    assert absorbed.removed == quantized.removed
    assert fingerprint(absorbed.qgraph) == fingerprint(quantized.qgraph)


def test_analyze_removes_from_quantized_files_only(half_dead: Path, quantized: QuantizedModel, tmp_path: Path) -> None:
    qdq = tmp_path / "half_dead.qdq.onnx"
    qdq.write_bytes(quantized.to_onnx())
    found = {}
    for path in (half_dead, qdq):
        figures = tmp_path / "figures.json"
        assert execute(["analyze", str(path), "--json", str(figures)]) == 0
        found[path] = json.loads(figures.read_text())
    assert found[half_dead]["removal"] is None and found[half_dead]["per_inference"]["macs_executed"] == expected_macs(8)
    assert found[qdq]["removal"]["macs_after"] == found[qdq]["per_inference"]["macs_executed"] == expected_macs(4)
    assert found[qdq]["model"]["macs"] == found[half_dead]["model"]["macs"] == expected_macs(8)


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on this computer")
def test_the_printed_report_has_a_line_for_it(half_dead: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "samples.npz"
    np.savez(data, x=SAMPLES)
    assert execute(["run", str(half_dead), "--target", "host", "--data", str(data), "--calib", str(data)]) == 0
    share = 1 - expected_macs(4) / expected_macs(8)
    assert f"{100 * share:.1f} % of MACs removed, outputs identical" in capsys.readouterr().out


def test_a_real_residual_network() -> None:
    """ResNet-20 for CIFAR-10 has channels that training turned off."""
    model, data = REAL_MODELS / "models" / "cifar10_resnet20.onnx", REAL_MODELS / "datasets" / "cifar10_test.npz"
    if not (model.is_file() and data.is_file()):
        pytest.skip(f"{model} and {data} are not here; EDGECOMP_REAL_MODELS names a folder that holds them")
    x = np.load(data)["x"][:48]
    preprocessing = Preprocessing(layout="nhwc", mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375))
    quantized = load(model).quantize(x, preprocessing=preprocessing, method="min-max")
    assert quantized.removed.share > 0.01
    size = quantized.lowered.tensors[quantized.lowered.inputs[0].tensor].bytes
    noise = np.random.default_rng(0).integers(-128, 128, (16, size)).astype(np.int8)
    for buffers in (quantized.buffers(quantized.samples(x)), noise):
        whole, smaller = (reference.outputs(qgraph, [buffers])[0] for qgraph in (quantized.lowered, quantized.qgraph))
        np.testing.assert_array_equal(whole, smaller)

"""A run on this computer, with rules in its layers: what its report holds beyond the figures that have been there before."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgecomp
from edgecomp.page import read, render
from edgecomp.pipeline import QuantizedModel
from edgecomp.qops.conv2d import Conv2D
from edgecomp.skip.rules import Perforated, Rule, Spatial, ZeroInput
from edgecomp.thumbnail import Thumbnail

pytestmark = pytest.mark.skipif(not any(map(shutil.which, ("gcc", "cc", "clang"))), reason="no C compiler for this computer is installed")
SAMPLES = 40


def rules_for(quantized: QuantizedModel) -> dict[str, Rule]:
    """One rule of each of three kinds, on the first three convolutions."""
    nodes = [node for node in quantized.qgraph.nodes if type(node.op) is Conv2D][:3]
    first, second, third = (node.op for node in nodes)
    assert isinstance(first, Conv2D) and isinstance(second, Conv2D) and isinstance(third, Conv2D)
    every_other = np.arange(second.output_h * second.output_w).reshape(second.output_h, second.output_w) // 2 * 2
    found = (
        Spatial(2, np.full((1, 1, 1), 0b1001, np.uint16), np.zeros(first.output_c, np.int32)),
        Perforated(every_other.astype(np.uint16)),
        ZeroInput(0.5, 3),
    )
    return {node.output: rule for node, rule in zip(nodes, found, strict=True)}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    random = np.random.default_rng(0)
    x, y = random.random((SAMPLES, 1, 8, 8), np.float32), random.integers(0, 10, SAMPLES)
    model = edgecomp.load(Path(__file__).resolve().parents[2] / "examples" / "digits" / "digits.onnx")
    quantized = model.quantize(x)
    ruled = replace(quantized, rules=rules_for(quantized))
    report = ruled.run("host", x, y, classes=[f"digit {at}" for at in range(10)])
    content: dict[str, Any] = json.loads(json.dumps(report.to_json(), allow_nan=False))
    return content


def test_sections_and_buffers_add_up(written: dict[str, Any]) -> None:
    memory = written["memory"]
    assert sum(section["bytes"] for section in memory["flash_sections"]) == memory["flash_bytes"]
    ends = [buffer["offset_bytes"] + buffer["bytes"] for buffer in memory["buffers"]]
    assert max(ends) <= memory["arena_bytes"] + memory["scratch_bytes"]
    assert written["target"]["flash_limit_bytes"] > memory["flash_bytes"]
    assert all(layer["output_bytes"] > 0 and layer["describe"] for layer in written["layers"])


def test_mistakes_add_up(written: dict[str, Any]) -> None:
    counts = np.array(written["confusion"]["counts"])
    assert counts.sum() == SAMPLES
    assert np.trace(counts) / SAMPLES == pytest.approx(written["accuracy"]["target"])
    assert written["confusion"]["names"][3] == "digit 3"
    margins = [sample["margin"] for sample in written["worst_samples"]]
    assert margins == sorted(margins) and len(margins) == 12
    assert all((sample["margin"] >= 0) == (sample["label"] == sample["predicted"]) for sample in written["worst_samples"])


def test_rules_are_told_layer_by_layer(written: dict[str, Any]) -> None:
    assert written["bit_exact"]["equal"] is True
    ruled = [layer for layer in written["layers"] if layer["skip"]]
    assert [layer["skip"]["rule"] for layer in ruled] == ["spatial", "perforation", "zero inputs"]
    assert [layer["skip"]["mask"] for layer in ruled] == ["10/01", "32 of 64 positions", "inputs that are zero"]
    assert [layer["skip"]["threshold"] for layer in ruled] == ["accumulators 0..0", None, "3 steps above zero"]
    for layer in ruled:
        assert layer["skip"]["zero_rate"] == pytest.approx(layer["macs_skipped"] / layer["macs"], abs=1e-3)
        assert 0 <= layer["skip"]["false_zero_rate"] < 1
    np.testing.assert_array_equal(Thumbnail.from_dict(ruled[0]["skip"]["places"]).levels(), [[255, 0], [0, 255]])
    assert Thumbnail.from_dict(ruled[1]["skip"]["places"]).levels().mean() == 127.5
    assert ruled[2]["skip"]["places"] is None


def test_it_becomes_a_page(written: dict[str, Any]) -> None:
    text = render(read(json.dumps(written), "run.json"))
    assert "perforation: 32 of 64 positions" in text and "digit 3" in text
    assert len(json.dumps(written)) < 60_000

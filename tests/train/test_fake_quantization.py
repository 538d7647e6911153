"""Fake quantization rounds to the steps that quantization will use, and lets gradients through."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `edgecomp[train]`)")

import edgecomp  # noqa: E402
from edgecomp.interpret import evaluate  # noqa: E402
from edgecomp.quant.quantize import needs_range, quantize  # noqa: E402
from edgecomp.skip.finetune import Settings, diagonal, finetune  # noqa: E402
from edgecomp.train.executor import TorchGraph  # noqa: E402
from edgecomp.train.fake_quantization import FakeQuantization  # noqa: E402


def test_weights_and_activations_take_the_values_of_their_integers(digits_onnx: Path) -> None:
    graph = edgecomp.load(digits_onnx).simplified
    x = np.random.default_rng(0).random((8, *graph.tensors[graph.inputs[0]].shape[1:]), np.float32)
    network = TorchGraph(graph)
    rounding = FakeQuantization(network)
    seen = network.run(torch.from_numpy(x), needs_range(graph), rounding.changes(), rounding.constants())
    scheme = quantize(graph, rounding.ranges)
    for name, values in rounding.constants().items():
        np.testing.assert_allclose(values.detach().numpy(), scheme.quants[name].dequantize(scheme.integers[name]), rtol=1e-5, atol=1e-7)
    for name, values in seen.items():
        integers = scheme.quants[name].quantize(values.detach().numpy())
        np.testing.assert_allclose(scheme.quants[name].dequantize(integers), values.detach().numpy(), rtol=1e-5, atol=1e-6)
    exact = evaluate(graph, {graph.inputs[0]: x})[graph.outputs[0]]
    assert (
        0
        < np.abs(
            network.run(torch.from_numpy(x), None, rounding.changes(), rounding.constants())[graph.outputs[0]].detach().numpy() - exact
        ).max()
        < 0.1
    )


def test_gradients_reach_weights_through_the_rounding(digits_onnx: Path) -> None:
    network = TorchGraph(edgecomp.load(digits_onnx).simplified)
    rounding = FakeQuantization(network)
    x = torch.rand(4, *network.graph.tensors[network.graph.inputs[0]].shape[1:])
    network.run(x, [network.logits], rounding.changes(), rounding.constants())[network.logits].square().sum().backward()
    assert all(network.parameters[name].grad.abs().sum() > 0 for name in rounding.weights)


def test_ranges_follow_while_learning_only(digits_onnx: Path) -> None:
    network = TorchGraph(edgecomp.load(digits_onnx).simplified)
    rounding, name = FakeQuantization(network), network.graph.inputs[0]
    change = rounding.rounding(name)
    change(torch.tensor([0.0, 1.0]))
    change(torch.tensor([-1.0, 3.0]))
    assert rounding.ranges[name] == pytest.approx((-0.02, 1.04))
    rounding.learning = False
    change(torch.tensor([-9.0, 9.0]))
    assert rounding.ranges[name] == pytest.approx((-0.02, 1.04))


def test_finetuning_takes_it(digits_onnx: Path) -> None:
    model = edgecomp.load(digits_onnx)
    x = np.random.default_rng(0).random((64, *model.input_shape), np.float32)
    settings = Settings(epochs=1, batch_rows=16, fake_quantization=True, sparsity=1.0)
    tuned = finetune(model, x, None, settings, diagonal(model.simplified))
    plain = finetune(model, x, None, replace(settings, fake_quantization=False), diagonal(model.simplified))
    assert tuned.training.batches == plain.training.batches == 4
    assert tuned.model.sha256 != plain.model.sha256

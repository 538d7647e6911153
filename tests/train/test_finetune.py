"""Fine-tuning with zero prediction on a small network: it comes back as ONNX, with more zeros, and the original is left as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `edgecomp[train]`)")

import edgecomp  # noqa: E402
from edgecomp.data.npz import Array  # noqa: E402
from edgecomp.data.samples import Preprocessing, load_samples  # noqa: E402
from edgecomp.errors import DataError, UnsupportedError  # noqa: E402
from edgecomp.frontend.onnx_export import to_model  # noqa: E402
from edgecomp.pipeline import Model  # noqa: E402
from edgecomp.quant.floating import FloatModel  # noqa: E402
from edgecomp.skip.finetune import FineTuned, Settings, diagonal, finetune  # noqa: E402
from edgecomp.train.zeros import predictable, zero_inputs  # noqa: E402

DIGITS = Preprocessing("nhwc", (0.0,), (16.0,))
SETTINGS = Settings(epochs=5, learning_rate=3e-3, batch_rows=32, held_out=0.25, threads=1)


@pytest.fixture(scope="module")
def model(digits_onnx: Path) -> Model:
    return edgecomp.load(digits_onnx)


@pytest.fixture(scope="module")
def samples(digits_npz: Path) -> tuple[Array, Array]:
    x, y = load_samples(digits_npz)
    assert y is not None
    return x, y


@pytest.fixture(scope="module")
def tuned(model: Model, samples: tuple[Array, Array]) -> FineTuned:
    settings = replace(SETTINGS, sparsity=3.0, clusters=1.0)
    return finetune(model, *samples, settings, diagonal(model.simplified), DIGITS)


def test_activations_and_patches_are_zero_more_often_at_no_loss(tuned: FineTuned) -> None:
    assert tuned.after.macs_read < 0.9 * tuned.before.macs_read
    assert tuned.after.macs_predicted > 1.1 * tuned.before.macs_predicted
    assert tuned.after.accuracy >= tuned.before.accuracy - 0.02
    assert tuned.training.epochs == 5 and not tuned.training.stopped


def test_the_result_is_the_same_network_with_other_constants(model: Model, tuned: FineTuned, tmp_path: Path) -> None:
    before, after = model.simplified, tuned.model.graph
    assert after.nodes == before.nodes and after.metadata == before.metadata
    changed = {
        name for name, tensor in before.tensors.items() if tensor.data is not None and (tensor.data != after.tensors[name].data).any()
    }
    assert len(changed) == len([tensor for tensor in before.tensors.values() if tensor.data is not None and tensor.dtype == "float32"])
    assert tuned.model.sha256 != model.sha256
    path = tmp_path / "tuned.onnx"
    path.write_bytes(to_model(after).SerializeToString())
    x = np.random.default_rng(0).random((4, *model.input_shape), np.float32)
    again = FloatModel(edgecomp.load(path).simplified).predict(x)
    np.testing.assert_allclose(again, FloatModel(after).predict(x), rtol=1e-4, atol=1e-5)


def test_what_is_measured_is_what_the_network_does(model: Model, samples: tuple[Array, Array], tuned: FineTuned) -> None:
    held_out = np.sort(np.random.default_rng(0).permutation(len(samples[0]))[: len(samples[0]) // 4])
    inputs = DIGITS.apply(samples[0][held_out], model.input_shape)
    places = zero_inputs(model.simplified)
    chunks = list(FloatModel(model.simplified, [item.tensor for item in places]).run(inputs))
    dense = finetune(model, *samples, replace(SETTINGS, epochs=0), (), DIGITS).before
    for item in places:
        values = np.concatenate([chunk[item.tensor] for chunk in chunks])
        assert dense.density[item.tensor] == pytest.approx(np.count_nonzero(values) / values.size, abs=1e-4)
    right = FloatModel(model.simplified).predict(inputs).argmax(1) == samples[1][held_out]
    assert dense.accuracy == pytest.approx(right.mean())
    assert dense.macs_predicted == 0 and tuned.before.predicted.keys() == {item.spatial.tensor for item in predictable(model.simplified, 2)}


def test_a_seed_makes_the_same_network_again(model: Model, samples: tuple[Array, Array]) -> None:
    x, y = samples
    settings = replace(SETTINGS, epochs=1, sparsity=0.3)
    first, second, other = (
        finetune(model, x[:96], y[:96], replace(settings, seed=seed), diagonal(model.simplified), DIGITS).model.sha256 for seed in (1, 1, 2)
    )
    assert first == second != other


def test_without_labels_the_network_imitates(model: Model, samples: tuple[Array, Array]) -> None:
    tuned = finetune(model, samples[0], None, replace(SETTINGS, epochs=2), diagonal(model.simplified), DIGITS)
    assert tuned.after.accuracy >= tuned.before.accuracy
    assert tuned.training.losses[-1] < tuned.training.losses[0]


def test_refusals(model: Model, samples: tuple[Array, Array]) -> None:
    x, y = samples
    with pytest.raises(DataError, match=r"rows: y holds class 10, but .* has 10 outputs"):
        finetune(model, x, y + 1, SETTINGS, (), DIGITS, source="rows")
    with pytest.raises(DataError, match=r"not finite.*lower the learning rate"):
        finetune(model, x, y, replace(SETTINGS, learning_rate=1e30), (), DIGITS)
    with pytest.raises(UnsupportedError, match="give the float model"):
        finetune(_as_qdq(model, x), x, y, SETTINGS, (), DIGITS)


def _as_qdq(model: Model, x: Array) -> Model:
    """The model as its quantized file."""
    import onnx

    from edgecomp.frontend.onnx_import import from_model

    serialized = model.quantize(x[:50], preprocessing=DIGITS, method="min-max").to_onnx()
    return replace(model, graph=from_model(onnx.ModelProto.FromString(serialized), model.name))

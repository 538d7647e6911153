"""Fine-tuning with zero prediction in the forward pass, so that the network learns to be predictable; it comes and goes as ONNX.

tuned = finetune(model, x, y, Settings(epochs=3), diagonal(model.simplified), preprocessing)
tuned.model.quantize(x, preprocessing=preprocessing)

The loss is the labels' cross-entropy mixed with the original network's outputs (distillation, against forgetting), and two terms that press
zeros: `sparsity` on activations that layers multiply, by their products, and `clusters` on the patches that are not predicted to be zero.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from edgecomp.data.samples import Preprocessing
from edgecomp.errors import DataError, UnsupportedError
from edgecomp.frontend.onnx_export import to_model
from edgecomp.graph import Array, Graph
from edgecomp.pipeline import Model
from edgecomp.qgraph import IntArray
from edgecomp.skip.spatial_layer import SpatialLayer
from edgecomp.train.augment import augments, flipped_and_shifted
from edgecomp.train.executor import Change, TorchGraph
from edgecomp.train.fake_quantization import FakeQuantization
from edgecomp.train.installation import require_torch
from edgecomp.train.loop import Plan, Progress, Trained, train
from edgecomp.train.losses import classification, hoyer_square, imitation
from edgecomp.train.spatial_prediction import SpatialPrediction
from edgecomp.train.zeros import Predictable, ZeroInput, predictable, zero_inputs

if TYPE_CHECKING:
    from torch import Generator, Tensor

MOST_HELD_OUT = 2000
MEASURED_ROWS = 250


@dataclass(frozen=True, eq=False)
class Prediction:
    """One layer's rule in real numbers: uint16 masks [rows or 1, columns or 1, channels or 1] and thresholds [channels]."""

    layer: SpatialLayer
    masks: IntArray
    thresholds: Array


@dataclass(frozen=True)
class Settings:
    """How to fine-tune.

    Args:
        epochs: times over the samples.
        learning_rate: Adam's at its highest; it rises for a twentieth of the time, then falls to zero as a cosine.
        batch_rows: samples a step.
        distillation: share of the original network's outputs in the loss, 0..1; the rest is the labels'.
        temperature: softens both networks' outputs for the distillation.
        sparsity: weight of the share of activations that are not zero, at the inputs of layers, by the products they cost.
        clusters: weight of the share of patches that are not predicted to be zero, by the products they cost; nothing without predictions.
        fake_quantization: round weights and activations as int8 will, so that what is measured is what the integers do.
        straight_through: positions that are left out get a gradient too.
        augment: mirror and move images, where the samples are labelled photographs.
        held_out: share of the samples that are not trained on, but measured; at most 2000.
        budget_s: seconds the training may take; None: as long as the epochs take.
        seed: same seed, same network, on one machine with as many threads, unless the budget ends it.
        threads: of PyTorch; None: as it stands.
    """

    epochs: int
    learning_rate: float = 1e-3
    batch_rows: int = 64
    distillation: float = 0.9
    temperature: float = 3.0
    sparsity: float = 2.0
    clusters: float = 0.5
    fake_quantization: bool = False
    straight_through: bool = False
    augment: bool = True
    held_out: float = 0.05
    budget_s: float | None = None
    seed: int = 0
    threads: int | None = None


@dataclass(frozen=True)
class Measured:
    """What a network does on the samples held out, zeros predicted.

    Attributes:
        accuracy: top-1, 0..1; against the original network's choice where there are no labels.
        density: share of values that are not zero, by tensor that layers multiply.
        predicted: share of patches that are predicted to be zero, by tensor before the ReLU.
        macs_read: `density` over all these layers, weighted by products.
        macs_predicted: share of these layers' products that prediction leaves out.
    """

    accuracy: float
    density: Mapping[str, float]
    predicted: Mapping[str, float]
    macs_read: float
    macs_predicted: float


@dataclass(frozen=True, eq=False)
class FineTuned:
    """The network with its new constants, both networks measured, and what training did."""

    model: Model
    before: Measured
    after: Measured
    training: Trained


def diagonal(graph: Graph, patch: int = 2) -> tuple[Prediction, ...]:
    """The plain rule for every convolution with a ReLU: the diagonal of each patch, in all channels, against zero."""
    mask = sum(1 << place * (patch + 1) for place in range(patch))
    layers = [item.spatial for item in predictable(graph, patch)]
    return tuple(Prediction(layer, np.full((1, 1, 1), mask, np.uint16), np.zeros(layer.channels, np.float32)) for layer in layers)


def finetune(
    model: Model,
    x: Array,
    y: Array | None,
    settings: Settings,
    predictions: Sequence[Prediction] = (),
    preprocessing: Preprocessing | None = None,
    progress: Progress | None = None,
    source: str = "the training data",
) -> FineTuned:
    """Train a float network on raw rows `x` [N, ...] with classes `y` [N], zeros predicted as `predictions` say.

    Without `y` the network imitates the original's outputs. The model given is left as it is; nothing is written. After Ctrl-C there is no
    result, and nothing half done.

    Raises:
        ToolError: PyTorch is missing.
        DataError: the samples do not fit, or the loss is not finite from the start.
        UnsupportedError: the model is quantized, has several inputs, or an operator that cannot be trained.
        KeyboardInterrupt: Ctrl-C.
    """
    require_torch()
    graph = _trainable(model)
    tuner = _Tuner(model, graph, x, y, settings, predictions, preprocessing or model.preprocessing, source)
    before = tuner.measure()
    plan = Plan(settings.epochs, settings.batch_rows, settings.learning_rate, settings.budget_s, settings.seed, settings.threads)
    training = train(list(tuner.network.parameters.values()), len(tuner.rows), tuner.loss, plan, progress)
    tuned = tuner.network.to_graph()
    digest = hashlib.sha256(to_model(tuned).SerializeToString(deterministic=True)).hexdigest()
    return FineTuned(Model(model.path, model.name, digest, tuned, model.shapes), before, tuner.measure(), training)


def _trainable(model: Model) -> Graph:
    """The float network.

    Raises:
        UnsupportedError: it is quantized, or has several inputs.
    """
    if model.is_quantized:
        raise UnsupportedError(f"{model.path}: is quantized, and integers are not trained: give the float model; it is quantized after")
    if len(model.graph.inputs) != 1:
        raise UnsupportedError(f"{model.path}: has {len(model.graph.inputs)} inputs {list(model.graph.inputs)}; data can be given for one")
    return model.simplified


def _checked_labels(model: Model, graph: Graph, logits: str, y: Array | None, source: str) -> IntArray | None:
    """Classes as int64 [N].

    Raises:
        DataError: a class is beyond the network's outputs.
    """
    classes = int(np.prod(graph.tensors[logits].shape))
    if y is not None and int(y.max()) >= classes:
        raise DataError(f"{source}: y holds class {int(y.max())}, but {model.path} has {classes} outputs, classes 0 to {classes - 1}")
    return None if y is None else y.astype(np.int64)


@dataclass
class _Seen:
    """Tensors of one forward pass that the loss or a measurement looks at."""

    tensors: dict[str, Tensor] = field(default_factory=dict)

    def keep(self, name: str) -> Change:
        """A change of nothing that remembers the tensor."""

        def remember(value: Tensor) -> Tensor:
            self.tensors[name] = value
            return value

        return remember


def _chained(*changes: Change | None) -> Change:
    """One change after the other; None is none."""

    def changed(value: Tensor) -> Tensor:
        for change in changes:
            value = value if change is None else change(value)
        return value

    return changed


class _Tuner:
    """A network that is trained, the original beside it, and the samples."""

    def __init__(
        self,
        model: Model,
        graph: Graph,
        x: Array,
        y: Array | None,
        settings: Settings,
        predictions: Sequence[Prediction],
        preprocessing: Preprocessing,
        source: str,
    ) -> None:
        self.model, self.settings, self.x, self.preprocessing, self.source = model, settings, x, preprocessing, source
        self.network, self.teacher = TorchGraph(graph), TorchGraph(graph)
        self.rounding = FakeQuantization(self.network) if settings.fake_quantization else None
        self.y = _checked_labels(model, graph, self.network.logits, y, source)
        order = np.random.default_rng(settings.seed).permutation(len(x))
        held_out = min(MOST_HELD_OUT, int(len(x) * settings.held_out))
        self.held_out, self.rows = np.sort(order[:held_out]), np.sort(order[held_out:])
        if not len(self.rows):
            raise DataError(f"{source}: has {len(x)} rows, none are left to train on")
        self.zero_inputs: tuple[ZeroInput, ...] = zero_inputs(graph)
        self.predictions = {
            item.layer.tensor: SpatialPrediction(item.layer, item.masks, item.thresholds, settings.straight_through, settings.clusters > 0)
            for item in predictions
        }
        self.predictable: tuple[Predictable, ...] = tuple(
            item
            for patch in sorted({item.layer.patch for item in predictions})
            for item in predictable(graph, patch)
            if item.spatial in {item.layer for item in predictions}
        )
        self.skipped = {item.layer.tensor: item.layer.skipped_positions(item.masks) for item in predictions}
        self.augment = settings.augment and self.y is not None and augments(model.input_shape)

    def samples(self, rows: IntArray) -> Tensor:
        """Preprocessed inputs, images channels last in memory."""
        import torch

        values = self.preprocessing.apply(self.x[rows], self.model.input_shape, source=self.source)
        return torch.from_numpy(values)

    def forward(self, inputs: Tensor, seen: _Seen) -> Tensor:
        """Logits, zeros predicted; `seen` remembers what layers multiply."""
        rounding = self.rounding.changes() if self.rounding else {}
        kept = {item.tensor: seen.keep(item.tensor) for item in self.zero_inputs}
        changes = {
            name: _chained(rounding.get(name), self.predictions.get(name), kept.get(name)) for name in (*rounding, *self.predictions, *kept)
        }
        name = self.network.logits
        return self.network.run(inputs, [name], changes, self.rounding.constants() if self.rounding else None)[name]

    def loss(self, batch: Tensor, generator: Generator) -> Tensor:
        """Of samples by their place among those trained on."""
        import torch

        rows = self.rows[batch.numpy()]
        inputs = self.samples(rows)
        if self.augment:
            inputs = flipped_and_shifted(inputs, generator)
        teacher = None
        if self.settings.distillation or self.y is None:
            with torch.no_grad():
                teacher = self.teacher.run(inputs, [self.teacher.logits])[self.teacher.logits]
        seen = _Seen()
        logits = self.forward(inputs, seen)
        if self.y is None:
            assert teacher is not None
            result = imitation(logits, teacher)
        else:
            labels = torch.from_numpy(self.y[rows])
            result = classification(logits, labels, teacher, self.settings.distillation, self.settings.temperature)
        total: Tensor = result + self.zero_terms(seen)
        return total

    def zero_terms(self, seen: _Seen) -> Any:
        """The two terms that press zeros, each a weighted mean of shares: a tensor, or 0."""
        result: Any = 0.0
        if self.settings.sparsity and self.zero_inputs:
            macs = sum(item.macs for item in self.zero_inputs)
            for layer in self.zero_inputs:
                result = result + self.settings.sparsity * layer.macs / macs * hoyer_square(seen.tensors[layer.tensor])
        if self.settings.clusters and self.predictable:
            macs = sum(item.macs for item in self.predictable)
            for item in self.predictable:
                most = self.predictions[item.spatial.tensor].most
                assert most is not None
                result = result + self.settings.clusters * item.macs / macs * hoyer_square(most.relu())
        return result

    def measure(self) -> Measured:
        """The network as it is, on the samples held out, or on as many of those trained on where none are."""
        import torch

        rows = self.held_out if len(self.held_out) else self.rows[:MOST_HELD_OUT]
        if self.rounding:
            self.rounding.learning = False
        right = 0
        density = {item.tensor: 0.0 for item in self.zero_inputs}
        zeros: dict[str, Any] = dict.fromkeys(self.predictions, 0)
        with torch.no_grad():
            for start in range(0, len(rows), MEASURED_ROWS):
                part, seen = rows[start : start + MEASURED_ROWS], _Seen()
                inputs = self.samples(part)
                found = self.forward(inputs, seen).reshape(len(part), -1).argmax(1).numpy()
                wanted = self.teacher_choice(inputs) if self.y is None else self.y[part]
                right += int((found == wanted).sum())
                for name in density:
                    density[name] += float(seen.tensors[name].count_nonzero()) / seen.tensors[name].numel() * len(part) / len(rows)
                for name, prediction in self.predictions.items():
                    assert prediction.computed is not None
                    zeros[name] = zeros[name] + (~prediction.computed).sum(0).numpy() / len(rows)
        if self.rounding:
            self.rounding.learning = True
        left_out = sum(self.left_out(item, zeros[item.spatial.tensor]) * item.macs for item in self.predictable)
        return Measured(
            right / len(rows),
            density,
            {name: float(share.mean()) for name, share in zeros.items()},
            _mean([(density[item.tensor], item.macs) for item in self.zero_inputs]),
            left_out / max(1, sum(item.macs for item in self.predictable)),
        )

    def teacher_choice(self, inputs: Tensor) -> Array:
        """The original network's largest output."""
        found = self.teacher.run(inputs, [self.teacher.logits])[self.teacher.logits]
        choice: Array = found.reshape(len(inputs), -1).argmax(1).numpy()
        return choice

    def left_out(self, item: Predictable, zeros: Array) -> float:
        """Share of a layer's positions that are left out; `zeros` [channels, rows, columns] is how often a patch is predicted."""
        spatial = item.spatial
        return float((zeros * self.skipped[spatial.tensor]).sum() / (spatial.channels * spatial.height * spatial.width))


def _mean(shares: Sequence[tuple[float, int]]) -> float:
    total = sum(weight for _, weight in shares)
    return sum(share * weight for share, weight in shares) / total if total else 0.0

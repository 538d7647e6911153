"""How much accuracy quantization costs: by layer, by output, and which of several candidates costs least."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf, isnan, log10
from typing import Literal, TypeVar

import numpy as np

from edgecomp.errors import DataError
from edgecomp.graph import Array

T = TypeVar("T")

BAD_BELOW_DB = 20.0  # noise of a tenth of the signal's amplitude; a healthy int8 layer has 25 to 45 dB
BAD_FALL_DB = 6.0  # noise that quadruples in one layer; rounding that merely accumulates rises by far less


class NoiseMeter:
    """Signal-to-quantization-noise ratio of one tensor over chunks of samples."""

    def __init__(self) -> None:
        self._signal = 0.0
        self._noise = 0.0

    def add(self, reference: Array, got: Array) -> None:
        """Take the true and the quantized real values, of equal size."""
        true = reference.ravel().astype(np.float64)
        noise = true - got.ravel()
        self._signal += float(true @ true)
        self._noise += float(noise @ noise)

    @property
    def db(self) -> float:
        """10 log10(sum reference^2 / sum (reference - got)^2); inf where all are equal, -inf where only the reference is zero."""
        if self._noise == 0.0:
            return inf
        return 10 * log10(self._signal / self._noise) if self._signal > 0.0 else -inf


def sqnr_db(reference: Array, got: Array) -> float:
    """Signal-to-quantization-noise ratio of `got` against `reference`, arrays of equal size, in dB; inf where they are equal."""
    meter = NoiseMeter()
    meter.add(reference, got)
    return meter.db


def layer_sqnr_db(chunks: Iterable[tuple[Mapping[str, Array], Mapping[str, Array]]]) -> dict[str, float]:
    """SQNR of each tensor, in dB, in the order of the first mapping.

    A chunk is (float values by tensor name, dequantized integer values by tensor name) of the same samples, [n, ...] each; tensors that
    only one of the two has are left out.
    """
    meters: dict[str, NoiseMeter] = {}
    for reference, got in chunks:
        for name in reference:
            if name in got:
                meters.setdefault(name, NoiseMeter()).add(reference[name], got[name])
    return {name: meter.db for name, meter in meters.items()}


@dataclass(frozen=True)
class BadLayer:
    """Where accuracy is lost: the layer's SQNR and the lowest of all layers before it (inf for the first), in dB."""

    name: str
    sqnr_db: float
    before_db: float


def first_bad_layer(sqnr_by_layer_db: Mapping[str, float], below_db: float = BAD_BELOW_DB, fall_db: float = BAD_FALL_DB) -> BadLayer | None:
    """The first layer, in order of execution, that is bad in itself; None where no layer is.

    Noise only adds up along a network, so a low SQNR late in it may have been caused anywhere. A layer is named where its SQNR is under
    `below_db` and at least `fall_db` under the lowest of all layers before it: the noise is large, and it entered here.
    """
    before = inf
    for name, value in sqnr_by_layer_db.items():
        if value < below_db and value <= before - fall_db:
            return BadLayer(name, value, before)
        before = min(before, value)
    return None


@dataclass(frozen=True, eq=False)
class Metric:
    """Accuracy of outputs [N, ...]: `top1`, a fraction, where there are `labels` [N]; else `sqnr_db` against `reference` [N, ...].

    `reference` holds the outputs of the float network (or of the QDQ model in ONNX Runtime).
    """

    reference: Array
    labels: Array | None = None

    @property
    def name(self) -> Literal["top1", "sqnr_db"]:
        """The metric's name in reports."""
        return "sqnr_db" if self.labels is None else "top1"

    def of(self, outputs: Array) -> float:
        """The metric of real or integer outputs (real ones for `sqnr_db`).

        Raises:
            DataError: there are labels and a label is not a class of the model.
        """
        return sqnr_db(self.reference, outputs) if self.labels is None else top1(outputs, self.labels)


def top1(outputs: Array, labels: Array) -> float:
    """Share of rows of `outputs` [N, ...] whose largest value stands at the row's label; of equals the first counts.

    Raises:
        DataError: a label is not a class of the model, or their number is not N.
    """
    scores = outputs.reshape(len(outputs), -1)
    if len(labels) != len(scores):
        raise DataError(f"y has {len(labels)} labels for {len(scores)} samples: one label a sample is needed")
    if len(labels) and int(labels.max()) >= scores.shape[1]:
        raise DataError(
            f"y holds class {int(labels.max())}, the model has {scores.shape[1]} outputs: classes 0 to {scores.shape[1] - 1} are allowed; "
            "leave y out where the outputs are not classes"
        )
    return float((scores.argmax(1) == labels).mean())


def choose(candidates: Mapping[str, T], error: Callable[[T], float]) -> tuple[str, dict[str, float]]:
    """The name of the candidate with the least error (of equals the first), and the error of each; a NaN counts as infinite.

    Raises:
        ValueError: there are no candidates.
    """
    errors = {name: error(candidate) for name, candidate in candidates.items()}
    errors = {name: inf if isnan(value) else value for name, value in errors.items()}
    return min(errors, key=lambda name: errors[name]), errors

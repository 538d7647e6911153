"""The stages joined: `load` a network, `quantize` it, `generate` C, `run` it on a board.

model = edgecomp.load("model.onnx")
quantized = model.quantize(x)
report = quantized.run("qemu_cortex_m4", x, y)
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgecomp.data.samples import Preprocessing
from edgecomp.errors import DataError, UnsupportedError
from edgecomp.frontend.onnx_import import load_graph
from edgecomp.graph import Array, Graph, Shape
from edgecomp.passes import simplify
from edgecomp.qgraph import INPUT_NOTE_KEY, IntArray, QGraph
from edgecomp.quant.fill import fill_gaps
from edgecomp.quant.floating import sample_shape
from edgecomp.quant.lowering import lower
from edgecomp.quant.qdq import INTEGER_INPUT_KEY, absorb_qdq, has_qdq, insert_qdq
from edgecomp.quant.quantize import needs_range, quantize, quantize_constants
from edgecomp.quant.scheme import Scheme
from edgecomp.removal import Removed, remove_work, unchanged
from edgecomp.skip.apply import apply
from edgecomp.skip.stored import METADATA_KEY as SKIP_KEY
from edgecomp.skip.stored import from_text, to_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgecomp.build import Sources
    from edgecomp.plan import Plan
    from edgecomp.quant.search import Calibration
    from edgecomp.report import RunReport
    from edgecomp.skip.rules import Rules
    from edgecomp.target import Target

    Progress = Callable[[int, int], None]

PREPROCESSING_KEY = "edgecomp.preprocessing"
CALIBRATION_KEY = "edgecomp.calibration"
PLACEHOLDER_RANGE = (-1.0, 1.0)


@dataclass(frozen=True, eq=False)
class Model:
    """A network as it came: float, or quantized (QDQ)."""

    path: str
    name: str
    sha256: str
    graph: Graph
    shapes: Mapping[str, Shape] = field(default_factory=dict)

    @property
    def is_quantized(self) -> bool:
        """Whether the file is QDQ and needs no calibration."""
        return has_qdq(self.graph)

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """How data become the input, as the file states it."""
        stored = self.graph.metadata.get(PREPROCESSING_KEY)
        try:
            return Preprocessing.from_dict(json.loads(stored)) if stored else Preprocessing()
        except ValueError as error:
            raise DataError(f"{self.path}: metadata {PREPROCESSING_KEY} is not what edgecomp writes: {error}") from error

    @cached_property
    def simplified(self) -> Graph:
        """The network after all passes; none moves a value across the Q and DQ nodes of a quantized file."""
        return simplify(self.graph)

    @property
    def input_shape(self) -> Shape:
        """ONNX shape of one sample of the first input, without a batch axis of one."""
        return sample_shape(self.graph.tensors[self.graph.inputs[0]].shape)

    def absorbed(self) -> QuantizedModel:
        """The quantization that a QDQ file states."""
        scheme = quantize_constants(fill_gaps(absorb_qdq(self.simplified)))
        stored = self.graph.metadata.get(SKIP_KEY)
        return QuantizedModel(self, scheme, self.preprocessing, rules=from_text(stored, self.path) if stored else {})

    def quantize(
        self,
        x: Array | None = None,
        *,
        preprocessing: Preprocessing | None = None,
        method: str = "auto",
        progress: Progress | None = None,
        source: str = "the calibration data",
    ) -> QuantizedModel:
        """Quantize to int8, calibrating on `x` [N, ...] (raw data, preprocessed here). A QDQ model keeps what it came with.

        Raises:
            DataError: no data, or data that do not fit the input.
        """
        preprocessing = preprocessing or self.preprocessing
        if self.is_quantized:
            return replace(self.absorbed(), preprocessing=preprocessing)
        if x is None or not len(x):
            raise DataError(f"{self.path}: a float model is calibrated on data; give some with --calib or --data")
        if len(self.graph.inputs) != 1:
            raise UnsupportedError(f"{self.path}: has {len(self.graph.inputs)} inputs {list(self.graph.inputs)}; data can be given for one")
        from edgecomp.quant.search import calibrate

        samples = preprocessing.apply(x, self.input_shape, source=source)
        calibration = calibrate(self.simplified, samples, method, progress)
        return QuantizedModel(self, calibration.scheme, preprocessing, calibration)

    def placeholder(self) -> QGraph:
        """The integer network with made-up ranges: right in all sizes, wrong in all values.

        No work is removed, for what is constant depends on the values. A quantized file has its own: there it is removed as in a run.
        """
        if self.is_quantized:
            return self.absorbed().qgraph
        graph = self.simplified
        return lower(quantize(graph, dict.fromkeys(needs_range(graph), PLACEHOLDER_RANGE)))


@dataclass(frozen=True, eq=False)
class QuantizedModel:
    """A network of integers, ready to be generated, built and run.

    `keep_dead_channels` leaves in what `removal.remove_work` would take out; the outputs are the same bits, at more work.
    `rules` say which products are left out because their outcome is predicted to be zero.
    """

    model: Model
    scheme: Scheme
    preprocessing: Preprocessing
    calibration: Calibration | None = None
    keep_dead_channels: bool = False
    rules: Rules = field(default_factory=dict)

    @cached_property
    def qgraph(self) -> QGraph:
        """The integer network as it is generated: without the channels that cannot matter, and under the rules."""
        return apply(self.dense, self.rules, self.model.path)

    @property
    def dense(self) -> QGraph:
        """The integer network that predicts nothing."""
        return self.lowered if self.keep_dead_channels else self._reduced[0]

    @property
    def removed(self) -> Removed:
        """What `qgraph` leaves out of `lowered`."""
        return unchanged(self.lowered) if self.keep_dead_channels else self._reduced[1]

    @cached_property
    def _reduced(self) -> tuple[QGraph, Removed]:
        return remove_work(self.lowered)

    @cached_property
    def lowered(self) -> QGraph:
        """The integer network with all channels of the float network."""
        qgraph = lower(self.scheme)
        notes = {INPUT_NOTE_KEY + qgraph.inputs[0].name: self.preprocessing.describe()}
        return replace(qgraph, name=self.model.name, metadata={**qgraph.metadata, **notes})

    def samples(self, x: Array, source: str = "the data") -> Array:
        """Raw data as model inputs [N, *input shape]: float32, or integers where the model's own input is an integer tensor."""
        return self.preprocessing.apply(x, self.model.input_shape, np.dtype(self._integer_input or "float32"), source)

    def buffers(self, samples: Array) -> IntArray:
        """Model inputs as the bytes that go into the arena, int8 [N, size]."""
        port = self.qgraph.inputs[0]
        if not self._integer_input:
            return port.to_buffer(self.scheme.quants[port.name].quantize(samples))
        offset = 128 if self._integer_input == "uint8" else 0
        return port.to_buffer((samples.astype(np.int16) - offset).astype(np.int8))

    @property
    def _integer_input(self) -> str | None:
        return self.scheme.graph.metadata.get(INTEGER_INPUT_KEY + self.scheme.graph.inputs[0])

    def to_onnx(self) -> bytes:
        """The standard QDQ file: opens in Netron, runs in ONNX Runtime, comes back to the same bits."""
        from edgecomp.frontend.onnx_export import to_model

        graph = insert_qdq(self.scheme)
        metadata = {**graph.metadata, PREPROCESSING_KEY: json.dumps(self.preprocessing.to_dict(), sort_keys=True)}
        if self.calibration:
            metadata[CALIBRATION_KEY] = self.calibration.method
        metadata.pop(SKIP_KEY, None)
        if self.rules:
            metadata[SKIP_KEY] = to_text(self.rules)
        serialized: bytes = to_model(replace(graph, metadata=metadata, name=self.model.name)).SerializeToString(deterministic=True)
        return serialized

    def layer_sqnr_db(self, x: Array) -> dict[str, float]:
        """SQNR in dB of each tensor against the float network on a few rows of raw data, in execution order."""
        from edgecomp.quant.search import layer_sqnr_db

        return dict(layer_sqnr_db(self.scheme, self.lowered, self.samples(x).astype(np.float32)))

    def plan(self, target: str | Target, optimize: str = "speed") -> Plan:
        """Kernels, weight layouts and arena offsets for a board.

        Raises:
            FitError: the model does not fit the board.
        """
        from edgecomp.plan import plan
        from edgecomp.target import Target, load_target

        return plan(self.qgraph, target if isinstance(target, Target) else load_target(target), optimize)

    def generate(self, target: str | Target, *, prefix: str | None = None, optimize: str = "speed") -> Sources:
        """The C library for a board."""
        from edgecomp.emit import emit

        return emit(self.plan(target, optimize), prefix)

    def run(self, target: str | Target, x: Array, y: Array | None = None, **options: Any) -> RunReport:
        """Generate, build, run, verify and measure; options as in `edgecomp.verify.run`."""
        from edgecomp.verify import run

        return run(self, target, x, y, **options)


def load(path: str | os.PathLike[str], shapes: Mapping[str, Shape] | None = None) -> Model:
    """Read an ONNX file; `shapes` fixes dynamic dimensions by input name.

    Raises:
        ModelError: the file is missing, broken, dynamic or not finite.
        UnsupportedError: an operator or attribute is not supported.
    """
    graph = load_graph(Path(path), shapes=shapes or {})
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return Model(os.fspath(path), Path(path).stem, digest, graph, dict(shapes or {}))


def foresee(path: str | os.PathLike[str], shapes: Mapping[str, Shape] | None = None) -> QGraph:
    """The integer network of a file without any data: exact in sizes, for `analyze`."""
    model = load(path, shapes)
    return replace(model.placeholder(), name=model.name)

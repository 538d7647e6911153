"""What must hold for any network: float and integers agree, files come back to the same bits, plans are sound."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import ModelProto

import edgecomp
from edgecomp import reference
from edgecomp.emit.fingerprint import fingerprint
from edgecomp.pipeline import QuantizedModel
from edgecomp.quant.quality import sqnr_db
from edgecomp.quant.search import dequantized

SAMPLES = 24
METHOD = "min-max"


def run_onnx(content: bytes, x: np.ndarray) -> list[np.ndarray]:
    """Every output of a model of batch 1 over samples [N, ...], as ONNX Runtime computes them node by node."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    rows = [session.run(None, {name: row[None]}) for row in x]
    return [np.stack([row[i] for row in rows]) for i in range(len(rows[0]))]


@dataclass(frozen=True)
class Trial:
    """A network brought through the whole of quantization."""

    proto: ModelProto
    folder: Path
    seed: int

    @cached_property
    def x(self) -> np.ndarray:
        """Samples [N, ...]: normal, with a tail."""
        shape = [dim.dim_value for dim in self.proto.graph.input[0].type.tensor_type.shape.dim]
        random = np.random.default_rng(self.seed)
        return random.normal(0, 1, (SAMPLES, *shape[1:])).astype(np.float32)

    @cached_property
    def quantized(self) -> QuantizedModel:
        """Imported from a file and quantized on the samples themselves."""
        path = self.folder / "drawn.onnx"
        path.write_bytes(self.proto.SerializeToString())
        return edgecomp.load(path).quantize(self.x, method=METHOD)

    @cached_property
    def floats(self) -> list[np.ndarray]:
        """Outputs of the network as it was drawn, [N, ...] each."""
        return run_onnx(self.proto.SerializeToString(), self.x)

    @cached_property
    def integers(self) -> list[np.ndarray]:
        """Output buffers of the reference."""
        buffers = self.quantized.buffers(self.quantized.samples(self.x))
        return reference.outputs(self.quantized.qgraph, [buffers])

    @cached_property
    def qdq(self) -> bytes:
        """The quantized network as ONNX."""
        return self.quantized.to_onnx()

    @cached_property
    def qdq_outputs(self) -> list[np.ndarray]:
        """What ONNX Runtime makes of the QDQ file."""
        return run_onnx(self.qdq, self.x)

    @cached_property
    def real(self) -> list[np.ndarray]:
        """The integers as real numbers."""
        return dequantized(self.quantized.qgraph, self.integers)

    @cached_property
    def absorbed(self) -> QuantizedModel:
        """The quantized network read back from its file."""
        path = self.folder / "drawn.qdq.onnx"
        path.write_bytes(self.qdq)
        return edgecomp.load(path).absorbed()

    def sqnr_db(self) -> list[float]:
        """Signal-to-noise ratio of each output against the float network."""
        return [sqnr_db(expected, got) for expected, got in zip(self.floats, self.real, strict=True)]

    def qdq_sqnr_db(self) -> list[float]:
        """The same for what ONNX Runtime makes of the QDQ file: what this quantization costs, whoever computes."""
        return [sqnr_db(expected, got) for expected, got in zip(self.floats, self.qdq_outputs, strict=True)]

    def sqnr_from_qdq_db(self) -> list[float]:
        """Signal-to-noise ratio of each output against what ONNX Runtime makes of the QDQ file."""
        return [sqnr_db(expected, got) for expected, got in zip(self.qdq_outputs, self.real, strict=True)]

    def steps_from_qdq(self) -> np.ndarray:
        """How many steps of its scale each output integer is away from what ONNX Runtime makes of the QDQ file."""
        qgraph = self.quantized.qgraph
        scales = [qgraph.tensors[port.tensor].scale for port in qgraph.outputs]
        triples = zip(self.qdq_outputs, self.real, scales, strict=True)
        return np.concatenate([np.abs(a - b.reshape(a.shape)).ravel() / scale for a, b, scale in triples])

    def same_when_read_back(self) -> bool:
        """Whether the QDQ file gives the same firmware."""
        return fingerprint(self.absorbed.qgraph) == fingerprint(self.quantized.qgraph)

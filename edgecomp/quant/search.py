"""Calibration from data to a Scheme: one method, or the better one by measured output error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgecomp import reference
from edgecomp.graph import Array, Graph
from edgecomp.qgraph import IntArray, QGraph
from edgecomp.quant import quality
from edgecomp.quant.calibrate import METHODS, collect, ranges
from edgecomp.quant.floating import FloatModel
from edgecomp.quant.lowering import lower
from edgecomp.quant.quality import choose, sqnr_db
from edgecomp.quant.quantize import corrected_inputs, needs_range, quantize
from edgecomp.quant.scheme import Scheme

AUTO = "auto"
CORRECTED = " + bias correction"
JUDGED_SAMPLES = 64  # of the calibration data, on which methods are compared
LAYER_SAMPLES = 16  # on which the quality of each layer is measured
MOST_DB = 200.0
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Calibration:
    """A scheme, the method that gave it, and how the methods compared: output SQNR in dB by method."""

    scheme: Scheme
    method: str
    output_sqnr_db: Mapping[str, float]


def finite(db: float) -> float:
    """A ratio within -MOST_DB..MOST_DB, for JSON has no infinity; MOST_DB means equal."""
    return max(-MOST_DB, min(MOST_DB, db))


def calibrate(graph: Graph, samples: Array, method: str = AUTO, progress: Progress | None = None) -> Calibration:
    """Measure ranges on `samples` [N, *input shape] and quantize; "auto" takes what has the least output error.

    "auto" tries every method with and without bias correction.

    The error is measured on integers, as the firmware computes them, against the float network on the same samples.
    """
    names = dict.fromkeys((*needs_range(graph), *corrected_inputs(graph)))
    statistics = collect(graph, samples, tuple(names), progress)
    judged = samples[-JUDGED_SAMPLES:]
    expected = FloatModel(graph).predict(judged)
    means = {name: statistics[name].channel_means for name in corrected_inputs(graph)}
    schemes: dict[str, Scheme] = {}
    for name in METHODS if method == AUTO else (method,):
        measured = ranges(statistics, name)
        schemes[name] = quantize(graph, measured)
        if method == AUTO:
            schemes[name + CORRECTED] = quantize(graph, measured, means)

    def error_db(scheme: Scheme) -> float:
        return -finite(sqnr_db(expected, real_outputs(lower(scheme), judged, scheme)[0].reshape(expected.shape)))

    best, errors = choose(schemes, error_db)
    return Calibration(schemes[best], best, {name: -db for name, db in errors.items()})


def input_buffers(qgraph: QGraph, samples: Array, scheme: Scheme) -> list[IntArray]:
    """Float samples of the first input as buffers."""
    port = qgraph.inputs[0]
    return [port.to_buffer(scheme.quants[port.name].quantize(samples))]


def real_outputs(qgraph: QGraph, samples: Array, scheme: Scheme) -> list[Array]:
    """The integer network's outputs as real values, [N, *shape] a port."""
    return dequantized(qgraph, reference.outputs(qgraph, input_buffers(qgraph, samples, scheme)))


def dequantized(qgraph: QGraph, buffers: Sequence[IntArray]) -> list[Array]:
    """Output buffers as real values in the shapes of the ONNX outputs."""
    result = []
    for port, buffer in zip(qgraph.outputs, buffers, strict=True):
        tensor = qgraph.tensors[port.tensor]
        result.append(((port.from_buffer(buffer).astype(np.float64) - tensor.zero_point) * float(tensor.scale)).astype(np.float32))
    return result


def layer_sqnr_db(scheme: Scheme, qgraph: QGraph, samples: Array) -> Mapping[str, float]:
    """SQNR in dB of each integer tensor against the float network, in execution order, on a few samples."""
    samples = samples[:LAYER_SAMPLES]
    names = [node.output for node in qgraph.nodes if qgraph.tensors[node.output].permutation is not None]
    chunks = list(FloatModel(scheme.graph, outputs=names).run(samples))
    floats = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in names}
    values = reference.evaluate(qgraph, input_buffers(qgraph, samples, scheme), keep=lambda name: name in floats)
    real = {}
    for name in names:
        tensor = qgraph.tensors[name]
        axes = (0, *(axis + 1 for axis in tensor.permutation or ()))
        floats[name] = floats[name].reshape(len(samples), *scheme.graph.tensors[name].shape).transpose(axes)
        real[name] = (values[name].astype(np.float64) - tensor.zero_point) * tensor.scale
    return {name: finite(db) for name, db in quality.layer_sqnr_db([(floats, real)]).items()}

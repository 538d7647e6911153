"""Run a quantized network on a board and hold it against the numpy reference: from a plan to a RunReport."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgecomp import reference
from edgecomp.assembly import Ran, assemble
from edgecomp.build import Firmware, Sources, build
from edgecomp.emit import emit
from edgecomp.errors import DataError
from edgecomp.graph import Array
from edgecomp.mistakes import confusion, worst_samples
from edgecomp.plan import Plan
from edgecomp.qgraph import IntArray, QGraph
from edgecomp.quant.floating import FloatModel, sample_shape
from edgecomp.quant.quality import Metric
from edgecomp.quant.search import dequantized, finite, layer_sqnr_db
from edgecomp.report import Accuracy, BitExact, Difference, Outputs, RunReport
from edgecomp.run import Connection, Execution, execute
from edgecomp.skip.facts import rates
from edgecomp.target import Target, load_target

if TYPE_CHECKING:
    from edgecomp.pipeline import QuantizedModel

Progress = Callable[[int, int], None]
Watch = Callable[[str], AbstractContextManager[Progress]]
DEFAULT_TIMEOUT_S = 300.0
COUNTED_SAMPLES = 64
"""Samples at most over which the products are counted that are executed."""


def unwatched(_: str) -> AbstractContextManager[Progress]:
    """Progress that nobody looks at."""
    return nullcontext(lambda done, total: None)


@dataclass(frozen=True)
class RunOptions:
    """How to run; `watch` gives a progress function for a described piece of work."""

    optimize: str = "speed"
    timeout_s: float = DEFAULT_TIMEOUT_S
    profiled_samples: int = 5
    sanitize: bool = False
    build_only: bool = False
    watch: Watch = unwatched
    transport: str | None = None
    """One of the board's; None for its default."""
    connection: Connection = field(default_factory=Connection)


@dataclass(frozen=True, eq=False)
class Built:
    """A plan and the program made of it, which lies in a folder of the caller's."""

    plan: Plan
    firmware: Firmware
    target: Target
    sources: Sources


@dataclass(frozen=True, eq=False)
class Checked:
    """What a board computed over some buffers, and how it compares with the reference; arrays are by output port."""

    execution: Execution
    exact: BitExact
    expected: Sequence[IntArray]
    got: Sequence[IntArray]


def build_firmware(quantized: QuantizedModel, target: Target, directory: Path, options: RunOptions) -> Built:
    """Plan, generate and build into `directory`, so that `run_built` may run the program any number of times.

    Raises:
        FitError, ToolError, OutputError: as the stages say.
    """
    plan = quantized.plan(target, options.optimize)
    sources = emit(plan)
    with options.watch("building") as progress:
        firmware = build(
            sources,
            target,
            directory,
            sanitize=options.sanitize,
            progress=progress,
            optimize=options.optimize,
            transport=options.transport,
        )
    return Built(plan, firmware, target, sources)


def check(built: Built, buffers: IntArray, rows: Array, options: RunOptions) -> Checked:
    """Run model inputs as `QuantizedModel.buffers` gives them, int8 [N, size], and compare every output bit with the reference.

    `rows` [N] names the samples in a difference.

    Raises:
        ToolError, RunError: as the runner says.
    """
    plan, firmware, target = built.plan, built.firmware, built.target
    with options.watch("reference") as progress:
        expected = reference.outputs(plan.qgraph, [buffers], progress)
    with options.watch(f"running on {target.name}") as progress:
        execution = _execute(plan, firmware, target, buffers, options, progress)
    got = _split(plan, execution.outputs.view(np.int8))
    exact = _compare(plan, expected, got, rows, lambda row: _trace(plan, firmware, target, buffers[row : row + 1], options))
    return Checked(execution, exact, expected, got)


def run(
    quantized: QuantizedModel,
    board: str | Target,
    x: Array,
    y: Array | None = None,
    *,
    index: Array | None = None,
    classes: Sequence[str] | None = None,
    source: str = "the data",
    options: RunOptions | None = None,
) -> RunReport:
    """Generate, build, run over `x` [N, ...] (raw data), verify against the reference and measure.

    `y` [N] are labels, `index` [N] the rows of the data file that `x` holds, `classes` names.

    Raises:
        FitError, ToolError, RunError, DataError: as the stages say.
    """
    options = options or RunOptions()
    target = board if isinstance(board, Target) else load_target(board)
    quantized.samples(x, source)  # data that do not fit the model are refused before anything is built
    _check_labels(quantized.qgraph, y, source)
    with tempfile.TemporaryDirectory(prefix="edgecomp-") as directory:
        built = build_firmware(quantized, target, Path(directory), options)
        if options.build_only:
            return assemble(quantized, built.plan, built.firmware, target, None)
        return run_built(quantized, built, x, y, index=index, classes=classes, source=source, options=options)


def run_built(
    quantized: QuantizedModel,
    built: Built,
    x: Array,
    y: Array | None = None,
    *,
    index: Array | None = None,
    classes: Sequence[str] | None = None,
    source: str = "the data",
    options: RunOptions | None = None,
) -> RunReport:
    """The part of `run` behind the build: run what `build_firmware` made of `quantized`, verify and measure.

    Raises:
        RunError, DataError: as the stages say.
    """
    options = options or RunOptions()
    plan = built.plan
    samples = quantized.samples(x, source)
    _check_labels(plan.qgraph, y, source)
    buffers = quantized.buffers(samples)
    rows = np.arange(len(x)) if index is None else np.asarray(index)
    checked = check(built, buffers, rows, options)
    with options.watch("float model") as progress:
        floats = true_outputs(quantized, samples, progress)
    accuracy = _accuracy(plan, floats, checked.expected, checked.got, y)
    layers = layer_sqnr_db(quantized.scheme, quantized.lowered, samples.astype(np.float32)) if quantized.calibration else {}
    ported = _first_output(plan.qgraph, checked.got)
    real = dequantized(plan.qgraph, checked.got)[0].reshape(ported.shape)
    outputs = Outputs(rows, ported, real, floats)
    executed = reference.executed_macs(plan.qgraph, [buffers[:COUNTED_SAMPLES]])
    found = Ran(
        execution=checked.execution,
        exact=checked.exact,
        accuracy=accuracy,
        outputs=outputs,
        sqnr_db=layers,
        executed_macs=executed,
        skip_rates=rates(quantized, buffers[:COUNTED_SAMPLES]),
        confusion=None if y is None else confusion(real, y, classes),
        worst_samples=worst_samples(x, rows, real, floats, y),
    )
    return assemble(quantized, plan, built.firmware, built.target, found)


def _check_labels(qgraph: QGraph, y: Array | None, source: str) -> None:
    classes = prod(sample_shape(qgraph.outputs[0].shape))
    if y is not None and len(y) and int(y.max()) >= classes:
        raise DataError(
            f"{source}: y holds class {int(y.max())}, the model has {classes} outputs: classes 0 to {classes - 1} are allowed; "
            "leave y out where the outputs are not classes"
        )


def predict(quantized: QuantizedModel, board: str | None, x: Array, source: str = "the data") -> tuple[Array, Array]:
    """Raw integers and real values of the first output over raw data `x`, on a board or, for None, by the reference."""
    if board is not None:
        found = run(quantized, board, x, source=source).outputs
        assert found is not None
        return found.target, found.target_float
    buffers = quantized.buffers(quantized.samples(x, source))
    got = reference.outputs(quantized.qgraph, [buffers])
    integers = _first_output(quantized.qgraph, got)
    return integers, dequantized(quantized.qgraph, got)[0].reshape(integers.shape)


def _first_output(qgraph: QGraph, buffers: Sequence[IntArray]) -> IntArray:
    """The integers of the first output, [N, *shape of a sample]."""
    port = qgraph.outputs[0]
    return port.from_buffer(buffers[0]).reshape(len(buffers[0]), *sample_shape(port.shape))


def _execute(plan: Plan, firmware: Firmware, target: Target, buffers: IntArray, options: RunOptions, progress: Progress) -> Execution:
    size = sum(plan.qgraph.tensors[port.tensor].bytes for port in plan.qgraph.outputs)
    inputs = np.ascontiguousarray(buffers).view(np.uint8)
    return execute(
        firmware,
        target,
        inputs,
        size,
        len(plan.steps),
        timeout_s=options.timeout_s,
        progress=progress,
        profiled_samples=options.profiled_samples,
        connection=options.connection,
    )


def _split(plan: Plan, raw: IntArray) -> list[IntArray]:
    """Outputs as they came, one after the other, by port."""
    sizes = [plan.qgraph.tensors[port.tensor].bytes for port in plan.qgraph.outputs]
    return np.split(raw, np.cumsum(sizes)[:-1], axis=1)


def _trace(plan: Plan, firmware: Firmware, target: Target, buffer: IntArray, options: RunOptions) -> Difference | None:
    """The first layer of one sample that differs from the reference."""
    size = sum(plan.qgraph.tensors[port.tensor].bytes for port in plan.qgraph.outputs)
    raw = np.ascontiguousarray(buffer).view(np.uint8)
    layers, limit_s, connection = len(plan.steps), options.timeout_s, options.connection
    run = execute(firmware, target, raw, size, layers, timeout_s=limit_s, trace=True, profiled_samples=0, connection=connection)
    expected = reference.evaluate(plan.qgraph, [buffer], keep=lambda name: True)
    for layer, (step, got) in enumerate(zip(plan.steps, run.trace or (), strict=True)):
        wanted = expected[step.node.output].reshape(-1)
        found = got.view(np.int8).reshape(-1)
        wrong = np.flatnonzero(wanted != found)
        if len(wrong):
            at = int(wrong[0])
            return Difference(0, layer, step.node.layer, at, int(wanted[at]), int(found[at]))
    return None


def _compare(plan: Plan, expected: list[IntArray], got: list[IntArray], rows: Array, trace: Callable[[int], Difference | None]) -> BitExact:
    """Every output integer against the reference; a difference is traced to its layer."""
    wanted, found = np.concatenate(expected, axis=1), np.concatenate(got, axis=1)
    wrong = np.argwhere(wanted != found)
    if not len(wrong):
        return BitExact(True, int(wanted.size), None)
    row, at = (int(v) for v in wrong[0])
    layer = trace(row)
    if layer is None:
        return BitExact(False, int(wanted.size), Difference(int(rows[row]), None, None, at, int(wanted[row, at]), int(found[row, at])))
    first = Difference(int(rows[row]), layer.layer, layer.layer_name, layer.index, layer.reference, layer.target)
    return BitExact(False, int(wanted.size), first)


def true_outputs(quantized: QuantizedModel, samples: Array, progress: Progress) -> Array:
    """Real values of the first output of the model as it came, in ONNX Runtime: the float model, or the QDQ model."""
    values = FloatModel(quantized.model.graph).predict(samples, progress)
    if np.issubdtype(values.dtype, np.floating):
        return values
    tensor = quantized.qgraph.tensors[quantized.qgraph.outputs[0].tensor]
    zero_point = tensor.zero_point + (128 if values.dtype == np.uint8 else 0)  # uint8 of the file is int8 here, 128 lower
    real: Array = ((values.astype(np.int32) - zero_point) * tensor.scale).astype(np.float32)
    return real


def _accuracy(plan: Plan, floats: Array, expected: Sequence[IntArray], got: Sequence[IntArray], y: Array | None) -> Accuracy:
    quantized, target = (dequantized(plan.qgraph, buffers)[0].reshape(floats.shape) for buffers in (expected, got))
    metric = Metric(floats, y)
    truth = None if y is None else metric.of(floats)
    return Accuracy(metric.name, truth, finite(metric.of(quantized)), finite(metric.of(target)))

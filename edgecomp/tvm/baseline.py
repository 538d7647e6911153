"""The same float model, compiled by TVM for the same board and run on the same data: what a user would have without edgecomp."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgecomp.build import Firmware, Sources, build
from edgecomp.elf import ElfFile
from edgecomp.errors import FitError, ToolError
from edgecomp.graph import Array
from edgecomp.plan import CONTEXT_BYTES
from edgecomp.quant.quality import Metric
from edgecomp.quant.search import finite
from edgecomp.report import Accuracy, LayerFacts, Memory, ModelFacts, Outputs, PerInference, RunReport, TargetFacts, Transport
from edgecomp.run import Execution, execute
from edgecomp.target import Target, load_target
from edgecomp.tvm.c_model import sources
from edgecomp.tvm.compile import CompiledModel, Region, compile_float
from edgecomp.verify import RunOptions, true_outputs

if TYPE_CHECKING:
    from edgecomp.pipeline import QuantizedModel

METHOD = "float32 by TVM"
SOFT_FLOAT_SYMBOLS = ("__aeabi_fmul", "__mulsf3")
"""Multiplication of the compiler's float library: linked where the core, or the board's flags, have no floating point."""


def compile_baseline(quantized: QuantizedModel) -> CompiledModel:
    """The float network of a model, simplified as ours is, compiled by TVM.

    Raises:
        ToolError: TVM is missing.
        UnsupportedError: TVM cannot compile the network.
    """
    return compile_float(quantized.scheme.graph)


def run(
    quantized: QuantizedModel,
    board: str | Target,
    x: Array,
    y: Array | None = None,
    *,
    index: Array | None = None,
    source: str = "the data",
    options: RunOptions | None = None,
    compiled: CompiledModel | None = None,
) -> RunReport:
    """Build TVM's program, run it over `x` [N, ...] (raw data) and measure, as `edgecomp.verify.run` does with ours.

    `compiled` comes from `compile_baseline`. The report's `bit_exact` and `accuracy.quantized` are None: TVM computes in float32.

    Raises:
        FitError, ToolError, UnsupportedError, RunError, DataError: as the stages say.
    """
    options = options or RunOptions()
    target = board if isinstance(board, Target) else load_target(board)
    compiled = compiled or compile_baseline(quantized)
    model = sources(compiled)
    with tempfile.TemporaryDirectory(prefix="edgecomp-") as directory:
        firmware = _built(model, target, Path(directory), options)
        notes = _notes(quantized, compiled, firmware)
        if options.build_only:
            return _report(quantized, compiled, model, firmware, target, notes)
        samples = quantized.samples(x, source)
        inputs = np.ascontiguousarray(_float_inputs(quantized, samples, compiled.inputs[0]).reshape(len(x), -1))
        with options.watch(f"running TVM's program on {target.name}") as progress:
            execution = execute(
                firmware,
                target,
                inputs.view(np.uint8),
                sum(region.bytes for region in compiled.outputs),
                len(compiled.calls),
                timeout_s=options.timeout_s,
                progress=progress,
                profiled_samples=options.profiled_samples,
                connection=options.connection,
            )
    with options.watch("float model") as progress:
        floats = true_outputs(quantized, samples, progress)
    first = compiled.outputs[0]
    got = np.ascontiguousarray(execution.outputs[:, : first.bytes]).view(first.dtype).reshape(floats.shape)
    metric = Metric(floats, y)
    accuracy = Accuracy(metric.name, None if y is None else metric.of(floats), None, finite(metric.of(got)))
    rows = np.arange(len(x)) if index is None else np.asarray(index)
    outputs = Outputs(rows, got, got, floats)
    return _report(quantized, compiled, model, firmware, target, notes, execution, accuracy, outputs)


def _built(model: Sources, target: Target, directory: Path, options: RunOptions) -> Firmware:
    try:
        with options.watch("building TVM's program") as progress:
            return build(
                model,
                target,
                directory,
                sanitize=options.sanitize,
                progress=progress,
                optimize=options.optimize,
                transport=options.transport,
            )
    except (FitError, ToolError) as error:
        raise type(error)(f"the baseline that TVM compiled: {error}; leave out --engine tvm to run without it") from error


def _float_inputs(quantized: QuantizedModel, samples: Array, region: Region) -> Array:
    """What the float network reads; where the model's own input is an integer tensor, the real values its integers stand for."""
    if np.issubdtype(samples.dtype, np.floating):
        return samples.astype(region.dtype)
    port = quantized.qgraph.inputs[0]
    integers = port.from_buffer(quantized.buffers(samples))
    return quantized.scheme.quants[port.name].dequantize(integers).astype(region.dtype)


def _notes(quantized: QuantizedModel, compiled: CompiledModel, firmware: Firmware) -> list[str]:
    """What a reader of the figures must know."""
    notes = [f"Compiled by TVM {compiled.tvm_version} to C with its default schedules, not tuned; float32 has no bit-exact contract."]
    if quantized.model.is_quantized:
        notes.append("The file is quantized (QDQ): TVM's program takes its weights as float32 and rounds no activation.")
    image = ElfFile(firmware.elf)
    if any(image.symbol_address(name) is not None for name in SOFT_FLOAT_SYMBOLS):
        notes.append("The board is built without floating point in hardware: TVM's program computes in the compiler's soft float.")
    return notes


def _report(
    quantized: QuantizedModel,
    compiled: CompiledModel,
    model: Sources,
    firmware: Firmware,
    target: Target,
    notes: list[str],
    execution: Execution | None = None,
    accuracy: Accuracy | None = None,
    outputs: Outputs | None = None,
) -> RunReport:
    stack_bytes = execution.stack_bytes if execution else None
    if stack_bytes is None:
        notes = [*notes, "The stack of TVM's program was not measured: its RAM is without it."]
    if execution and execution.counting_note:
        notes = [*notes, execution.counting_note]
    cycle_notes = [execution.cycle_model_note] if execution and execution.cycle_model_note else []
    macs_executed = sum(call.macs for call in compiled.calls)
    return RunReport(
        model=ModelFacts(
            quantized.model.name,
            quantized.model.sha256,
            hashlib.sha256("".join(text for _, text in sorted(model.files.items())).encode()).hexdigest(),
            quantized.lowered.macs,
            quantized.scheme.graph.parameters,
        ),
        target=TargetFacts(
            target.name, target.core, target.counter, execution.cycle_model if execution else None, (*target.notes, *cycle_notes)
        ),
        samples=len(outputs.index) if outputs else 0,
        outputs_sha256=hashlib.sha256(np.ascontiguousarray(execution.outputs).tobytes()).hexdigest() if execution else None,
        accuracy=accuracy,
        bit_exact=None,
        per_inference=PerInference(
            execution.instructions if execution else None,
            execution.estimated_cycles if execution else None,
            execution.cycles if execution else None,
            macs_executed,
        ),
        memory=Memory(
            arena_bytes=compiled.tensor_bytes,
            scratch_bytes=compiled.workspace_bytes,
            stack_bytes=stack_bytes,
            flash_bytes=firmware.flash_bytes,
            code_bytes=firmware.code_bytes,
            weight_bytes=compiled.weight_bytes,
            ram_bytes=compiled.tensor_bytes + compiled.workspace_bytes + CONTEXT_BYTES + (stack_bytes or 0),
            arena_used_bytes=execution.arena_used_bytes if execution else None,
        ),
        transport=Transport(firmware.transport, execution.frames, execution.retries) if execution else None,
        layers=_layers(compiled, execution),
        toolchain={"compiler": firmware.toolchain, "flags": list(target.cflags), "tvm": compiled.tvm_version},
        quantization={"method": METHOD, "output_sqnr_db": None},
        warnings=notes,
        outputs=outputs,
    )


def _layers(compiled: CompiledModel, execution: Execution | None) -> tuple[LayerFacts, ...]:
    instructions = execution.layer_instructions if execution else None
    estimated = execution.layer_estimated_cycles if execution else None
    cycles = execution.layer_cycles if execution else None
    return tuple(
        LayerFacts(
            index=i,
            name=call.function,
            op=call.function.removeprefix("fused_"),
            kernel="C by TVM",
            macs=call.macs,
            macs_skipped=0,
            instructions=instructions[i] if instructions else None,
            estimated_cycles=estimated[i] if estimated else None,
            cycles=cycles[i] if cycles else None,
            sqnr_db=None,
        )
        for i, call in enumerate(compiled.calls)
    )

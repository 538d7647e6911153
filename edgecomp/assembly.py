"""From a plan, the program made of it and what ran to the RunReport."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from edgecomp import __version__
from edgecomp.build import Firmware
from edgecomp.emit.fingerprint import fingerprint
from edgecomp.memory_facts import arena_buffers, flash_sections
from edgecomp.plan import CONTEXT_BYTES, Plan
from edgecomp.plan.bookkeeping import LayerBook, keep_books
from edgecomp.plan.cost import best_instructions_per_mac, why_slow
from edgecomp.plan.types import Step
from edgecomp.quant.quality import first_bad_layer
from edgecomp.report import (
    Accuracy,
    BitExact,
    Confusion,
    LayerFacts,
    Memory,
    ModelFacts,
    Outputs,
    PerInference,
    Removal,
    RunReport,
    SkipFacts,
    TargetFacts,
    Transport,
    WorstSample,
)
from edgecomp.run import Execution
from edgecomp.skip.facts import NAMES, Rates, mask_text, places, threshold_text
from edgecomp.skip.rules import Perforated, Rule, Spatial
from edgecomp.target import Target
from edgecomp.thumbnail import MAP, Thumbnail

if TYPE_CHECKING:
    from edgecomp.pipeline import QuantizedModel


@dataclass(frozen=True, eq=False)
class Ran:
    """What a run found. `sqnr_db`, `executed_macs` and `skip_rates` are by the name of the tensor that a layer writes."""

    execution: Execution
    exact: BitExact
    accuracy: Accuracy
    outputs: Outputs
    sqnr_db: Mapping[str, float]
    executed_macs: Mapping[str, float]
    skip_rates: Mapping[str, Rates]
    confusion: Confusion | None
    worst_samples: tuple[WorstSample, ...]


def assemble(quantized: QuantizedModel, plan: Plan, firmware: Firmware, target: Target, ran: Ran | None) -> RunReport:
    """The report; what only a run can tell is null without one."""
    execution = ran.execution if ran else None
    sqnr_db = ran.sqnr_db if ran else {}
    layers = _layers(quantized, plan, ran)
    calibration = quantized.calibration
    return RunReport(
        model=ModelFacts(
            quantized.model.name,
            quantized.model.sha256,
            fingerprint(plan.qgraph),
            quantized.lowered.macs,
            quantized.scheme.graph.parameters,
        ),
        target=_target(target, execution),
        samples=len(ran.outputs.index) if ran else 0,
        outputs_sha256=hashlib.sha256(np.ascontiguousarray(execution.outputs).tobytes()).hexdigest() if execution else None,
        accuracy=ran.accuracy if ran else None,
        bit_exact=ran.exact if ran else None,
        per_inference=PerInference(
            execution.instructions if execution else None,
            execution.estimated_cycles if execution else None,
            execution.cycles if execution else None,
            plan.qgraph.macs - sum(layer.macs_skipped for layer in layers),
        ),
        removal=Removal.of(quantized.removed),
        memory=_memory(plan, firmware, execution),
        transport=Transport(firmware.transport, execution.frames, execution.retries) if execution else None,
        layers=layers,
        toolchain={"compiler": firmware.toolchain, "flags": list(target.cflags), "edgecomp": __version__},
        quantization={
            "method": calibration.method if calibration else "as the file states",
            "output_sqnr_db": dict(calibration.output_sqnr_db) if calibration else None,
        },
        warnings=_warnings(execution, sqnr_db),
        outputs=ran.outputs if ran else None,
        confusion=ran.confusion if ran else None,
        worst_samples=ran.worst_samples if ran else None,
    )


def _target(target: Target, execution: Execution | None) -> TargetFacts:
    notes = [*target.notes, *([execution.cycle_model_note] if execution and execution.cycle_model_note else [])]
    model = execution.cycle_model if execution else None
    return TargetFacts(target.name, target.core, target.counter, model, tuple(notes), target.flash_bytes, target.ram_bytes)


def _memory(plan: Plan, firmware: Firmware, execution: Execution | None) -> Memory:
    stack_bytes = execution.stack_bytes if execution else None
    return Memory(
        arena_bytes=plan.arena_bytes,
        scratch_bytes=plan.scratch_bytes,
        stack_bytes=stack_bytes,
        flash_bytes=firmware.flash_bytes,
        code_bytes=firmware.code_bytes,
        weight_bytes=plan.weight_bytes,
        ram_bytes=plan.memory_bytes + CONTEXT_BYTES + (plan.stack_bytes if stack_bytes is None else stack_bytes),
        arena_used_bytes=execution.arena_used_bytes if execution else None,
        buffers=arena_buffers(plan),
        flash_sections=flash_sections(plan, firmware),
    )


def _layers(quantized: QuantizedModel, plan: Plan, ran: Ran | None) -> tuple[LayerFacts, ...]:
    books = keep_books(plan).layers
    rules = _rules_by_step(quantized, plan)
    return tuple(_layer(plan, step, book, ran, rules.get(book.index)) for step, book in zip(plan.steps, books, strict=True))


def _layer(plan: Plan, step: Step, book: LayerBook, ran: Ran | None, ruled: tuple[str, Rule] | None) -> LayerFacts:
    execution = ran.execution if ran else None
    macs, output = book.work.macs, step.node.output
    executed = ran.executed_macs.get(output, macs) if ran else macs
    instructions = execution.layer_instructions[book.index] if execution and execution.layer_instructions else None
    core, isa = plan.target.core, step.kernel.isa
    return LayerFacts(
        index=book.index,
        name=book.name,
        op=book.op,
        kernel=book.kernel,
        macs=macs,
        macs_skipped=round(macs - executed),
        instructions=instructions,
        estimated_cycles=execution.layer_estimated_cycles[book.index] if execution and execution.layer_estimated_cycles else None,
        cycles=execution.layer_cycles[book.index] if execution and execution.layer_cycles else None,
        sqnr_db=ran.sqnr_db.get(output) if ran else None,
        note=None if instructions is None else why_slow(step.op, core, isa, instructions),
        describe=book.describe,
        input_bytes=book.input_bytes,
        output_bytes=book.output_bytes,
        constant_bytes=book.constant_bytes,
        best_instructions_per_mac=best_instructions_per_mac(step.op, core),
        skip=_skip(*ruled, ran.skip_rates if ran else {}) if ruled else None,
    )


def _rules_by_step(quantized: QuantizedModel, plan: Plan) -> dict[int, tuple[str, Rule]]:
    """The tensor a rule is judged on and the rule, by the index of the layer that follows it; a plan may join more layers to it."""
    found = {}
    for node in quantized.qgraph.nodes:
        if node.output in quantized.rules:
            serving = (index for index, step in enumerate(plan.steps) if f"{step.node.layer}+".startswith(f"{node.layer}+"))
            index = next(serving, None)
            if index is not None:
                found[index] = (node.output, quantized.rules[node.output])
    return found


def _skip(tensor: str, rule: Rule, rates: Mapping[str, Rates]) -> SkipFacts:
    known = rates.get(tensor)
    shares = Thumbnail.of(places(rule), MAP, 0.0, 1.0) if isinstance(rule, Spatial | Perforated) else None
    zero_rate, false_zero_rate = (known.zero_rate, known.false_zero_rate) if known else (None, None)
    return SkipFacts(NAMES[type(rule)], mask_text(rule), threshold_text(rule), zero_rate, false_zero_rate, shares)


def _warnings(execution: Execution | None, sqnr_db: Mapping[str, float]) -> list[str]:
    warnings = [execution.counting_note] if execution and execution.counting_note else []
    bad = first_bad_layer(sqnr_db)
    if bad is not None:
        before = f", layers before it {bad.before_db:.1f} dB or more" if isfinite(bad.before_db) else ""
        warnings.append(f"accuracy is first lost in {bad.name!r}: SQNR {bad.sqnr_db:.1f} dB{before}")
    return warnings

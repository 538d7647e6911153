"""Where a plan's bytes lie: feature maps in the arena over time, and flash by what it holds."""

from __future__ import annotations

from edgecomp.build import Firmware
from edgecomp.plan import Plan
from edgecomp.report import BufferFacts, FlashSection

INPUT, OUTPUT, MAP, SCRATCH = "input", "output", "map", "scratch"


def arena_buffers(plan: Plan) -> tuple[BufferFacts, ...]:
    """Every tensor in the arena and the scratch of every layer, in order of time."""
    inputs, outputs = ({port.tensor for port in ports} for ports in (plan.qgraph.inputs, plan.qgraph.outputs))
    writers = {step.node.output: index for index, step in enumerate(plan.steps)}
    found = []
    for name, buffer in plan.buffers.items():
        role = INPUT if name in inputs else OUTPUT if name in outputs else MAP
        steps = (buffer.first_step, buffer.last_step)
        found.append(BufferFacts(name, role, buffer.offset_bytes, buffer.bytes, *steps, writers.get(name)))
    for index, step in enumerate(plan.steps):
        if step.scratch:
            found.append(BufferFacts(step.node.layer, SCRATCH, step.scratch.offset_bytes, step.scratch.bytes, index, index, index))
    return tuple(sorted(found, key=lambda buffer: (buffer.first_layer, buffer.offset_bytes)))


def flash_sections(plan: Plan, firmware: Firmware) -> tuple[FlashSection, ...]:
    """What the flash of the model and its runtime holds; the sum is `Firmware.flash_bytes`."""
    constants = firmware.model.rodata + firmware.model.data
    weights = min(plan.weight_bytes, constants)
    parts = {"weights": weights, "code": firmware.model.code, "parameters and names": constants - weights}
    return tuple(FlashSection(name, size) for name, size in parts.items() if size)

"""Boards in QEMU: semihosting carries the data, a TCG plugin counts."""

import shutil
from collections.abc import Sequence

from edgecomp.errors import RunError, ToolError
from edgecomp.run.batches import batches_of, collect, run_batches
from edgecomp.run.cycles import CycleEstimate, estimate_cycles, find_timing_model
from edgecomp.run.disassembly import disassemble
from edgecomp.run.execution import Execution, Request
from edgecomp.run.profile import Profile, build_plugin, plugin_options, read_profile
from edgecomp.target import BOARD_FILE


class QemuRunner:
    """Runs the program in QEMU, in one process a core; the first samples under the profiler, the others without."""

    transport = "semihosting"

    def execute(self, request: Request) -> Execution:
        """Run all samples; see `Runner`."""
        emulator = _find_emulator(request)
        if request.trace:
            return _execute(request, emulator, "instructions are not counted while layers are traced")
        try:
            return _execute(request, emulator, None)
        except _NoProfiler as problem:
            return _execute(request, emulator, str(problem))


class _NoProfiler(Exception):
    """The profiler cannot be built or loaded; the run is possible without it."""


def _find_emulator(request: Request) -> str:
    target = request.target
    found = shutil.which(target.emulator)
    if not found:
        package = target.emulator_debian_package
        cure = f"on Debian or Ubuntu: sudo apt-get install {package}" if package else "install it and put it on PATH"
        raise ToolError(f"board {target.name} needs {target.emulator or 'an emulator'}, which is not installed; {cure}")
    return found


def _execute(request: Request, emulator: str, no_counts_because: str | None) -> Execution:
    with batches_of(request, max(1, request.profiled_samples)) as batches:
        profiler: Sequence[str] = ()
        if no_counts_because is None:
            try:
                plugin = build_plugin(emulator, batches[0].folder)
            except ToolError as error:
                raise _NoProfiler(str(error)) from error
            profiler = plugin_options(plugin, request.firmware.elf, request.layers)
        try:
            run_batches(request, batches, lambda batch: _command(request, emulator, profiler if batch.measured else ()))
        except RunError as error:
            if profiler and "plugin" in str(error):
                raise _NoProfiler(f"instructions are not counted: {error}") from error
            raise
        collected = collect(request, batches)
        samples = batches[0].stop
        profile = read_profile(batches[0].folder, request.layers, samples) if profiler else None
    layer_instructions, instructions = _per_inference(profile)
    estimate, model_name, model_note = _estimate(request, profile)
    return Execution(
        outputs=collected.outputs,
        profiled_samples=samples if profile else 0,
        instructions=instructions,
        layer_instructions=layer_instructions,
        counting_note=no_counts_because,
        estimated_cycles=estimate.whole if estimate else None,
        layer_estimated_cycles=estimate.layers if estimate else None,
        cycle_model=model_name,
        cycle_model_note=model_note,
        stack_bytes=collected.stack_bytes,
        arena_used_bytes=collected.arena_used_bytes,
        trace=collected.trace,
    )


def _command(request: Request, emulator: str, profiler: Sequence[str]) -> list[str]:
    quiet = ["-display", "none", "-monitor", "none", "-serial", "none", "-parallel", "none", "-nic", "none"]
    semihosting = ["-semihosting-config", "enable=on,target=native"]
    return [emulator, *request.target.machine, *quiet, *semihosting, *profiler, "-kernel", str(request.firmware.elf.resolve())]


def _per_inference(profile: Profile | None) -> tuple[tuple[int, ...] | None, int | None]:
    if profile is None:
        return None, None
    sections = profile.section_instructions()
    layers = tuple(round(count / profile.samples) for count in sections[: profile.layers])
    return layers, round(sum(sections) / profile.samples)


def _estimate(request: Request, profile: Profile | None) -> tuple[CycleEstimate | None, str | None, str | None]:
    """Estimated cycles with the model's name and note; without an estimate, the note says why."""
    target = request.target
    model = find_timing_model(target.timing_model, str(target.directory / BOARD_FILE))
    if model is None:
        return None, None, f"No published timing table allows an estimate of cycles for {target.core}."
    if profile is None:
        return None, None, "Cycles are estimated from counted instructions, and none were counted."
    try:
        disassembly = disassemble(request.firmware.elf, target.toolchain_prefix)
    except ToolError as error:
        return None, None, f"Cycles are not estimated: {error}"
    return estimate_cycles(profile, disassembly, model), model.name, model.note

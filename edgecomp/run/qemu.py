"""Boards in QEMU: semihosting carries the data, a TCG plugin counts."""

from collections.abc import Sequence

from edgecomp.errors import RunError, ToolError
from edgecomp.run.batches import batches_of, collect, run_batches
from edgecomp.run.counts import counts_of
from edgecomp.run.emulator import QUIET, find_emulator
from edgecomp.run.execution import Execution
from edgecomp.run.profile import build_plugin, plugin_options, read_profile
from edgecomp.run.request import Request


class QemuRunner:
    """Runs the program in QEMU, in one process a core; the first samples under the profiler, the others without."""

    def execute(self, request: Request) -> Execution:
        """Run all samples; see `Runner`."""
        emulator = find_emulator(request.target)
        if request.trace:
            return _execute(request, emulator, "instructions are not counted while layers are traced")
        try:
            return _execute(request, emulator, None)
        except _NoProfiler as problem:
            return _execute(request, emulator, str(problem))


class _NoProfiler(Exception):
    """The profiler cannot be built or loaded; the run is possible without it."""


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
    return Execution(**vars(collected), **vars(counts_of(request, profile, no_counts_because)))


def _command(request: Request, emulator: str, profiler: Sequence[str]) -> list[str]:
    semihosting = ["-serial", "none", "-semihosting-config", "enable=on,target=native"]
    return [emulator, *request.target.machine, *QUIET, *semihosting, *profiler, "-kernel", str(request.firmware.elf.resolve())]

"""The host board: the program is an ordinary executable of this computer."""

from edgecomp.build import available_cores
from edgecomp.run.batches import batches_of, collect, run_batches
from edgecomp.run.execution import Execution, Request


class HostRunner:
    """Runs the program directly, in one process a core. Counts nothing."""

    transport = "files"

    def execute(self, request: Request) -> Execution:
        """Run all samples; see `Runner`."""
        first_part = -(-len(request.inputs) // available_cores())
        with batches_of(request, first_part) as batches:
            run_batches(request, batches, lambda batch: [str(request.firmware.elf.resolve())])
            collected = collect(request, batches)
        return Execution(
            outputs=collected.outputs,
            profiled_samples=0,
            instructions=None,
            layer_instructions=None,
            counting_note=None,
            estimated_cycles=None,
            layer_estimated_cycles=None,
            cycle_model=None,
            cycle_model_note=None,
            stack_bytes=collected.stack_bytes,
            arena_used_bytes=collected.arena_used_bytes,
            trace=collected.trace,
        )

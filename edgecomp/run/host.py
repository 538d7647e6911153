"""The host board: the program is an ordinary executable of this computer."""

from edgecomp.build import available_cores
from edgecomp.run.batches import batches_of, collect, run_batches
from edgecomp.run.execution import Execution
from edgecomp.run.request import Request


class HostRunner:
    """Runs the program directly, in one process a core. Counts nothing."""

    def execute(self, request: Request) -> Execution:
        """Run all samples; see `Runner`."""
        first_part = -(-len(request.inputs) // available_cores())
        with batches_of(request, first_part) as batches:
            run_batches(request, batches, lambda batch: [str(request.firmware.elf.resolve())])
            collected = collect(request, batches)
        return Execution(**vars(collected))

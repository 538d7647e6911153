"""What a runner is asked for and what it answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from edgecomp.build import Firmware
from edgecomp.errors import DataError
from edgecomp.target import Target

Bytes = npt.NDArray[np.uint8]
Progress = Callable[[int, int], None]
"""Called with samples done and samples in all."""


@dataclass(frozen=True)
class Request:
    """Run a firmware over samples."""

    firmware: Firmware
    target: Target
    inputs: Bytes
    """[N, input_bytes] uint8: the model's inputs, one after the other, as they lie in its arena."""
    output_bytes: int
    """Of one sample: the model's outputs, one after the other."""
    layers: int
    """How often the model calls its observer in one inference."""
    timeout_s: float
    """Longest time in which no sample is finished before the run counts as hung."""
    profiled_samples: int
    """How many samples, from the first, run under a profiler where there is one."""
    trace: bool
    """Bring back the output of every layer."""
    progress: Progress | None

    def verify(self) -> None:
        """Prove that the request is in form.

        Raises:
            DataError: inputs are not a non-empty [N, bytes] array of uint8.
        """
        if self.inputs.ndim != 2 or self.inputs.dtype != np.uint8 or self.inputs.size == 0:
            raise DataError(f"samples are {self.inputs.dtype} {list(self.inputs.shape)}; a run needs a non-empty uint8 [samples, bytes]")


@dataclass(frozen=True)
class Execution:
    """What came back. Counts are per inference, means over the profiled samples; None where the board cannot tell."""

    outputs: Bytes
    """[N, output_bytes] uint8, in the order of the inputs."""
    profiled_samples: int
    instructions: int | None
    """Executed from the call of the model to its return."""
    layer_instructions: tuple[int, ...] | None
    """For each layer, from the end of the layer before it to its own end."""
    counting_note: str | None
    """Why there are no counts, where a board that can count gave none."""
    estimated_cycles: int | None
    """By the published timing table `cycle_model`; an estimate, never a measurement."""
    layer_estimated_cycles: tuple[int, ...] | None
    cycle_model: str | None
    cycle_model_note: str | None
    """The limits of the estimate, or why there is none."""
    stack_bytes: int | None
    """Deepest stack of an inference below its call."""
    arena_used_bytes: int
    """Highest arena byte an inference changed, plus one."""
    trace: tuple[Bytes, ...] | None
    """For each layer its output, [N, bytes] uint8."""


class Runner(Protocol):
    """A way to run firmware. To define your own: 1. write `execute`; 2. add it to `RUNNERS`; 3. name it in a board.toml."""

    @property
    def transport(self) -> str:
        """How samples go to the firmware and outputs come back, for the report."""
        ...

    def execute(self, request: Request) -> Execution:
        """Run all samples.

        Raises:
            ToolError: a program the runner needs is missing.
            RunError: the firmware hung, crashed or answered out of form.
        """
        ...

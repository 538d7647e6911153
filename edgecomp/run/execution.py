"""What a runner answers."""

from dataclasses import dataclass
from typing import Protocol

from edgecomp.run.counts import Counts
from edgecomp.run.request import Bytes, Request


@dataclass(frozen=True, kw_only=True)
class Execution(Counts):
    """What came back."""

    outputs: Bytes
    """[N, output_bytes] uint8, in the order of the inputs."""
    stack_bytes: int | None
    """Deepest stack of an inference below its call."""
    arena_used_bytes: int
    """Highest arena byte an inference changed, plus one."""
    trace: tuple[Bytes, ...] | None
    """For each layer its output, [N, bytes] uint8."""
    frames: int | None = None
    """That went over a serial line."""
    retries: int | None = None
    """Of requests over it."""


class Runner(Protocol):
    """A way to run firmware. To define your own: 1. write `execute`; 2. add it to `RUNNERS`; 3. name it in a board.toml."""

    def execute(self, request: Request) -> Execution:
        """Run all samples.

        Raises:
            ToolError: a program the runner needs is missing.
            RunError: the firmware hung, crashed or answered out of form.
        """
        ...

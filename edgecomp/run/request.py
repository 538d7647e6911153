"""What a runner is asked for."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edgecomp.build import Firmware
from edgecomp.errors import DataError
from edgecomp.target import Target

Bytes = npt.NDArray[np.uint8]
Progress = Callable[[int, int], None]
"""Called with samples done and samples in all."""


@dataclass(frozen=True)
class Connection:
    """Where the board is, for a run over a serial line."""

    port: str | None = None
    """A pyserial URL: a device such as /dev/ttyACM0, socket://HOST:PORT, rfc2217://HOST:PORT; None for an emulator."""
    emulate: bool = False
    """Run a real board's image in the emulator that models it."""
    more_ports: tuple[str, ...] = ()
    """Of more boards of the same kind with the same program; they share the samples with the one at `port`."""


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
    connection: Connection = field(default_factory=Connection)

    def verify(self) -> None:
        """Prove that the request is in form.

        Raises:
            DataError: inputs are not a non-empty [N, bytes] array of uint8.
        """
        if self.inputs.ndim != 2 or self.inputs.dtype != np.uint8 or self.inputs.size == 0:
            raise DataError(f"samples are {self.inputs.dtype} {list(self.inputs.shape)}; a run needs a non-empty uint8 [samples, bytes]")

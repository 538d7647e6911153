"""Runners: from a firmware and samples to outputs and measurements. Knows no model."""

from collections.abc import Mapping
from typing import Final

from edgecomp.build import Firmware
from edgecomp.errors import TargetError
from edgecomp.run.execution import Execution, Runner
from edgecomp.run.host import HostRunner
from edgecomp.run.parallel import execute_in_parallel
from edgecomp.run.qemu import QemuRunner
from edgecomp.run.request import Bytes, Connection, Progress, Request
from edgecomp.run.serial import SerialRunner
from edgecomp.target import BOARD_FILE, Target

__all__ = ["RUNNERS", "Bytes", "Connection", "Execution", "Progress", "Request", "Runner", "execute"]

RUNNERS: Final[Mapping[str, Runner]] = {
    "host": HostRunner(),
    "qemu": QemuRunner(),
    "serial": SerialRunner(),
}


def execute(
    firmware: Firmware,
    target: Target,
    inputs: Bytes,
    output_bytes: int,
    layers: int,
    *,
    timeout_s: float,
    progress: Progress | None = None,
    trace: bool = False,
    profiled_samples: int = 5,
    connection: Connection | None = None,
) -> Execution:
    """Run a firmware on its board over `inputs`, [N, input_bytes] uint8; see `Request` and `Execution` for the rest.

    An image for the serial line runs over it, whatever the board; others as the board's `run.runner` says.

    Raises:
        TargetError: the board names a runner that does not exist.
        DataError: inputs are out of form.
        ToolError: a program the runner needs is missing (the message names the Debian package).
        RunError: the firmware hung (no sample finished within `timeout_s`), crashed or answered out of form.
    """
    runner = RUNNERS.get(target.runner)
    if runner is None:
        raise TargetError(f'{target.directory / BOARD_FILE}: run.runner is "{target.runner}"; allowed: {", ".join(sorted(RUNNERS))}')
    over = connection or Connection()
    request = Request(firmware, target, inputs, output_bytes, layers, timeout_s, profiled_samples, trace, progress, over)
    request.verify()
    if over.port and over.more_ports:
        return execute_in_parallel(request, (over.port, *over.more_ports), RUNNERS["serial"])
    return (RUNNERS["serial"] if firmware.transport == "serial" else runner).execute(request)

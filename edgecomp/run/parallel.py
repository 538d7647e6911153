"""Several connected boards of one kind share the samples of a large data set: each runs a part of them, all at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

import numpy as np

from edgecomp.errors import RunError
from edgecomp.run.counts import Counts
from edgecomp.run.execution import Execution, Runner
from edgecomp.run.request import Bytes, Progress, Request


def execute_in_parallel(request: Request, ports: Sequence[str], runner: Runner) -> Execution:
    """Run the samples of `request` on the boards at `ports`, pyserial URLs, and put the outputs together in the order of the inputs.

    The boards get equal shares; where there are fewer samples than boards, the last ones idle. What is counted or measured on several
    boards is the mean or the greatest. The first board that fails ends the run of all after their sample.

    Raises:
        RunError: a board failed; the message names its port.
        TargetError, ToolError: as `runner` raises them.
    """
    parts = [part for part in np.array_split(request.inputs, len(ports)) if len(part)]
    progress = _SharedProgress(request.progress, len(request.inputs), [0] * len(parts))

    def run(number: int) -> Execution:
        connection = replace(request.connection, port=ports[number])
        try:
            return runner.execute(replace(request, inputs=parts[number], connection=connection, progress=progress.of(number)))
        except RunError as error:
            raise type(error)(f"{ports[number]}: {error}") from error

    with ThreadPoolExecutor(max_workers=len(parts)) as pool:
        running = [pool.submit(run, number) for number in range(len(parts))]
        try:
            wait(running, return_when=FIRST_EXCEPTION)
        finally:
            progress.abandoned.set()  # after an error, or Ctrl-C; without effect on those that are done
        failures = [error for future in running if (error := future.exception()) and not isinstance(error, _AbandonedError)]
    if failures:
        raise failures[0]
    return combine([future.result() for future in running])


def combine(parts: Sequence[Execution]) -> Execution:
    """One execution out of several of one image over neighbouring samples, all on hardware: it counts cycles, and nothing else."""
    return Execution(
        **vars(_mean_cycles(parts)),
        outputs=np.concatenate([part.outputs for part in parts]),
        stack_bytes=max((part.stack_bytes for part in parts if part.stack_bytes is not None), default=None),
        arena_used_bytes=max(part.arena_used_bytes for part in parts),
        trace=_joined_traces(parts),
        frames=sum(part.frames or 0 for part in parts),
        retries=sum(part.retries or 0 for part in parts),
    )


class _AbandonedError(Exception):
    """Another board failed."""


@dataclass
class _SharedProgress:
    """Samples done on all boards, told as one; also how a board learns that another failed."""

    report: Progress | None
    total: int
    done: list[int]
    abandoned: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, number: int) -> Progress:
        def advance(done: int, _: int) -> None:
            if self.abandoned.is_set():
                raise _AbandonedError
            with self.lock:
                self.done[number] = done
                if self.report:
                    self.report(sum(self.done), self.total)

        return advance


def _mean_cycles(parts: Sequence[Execution]) -> Counts:
    """Weighted by the samples each board counted."""
    notes = dict.fromkeys(part.counting_note for part in parts if part.counting_note)
    note = "; ".join(notes) or None
    counted = [(part.profiled_samples, part.cycles, part.layer_cycles) for part in parts if part.cycles is not None]
    samples = sum(weight for weight, _, _ in counted)
    if not samples:
        return Counts(counting_note=note)
    cycles = round(sum(weight * whole for weight, whole, _ in counted) / samples)
    layers = sum(weight * np.array(layer_cycles or ()) for weight, _, layer_cycles in counted) / samples
    layer_cycles = tuple(int(mean) for mean in np.round(layers))
    return Counts(profiled_samples=samples, cycles=cycles, layer_cycles=layer_cycles, counting_note=note)


def _joined_traces(parts: Sequence[Execution]) -> tuple[Bytes, ...] | None:
    traces = [part.trace for part in parts if part.trace is not None]
    return tuple(np.concatenate(layer) for layer in zip(*traces, strict=True)) if len(traces) == len(parts) else None

"""Splits samples over processes, watches them and collects what they wrote. None outlives the call, whatever ends it."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from edgecomp.build import available_cores
from edgecomp.errors import OutputError, RunError, ToolError
from edgecomp.processes import signals_deferred
from edgecomp.run import harness_files
from edgecomp.run.faults import telling_line, with_function
from edgecomp.run.request import Bytes, Request

LOG_FILE: Final = "log.txt"
_POLL_S: Final = 0.02
_SMALLEST_BATCH: Final = 4
"""Samples worth the start of one more process."""


@dataclass(frozen=True)
class Batch:
    """Neighbouring samples that one process runs."""

    folder: Path
    """Its working folder."""
    start: int
    stop: int
    measured: bool
    """Rehearses for memory and may run under a profiler; the first batch, and only it."""


CommandFor = Callable[[Batch], Sequence[str]]


@dataclass(frozen=True)
class Collected:
    """What all batches wrote, in the order of the samples."""

    outputs: Bytes
    trace: tuple[Bytes, ...] | None
    stack_bytes: int | None
    arena_used_bytes: int


@contextmanager
def batches_of(request: Request, measured_samples: int) -> Iterator[tuple[Batch, ...]]:
    """Cut the samples into batches, each in a temporary folder with its input.bin.

    Raises:
        OutputError: the temporary folder cannot be written.
    """
    with ExitStack() as stack:
        try:
            root = Path(stack.enter_context(TemporaryDirectory(prefix="edgecomp-", ignore_cleanup_errors=True)))
            batches = _write_batches(request, measured_samples, root)
        except OSError as error:
            raise OutputError(
                f"cannot write temporary files: {error.strerror}; free some space, or set TMPDIR to another folder"
            ) from error
        yield batches


def _write_batches(request: Request, measured_samples: int, root: Path) -> tuple[Batch, ...]:
    batches = []
    for index, (start, stop) in enumerate(_cut(len(request.inputs), measured_samples, available_cores())):
        batch = Batch(root / f"batch{index}", start, stop, measured=index == 0)
        batch.folder.mkdir()
        harness_files.write_input(batch.folder, request.inputs[start:stop], rehearse=batch.measured, trace=request.trace)
        batches.append(batch)
    return tuple(batches)


def _cut(samples: int, first: int, cores: int) -> list[tuple[int, int]]:
    """The first samples, then the rest in as many equal parts as there are cores."""
    first = min(samples, first)
    rest = samples - first
    parts = max(1, min(cores, rest // _SMALLEST_BATCH)) if rest else 0
    edges = [first + rest * part // parts for part in range(parts + 1)] if parts else []
    return [(0, first), *pairwise(edges)]


def run_batches(request: Request, batches: Sequence[Batch], command_for: CommandFor) -> None:
    """Run every batch to its end, as many at a time as there are cores.

    Raises:
        RunError: a process crashed, or none of its samples finished within the time limit.
        ToolError: a process could not be started.
    """
    waiting = list(batches)
    running: list[_Running] = []
    done = 0
    try:
        while waiting or running:
            while waiting and len(running) < available_cores():
                batch = waiting.pop(0)
                command = command_for(batch)
                with signals_deferred():
                    running.append(_Running(batch, command, request))
            time.sleep(_POLL_S)
            finished = [process for process in running if process.poll()]
            running = [process for process in running if process not in finished]
            done += sum(process.batch.stop - process.batch.start for process in finished)
            if request.progress:
                request.progress(done + sum(process.samples_done for process in running), len(request.inputs))
    finally:
        for process in running:
            process.kill()


class _Running:
    """A process at work on a batch."""

    def __init__(self, batch: Batch, command: Sequence[str], request: Request) -> None:
        self.batch = batch
        self.samples_done = 0
        self._request = request
        self._last_progress_s = time.monotonic()
        with (batch.folder / LOG_FILE).open("wb") as log:
            try:
                # A session of its own: Ctrl-C reaches us alone, and we end the children.
                self._process = subprocess.Popen(
                    command, cwd=batch.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
                )
            except OSError as error:
                raise ToolError(f"cannot start {command[0]}: {error.strerror}") from error

    def poll(self) -> bool:
        """True when the process has ended well."""
        code = self._process.poll()
        done = min(harness_files.outputs_done(self.batch.folder, self._request.output_bytes), self.batch.stop - self.batch.start)
        now_s = time.monotonic()
        if done > self.samples_done:
            self.samples_done, self._last_progress_s = done, now_s
        if code == 0:
            return True
        if code is not None:
            raise RunError(f"{self._where()}: {self._ending(code)}")
        if now_s - self._last_progress_s > self._request.timeout_s:
            raise RunError(
                f"{self._where()}: no sample finished within {self._request.timeout_s:g} s; "
                f"the firmware hangs, or needs a longer limit (--timeout SECONDS)"
            )
        return False

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _where(self) -> str:
        return f"board {self._request.target.name}, sample {self.batch.start + self.samples_done}"

    def _ending(self, code: int) -> str:
        said = telling_line((self.batch.folder / LOG_FILE).read_text(encoding="utf-8", errors="replace"))
        said = with_function(said, self._request.firmware.elf)
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            return f"the firmware was ended by {name}{f' ({said})' if said else ''}"
        return f"the firmware ended with code {code}: {said or 'it said nothing'}"


def collect(request: Request, batches: Sequence[Batch]) -> Collected:
    """Read back what ended batches wrote.

    Raises:
        RunError: something is missing or out of form, or the model wrote behind its arena or read bytes it never wrote.
    """
    outputs = [harness_files.read_outputs(batch.folder, batch.stop - batch.start, request.output_bytes) for batch in batches]
    stats = [harness_files.read_stats(batch.folder) for batch in batches]
    measured = stats[0]
    if measured.get("arena_overrun"):
        raise RunError(f"board {request.target.name}: the model wrote behind the end of its arena of {measured['arena_bytes']} bytes")
    if measured.get("uninitialised_reads"):
        raise RunError(f"board {request.target.name}: the model's output depends on arena bytes that it never wrote")
    trace = None
    if request.trace:
        traces = [harness_files.read_trace(batch.folder, batch.stop - batch.start, request.layers) for batch in batches]
        trace = tuple(np.concatenate(rows) for rows in zip(*traces, strict=True))
    return Collected(
        outputs=np.concatenate(outputs),
        trace=trace,
        stack_bytes=measured.get("stack_bytes") or None,
        arena_used_bytes=measured.get("arena_used_bytes", 0),
    )

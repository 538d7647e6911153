"""Runs firmware over a serial line: on a board, in an emulator, or as a program of this computer."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from edgecomp.elf import ElfFile
from edgecomp.errors import OutputError, RunError, TargetError, ToolError
from edgecomp.run.counts import Counts, counts_of
from edgecomp.run.emulator import find_emulator
from edgecomp.run.execution import Execution
from edgecomp.run.faults import with_function
from edgecomp.run.profile import Profile, build_plugin, plugin_options, read_profile
from edgecomp.run.request import Bytes, Request
from edgecomp.run.serial.client import Answer, OtherImageError, SerialClient
from edgecomp.run.serial.exchange import FaultError
from edgecomp.run.serial.far_end import is_hardware, url_of
from edgecomp.run.serial.line import open_line
from edgecomp.run.serial.messages import Infer, Measures

_PAINTS: Final = (0xA5, 0x5A)
_SHORTEST_CHECKED_S: Final = 0.5
_LARGEST_CLOCK_ERROR: Final = 0.1


class SerialRunner:
    """Runs the samples one after the other on one board; where it is emulated, the first of them under the profiler."""

    def execute(self, request: Request) -> Execution:
        """Run all samples; see `Runner`."""
        if request.firmware.transport != "serial":
            raise TargetError(
                f"board {request.target.name} needs an image for the serial line, and this one is for {request.firmware.transport}"
            )
        try:
            with TemporaryDirectory(prefix="edgecomp-", ignore_cleanup_errors=True) as folder:
                return _on_board(request, Path(folder)) if is_hardware(request) else _emulated(request, Path(folder))
        except OSError as error:
            raise OutputError(
                f"cannot write temporary files: {error.strerror}; free some space, or set TMPDIR to another folder"
            ) from error


@dataclass
class _Session:
    """What came of the samples so far."""

    outputs: list[bytes] = field(default_factory=list)
    traces: list[tuple[bytes, ...]] = field(default_factory=list)
    measures: Measures | None = None
    frames: int = 0
    retries: int = 0

    def execution(self, request: Request, counts: Counts) -> Execution:
        traces = tuple(_rows(layer) for layer in zip(*self.traces, strict=True)) if request.trace else None
        return Execution(
            **vars(counts),
            outputs=_rows(self.outputs),
            stack_bytes=(self.measures.stack_bytes or None) if self.measures else None,
            arena_used_bytes=self.measures.arena_used_bytes if self.measures else 0,
            trace=traces,
            frames=self.frames,
            retries=self.retries,
        )


def _rows(parts: Sequence[bytes]) -> Bytes:
    return np.stack([np.frombuffer(part, np.uint8) for part in parts])


def _emulated(request: Request, folder: Path) -> Execution:
    """The first samples under the profiler, where there is one, and the rest without."""
    session = _Session()
    samples = len(request.inputs)
    profile, note = None, None
    profiled = min(samples, request.profiled_samples) if request.target.emulator and not request.trace else 0
    if profiled:
        profile, note = _profiled(request, folder, session, profiled)
    if len(session.outputs) < samples:
        with url_of(request, folder) as url, _connected(request, url, session) as client:
            _run(request, client, session, samples)
    return session.execution(request, counts_of(request, profile, note))


def _profiled(request: Request, folder: Path, session: _Session, samples: int) -> tuple[Profile | None, str | None]:
    """Run so many samples under the profiler; without one, none is run and the reason is told."""
    emulator = find_emulator(request.target)
    try:
        plugin = build_plugin(emulator, folder)
    except ToolError as error:
        return None, str(error)
    options = plugin_options(plugin, request.firmware.elf, request.layers)
    try:
        with url_of(request, folder, options) as url, _connected(request, url, session) as client:
            _run(request, client, session, samples)
    except ToolError as error:
        if "plugin" not in str(error):
            raise
        return None, f"instructions are not counted: {error}"
    return read_profile(folder, request.layers, samples), None


def _on_board(request: Request, folder: Path) -> Execution:
    """All samples on hardware; the first of them are counted, by layer."""
    session = _Session()
    with url_of(request, folder) as url, _connected(request, url, session) as client:
        client.check_image(ElfFile(request.firmware.elf).bytes_at, request.target.flash_bytes)
        counter = _Counter(client, request)
        _run(request, client, session, len(request.inputs), counter)
    return session.execution(request, counter.counts())  # frames are counted by now


@contextlib.contextmanager
def _connected(request: Request, url: str, session: _Session) -> Iterator[SerialClient]:
    """A client; errors say which board and sample."""
    try:
        with open_line(url, request.target.serial_baud) as line:
            client = SerialClient(line, request.target.serial_baud, request.firmware.image_id)
            try:
                yield client
            finally:
                session.frames += client.exchange.traffic.frames
                session.retries += client.exchange.traffic.retries
    except RunError as error:
        said = with_function(str(error), request.firmware.elf) if isinstance(error, FaultError) else str(error)
        where = f"board {request.target.name}, sample {len(session.outputs)}"
        raise (OtherImageError if isinstance(error, OtherImageError) else RunError)(f"{where}: {said}") from error


class _Counter:
    """Cycles of the first samples, as the board counts them, held against the wall clock."""

    def __init__(self, client: SerialClient, request: Request) -> None:
        self._client = client
        self._wanted = request.profiled_samples if client.hello.has_counter and request.target.counter == "cycles" else 0
        self._missing = request.target.counter == "cycles" and not client.hello.has_counter
        self._whole: list[int] = []
        self._layers: list[tuple[int, ...]] = []
        self._counted_s = self._wall_s = 0.0

    @property
    def flags(self) -> Infer:
        return Infer.COUNT if len(self._whole) < self._wanted else Infer.PLAIN

    def take(self, answer: Answer) -> None:
        self._counted_s += answer.cycles / self._client.hello.clock_hz
        self._wall_s += answer.wall_s
        if len(self._whole) < self._wanted:
            self._whole.append(answer.cycles)
            self._layers.append(self._client.layer_cycles())

    def counts(self) -> Counts:
        if not self._whole:
            return Counts(counting_note="the board's cycle counter stands still" if self._missing else None)
        means = np.array(self._layers).mean(axis=0).round().astype(int)
        return Counts(
            profiled_samples=len(self._whole),
            cycles=round(sum(self._whole) / len(self._whole)),
            layer_cycles=tuple(int(mean) for mean in means),
            counting_note=self._doubt(),
        )

    def _doubt(self) -> str | None:
        """Cycles make a time by the clock that board.toml states; it must be that of the clock on the wall."""
        if self._counted_s < _SHORTEST_CHECKED_S or abs(self._wall_s / self._counted_s - 1) <= _LARGEST_CLOCK_ERROR:
            return None
        return (
            f"the cycles counted are {self._counted_s:.2f} s at {self._client.hello.clock_hz / 1e6:g} MHz, the clock on the wall says "
            f"{self._wall_s:.2f} s: serial.clock_hz is not the core's, or the runs were disturbed"
        )


def _run(request: Request, client: SerialClient, session: _Session, until: int, counter: _Counter | None = None) -> None:
    """Run samples up to `until`; before the very first one, measure."""
    _check_sizes(request, client)
    if session.measures is None and not request.trace:
        session.measures = _measure(request, client)
    for row in range(len(session.outputs), until):
        sample = request.inputs[row].tobytes()
        if request.trace:
            answer, layers = client.trace(sample, timeout_s=request.timeout_s)
            session.traces.append(layers)
        else:
            answer = client.infer(sample, counter.flags if counter else Infer.PLAIN, timeout_s=request.timeout_s)
        if counter:
            counter.take(answer)
        session.outputs.append(answer.output)
        if request.progress:
            request.progress(row + 1, len(request.inputs))


def _check_sizes(request: Request, client: SerialClient) -> None:
    hello = client.hello
    expected = {"input bytes": request.inputs.shape[1], "output bytes": request.output_bytes, "layers": request.layers}
    found = {"input bytes": hello.input_bytes, "output bytes": hello.output_bytes, "layers": hello.layers}
    for name, count in expected.items():
        if found[name] != count:
            raise RunError(f"the model on the board has {found[name]} {name}; {count} were expected")


def _measure(request: Request, client: SerialClient) -> Measures:
    """Run the first sample in an arena painted with one colour, then another: what is gone was used, and outputs must not differ."""
    sample = request.inputs[0].tobytes()
    runs = []
    for paint in _PAINTS:
        answer = client.infer(sample, Infer.MEASURE, timeout_s=request.timeout_s, paint=paint)
        runs.append((answer.output, client.measures()))
    if any(measures.arena_overrun for _, measures in runs):
        raise RunError(f"the model wrote behind the end of its arena of {client.hello.arena_bytes} bytes")
    if len({output for output, _ in runs}) > 1:
        raise RunError("the model's output depends on arena bytes that it never wrote")
    return Measures(
        repeats=1,
        stack_bytes=max(measures.stack_bytes for _, measures in runs),
        arena_used_bytes=max(measures.arena_used_bytes for _, measures in runs),
        arena_overrun=0,
    )

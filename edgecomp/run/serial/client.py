"""A board at the other end of a serial line: greeting it, and running its model over samples."""

import os
import struct
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from edgecomp.errors import RunError
from edgecomp.run.serial import messages
from edgecomp.run.serial.exchange import FIRST_TIMEOUT_S, Exchange, FaultError, Question, RefusalError, SilenceError
from edgecomp.run.serial.frames import Frame
from edgecomp.run.serial.line import Line
from edgecomp.run.serial.messages import (
    INPUT_PART_BYTES,
    MEASURES_BYTES,
    Checksum,
    Code,
    Hello,
    Infer,
    Kind,
    Measures,
    Progress,
    Region,
    State,
    Sum,
)

_HELLO_ATTEMPTS: Final = 5
_ATTEMPTS_A_SAMPLE: Final = 12
_WINDOW_BYTES: Final = 16 * INPUT_PART_BYTES
"""Of input that goes out before the board is asked what has come."""
_LARGEST_INLINE_OUTPUT_BYTES: Final = 1024
"""Outputs up to this size come with the end of the run; larger ones are read in parts, which can be asked for again."""
_FIRST_POLL_S: Final = 1.0
_LONGEST_POLL_S: Final = 10.0
_PATIENCE_OVER_LONGEST_RUN: Final = 2.0
_CYCLES_A_SUMMED_BYTE: Final = 60
"""Of a slow core out of slow flash."""
_AGAIN: Final = (Code.NO_INPUT, Code.OTHER_INPUT, Code.INPUT_GONE, Code.BAD_RUN)
"""Refusals after which the sample is loaded anew: something of it was lost, or the board did something else meanwhile."""

T = TypeVar("T")


class OtherImageError(RunError):
    """The board runs another program than the one that was built."""


@dataclass(frozen=True)
class Answer:
    """What a board made of a sample."""

    output: bytes
    cycles: int
    """From call to return, over all repeats; 0 without a counter."""
    wall_s: float
    """From the word that it runs to the word that it is done, as seen from here."""


class SerialClient:
    """A board that was greeted.

    Raises, in every method: SilenceError, FaultError, RunError as in `Exchange.request`.
    """

    def __init__(self, line: Line, baud: int, image_id: str | None = None, first_timeout_s: float = FIRST_TIMEOUT_S) -> None:
        """`image_id` is the image that must run there; None for any.

        Raises:
            OtherImageError: another one does.
            SilenceError: nobody answers.
        """
        self.exchange = Exchange(line, baud, first_timeout_s)
        self._image_id = image_id
        self._longest_run_s = 0.0
        self.hello = self._greet()

    def check_image(self, image: Callable[[int, int], bytes | None], flash_bytes: int) -> None:
        """Hold the board's flash against an image: `image(address, size)` gives its bytes, None where it has none there.

        Raises:
            OtherImageError: they differ.
        """
        for part, name in ((Sum.CODE, "code"), (Sum.CONSTANTS, "constants (the weights are among them)")):
            found = self._checksum(part, flash_bytes)
            expected = image(found.address, found.bytes) if found.bytes else b""
            if expected is None or zlib.crc32(expected) != found.crc32:
                raise OtherImageError(f"the {name} in the board's flash are not those of the program: flash it again (edgecomp flash)")

    def infer(self, sample: bytes, flags: Infer = Infer.PLAIN, repeats: int = 1, *, timeout_s: float, paint: int | None = None) -> Answer:
        """Run the model over a sample; with `paint`, in an arena filled with that byte.

        Raises:
            RunError: the run did not end within `timeout_s`, or the board cannot run the model at all.
        """
        return self._until_done(lambda: self._infer_once(sample, flags, repeats, timeout_s, paint))

    def measures(self) -> Measures:
        """Of the last run."""
        return Measures.read(self._read(Region.MEASURES, MEASURES_BYTES))

    def layer_cycles(self) -> tuple[int, ...]:
        """Of the last run, which counted."""
        return struct.unpack(f"<{self.hello.layers}I", self._read(Region.LAYER_CYCLES, 4 * self.hello.layers))

    def trace(self, sample: bytes, *, timeout_s: float) -> tuple[Answer, tuple[bytes, ...]]:
        """Run the model layer by layer; returns also the output of each."""
        return self._until_done(lambda: self._trace_once(sample, timeout_s))

    # --- greeting ---

    def _greet(self) -> Hello:
        try:
            return self._hello()
        except FaultError:  # of an earlier run
            self.exchange.send([(Kind.RESTART, b"")])
            return self._hello()

    def _hello(self) -> Hello:
        """A new session; its number is also the number before its first run."""
        session = int.from_bytes(os.urandom(4), "little") | 1  # 0 is that of a board that was not greeted
        payload = struct.pack("<I", session)
        try:
            hello = Hello.read(self.exchange.request(Kind.HELLO, payload, lambda frame: frame.payload, attempts=_HELLO_ATTEMPTS))
        except ValueError as error:
            raise RunError(f"the board is not understood: {error}; flash it with firmware of this version (edgecomp flash)") from error
        if self._image_id not in (None, hello.image_id):
            raise OtherImageError(
                f'the board runs another program (model "{hello.model_name}", image {hello.image_id[:12]}) than was built '
                f"(image {str(self._image_id)[:12]}): flash it (edgecomp flash)"
            )
        if not hello.has_arena:
            raise RunError(f"the arena of {hello.arena_bytes} bytes does not fit the RAM that the board has free")
        self._session = self._run = session
        return hello

    def _checksum(self, part: Sum, flash_bytes: int) -> Checksum:
        extra_s = _CYCLES_A_SUMMED_BYTE * flash_bytes / self.hello.clock_hz
        payload = struct.pack("<IB", self._session, part)
        return self.exchange.request(
            Kind.CHECKSUM,
            payload,
            lambda frame: Checksum(*struct.unpack("<3I", frame.payload)) if len(frame.payload) == 12 else None,
            extra_s=extra_s,
        )

    # --- running ---

    def _until_done(self, attempt: Callable[[], T]) -> T:
        """Try until it holds; every attempt begins with loading the sample."""
        for _ in range(_ATTEMPTS_A_SAMPLE):
            try:
                return attempt()
            except RefusalError as refusal:
                if refusal.code == Code.BAD_SESSION:
                    self.hello = self._greet()  # it was reset
                elif refusal.code not in _AGAIN:
                    raise
                self.exchange.traffic.retries += 1
        raise SilenceError(f"the board lost the sample {_ATTEMPTS_A_SAMPLE} times: the line is very noisy, or the board keeps resetting")

    def _infer_once(self, sample: bytes, flags: Infer, repeats: int, timeout_s: float, paint: int | None) -> Answer:
        inline = self.hello.output_bytes <= _LARGEST_INLINE_OUTPUT_BYTES
        done, wall_s = self._start(sample, flags | (Infer.OUTPUT if inline else Infer.PLAIN), repeats, timeout_s, paint)
        output = done.output if inline else self._read(Region.OUTPUT, self.hello.output_bytes)
        return Answer(output, done.cycles, wall_s)

    def _trace_once(self, sample: bytes, timeout_s: float) -> tuple[Answer, tuple[bytes, ...]]:
        layers: list[bytes] = []
        progress, wall_s = self._start(sample, Infer.STEP, 1, timeout_s, None)
        while progress.state == State.STOPPED:
            layers.append(self._read(Region.LAYER, progress.layer_bytes))
            payload = struct.pack("<III", self._session, self._run, progress.layer)
            progress, more_s = self._run_on(Kind.CONTINUE, payload, (), timeout_s, after_layer=progress.layer)
            wall_s += more_s
        if len(layers) != self.hello.layers:
            raise RunError(f"the model called its observer {len(layers)} times an inference; it has {self.hello.layers} layers")
        output = self._read(Region.OUTPUT, self.hello.output_bytes)
        return Answer(output, progress.cycles, wall_s), tuple(layers)

    def _start(self, sample: bytes, flags: Infer, repeats: int, timeout_s: float, paint: int | None) -> tuple[Progress, float]:
        self._run = (self._run + 1) & 0xFFFFFFFF
        if paint is not None:
            self.exchange.request(Kind.PAINT, struct.pack("<IIB", self._session, self._run, paint), lambda frame: frame)
        rest = self._load_all_but_last_window(sample)
        payload = messages.infer(self._session, self._run, zlib.crc32(sample), repeats, flags)
        return self._run_on(Kind.INFER, payload, rest, timeout_s)

    def _load_all_but_last_window(self, sample: bytes) -> list[bytes]:
        """Send the input up to its last window, which goes out with the request to infer; asks what came, and goes on from there."""
        offset, stalls = 0, 0
        while len(sample) - offset > _WINDOW_BYTES:
            parts = list(self._parts(sample, offset, offset + _WINDOW_BYTES))
            status = self.exchange.request(Kind.STATUS, struct.pack("<I", self._session), _status, before=parts)
            came = status[1] if status[0] == self._run else 0
            stalls = stalls + 1 if came <= offset else 0
            if stalls > _ATTEMPTS_A_SAMPLE:
                raise SilenceError("the board takes no input: the line is very noisy")
            self.exchange.traffic.retries += came < offset + _WINDOW_BYTES
            offset = came
        return list(self._parts(sample, offset, len(sample)))

    def _parts(self, sample: bytes, start: int, stop: int) -> Iterator[bytes]:
        for offset in range(start, stop, INPUT_PART_BYTES):
            yield messages.load(self._run, offset, sample[offset : min(stop, offset + INPUT_PART_BYTES)])

    def _run_on(
        self, kind: Kind, payload: bytes, before: Iterable[bytes], timeout_s: float, after_layer: int = -1
    ) -> tuple[Progress, float]:
        """Ask for a run, or its next layer, and wait for the end; a lost answer is asked for again."""
        deadline_s = time.monotonic() + timeout_s

        def take(frame: Frame) -> Progress | None:
            progress = Progress.read(frame.payload)
            stale = progress is None or progress.run != self._run or (progress.state == State.STOPPED and progress.layer <= after_layer)
            return None if stale else progress

        def take_end(frame: Frame) -> Progress | None:
            progress = take(frame)
            return None if progress is None or progress.state == State.RUNNING else progress

        question = Question(self.exchange, kind, payload, before=before, answer_kind=Kind.INFER)
        progress = question.settle(take)
        start_s = time.monotonic()
        usual_s = max(self.exchange.timeout_s(0), _PATIENCE_OVER_LONGEST_RUN * self._longest_run_s)
        poll_s = usual_s if self._longest_run_s else _FIRST_POLL_S
        found_at_once = True
        while progress.state == State.RUNNING:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise RunError(
                    f"no sample finished within {timeout_s:g} s; the firmware hangs, or needs a longer limit (--timeout-s SECONDS)"
                )
            found = question.wait(take_end, min(poll_s, left_s))
            if found is None:  # it works still, or the end was lost
                found_at_once = False
                line_s = question.send() * self.exchange.byte_s
                found = question.wait(take, line_s + self.exchange.timeout_s(0))
            progress = found or progress
            poll_s = min(_LONGEST_POLL_S, 2 * poll_s)
        wall_s = time.monotonic() - start_s
        if found_at_once:
            self._longest_run_s = max(self._longest_run_s, wall_s)
        return progress, wall_s

    def _read(self, region: Region, size: int) -> bytes:
        """Read a region whole; parts that are lost are asked for again."""
        found = bytearray()

        def take(frame: Frame) -> bool | None:
            offset, data = messages.part(frame)
            if offset == len(found):
                found.extend(data)
            return True if len(found) >= stop else None

        while len(found) < size:
            stop = min(size, len(found) + _WINDOW_BYTES)
            payload = messages.read(self._session, self._run, region, len(found), stop - len(found))
            line_s = 2 * (stop - len(found)) * self.exchange.byte_s
            self.exchange.request(Kind.READ, payload, take, extra_s=line_s)
        return bytes(found[:size])


def _status(frame: Frame) -> tuple[int, int] | None:
    """Run and bytes of input that the board has, from the answer to STATUS."""
    return struct.unpack("<II", frame.payload) if len(frame.payload) == 8 else None

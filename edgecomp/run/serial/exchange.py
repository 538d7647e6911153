"""Requests and their answers over a line that may lose, damage, repeat or invent bytes."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from edgecomp.errors import RunError
from edgecomp.run.serial.frames import OVERHEAD_BYTES, Frame, FrameDecoder, encode
from edgecomp.run.serial.line import Line
from edgecomp.run.serial.messages import ANSWER, INPUT_PART_BYTES, Code, Kind

ATTEMPTS: Final = 10
FIRST_TIMEOUT_S: Final = 0.5
"""Until a round trip has been measured: emulators and boards in reset take their time."""
_SHORTEST_TIMEOUT_S: Final = 0.15
_LONGEST_TIMEOUT_S: Final = 3.0
_ROUND_TRIPS: Final = 16
_ROUND_TRIPS_OF_PATIENCE: Final = 3.0
_FLUSH_BYTES: Final = INPUT_PART_BYTES + 8 + OVERHEAD_BYTES
_LONGEST_FLUSH_BYTES: Final = 0xFFFF + OVERHEAD_BYTES
_LONG_FLUSH_ATTEMPT: Final = 6
"""Now and then damage makes a frame seem longer than any that is sent."""
_BITS_A_BYTE: Final = 10

T = TypeVar("T")


class SilenceError(RunError):
    """A board gave no answer to a request, however often it was sent."""


class RefusalError(RunError):
    """A board refused a request: the answer ERROR."""

    def __init__(self, code: int, detail: int) -> None:
        name = Code(code).name if code in set(Code) else f"code {code}"
        super().__init__(f"the board refused a request ({name}, {detail})")
        self.code = code
        self.detail = detail


class FaultError(RunError):
    """The firmware has ended; the message is what it said."""


@dataclass
class Traffic:
    """What has gone over the line."""

    frames: int = 0
    """Sent, and received undamaged."""
    retries: int = 0
    """Requests that had to be sent again."""


class Exchange:
    """One end of a line: what has gone over it, how long a round trip takes, and the bytes of a frame that is not yet complete."""

    def __init__(self, line: Line, baud: int, first_timeout_s: float = FIRST_TIMEOUT_S) -> None:
        self.traffic = Traffic()
        self.byte_s = _BITS_A_BYTE / baud
        self._line = line
        self._first_timeout_s = first_timeout_s
        self._sequence = int.from_bytes(os.urandom(2), "little")
        self._decoder = FrameDecoder()
        self._round_trips_s: deque[float] = deque(maxlen=_ROUND_TRIPS)

    def request(
        self,
        kind: Kind,
        payload: bytes,
        take: Callable[[Frame], T | None],
        *,
        before: Iterable[bytes] = (),
        attempts: int = ATTEMPTS,
        extra_s: float = 0.0,
    ) -> T:
        """Send a request until `take` makes something of an answer; arguments as in `Question`.

        Raises:
            SilenceError, RefusalError, FaultError, RunError: as `Question.settle`.
        """
        return Question(self, kind, payload, before=before).settle(take, attempts=attempts, extra_s=extra_s)

    def send(self, frames: Iterable[tuple[int, bytes]], flush_bytes: int = 0) -> int:
        """Send frames, each a kind and a payload, behind so many zeros; the sequence number of the last."""
        data = bytearray(flush_bytes)
        for kind, payload in frames:
            self._sequence = (self._sequence + 1) & 0xFFFF
            self.traffic.frames += 1
            data += encode(Frame(kind, self._sequence, payload))
        self._line.write(bytes(data))
        return self._sequence

    def receive(self, deadline_s: float) -> tuple[list[Frame], bool]:
        """The frames that came, and whether the deadline (of time.monotonic) has passed.

        Behind the deadline nothing more is waited for: a frame whose end is missing is given up for what may stand behind it.
        """
        expired = time.monotonic() >= deadline_s
        frames = self._decoder.give_up_partial() if expired else self._decoder.feed(self._line.read(self._decoder.missing_bytes))
        self.traffic.frames += len(frames)
        return frames, expired

    def timeout_s(self, attempt: int) -> float:
        """How long to wait for an answer beyond what sending and working take."""
        if not self._round_trips_s:
            return min(_LONGEST_TIMEOUT_S, self._first_timeout_s * 2.0**attempt)
        shortest_s = min(_SHORTEST_TIMEOUT_S, self._first_timeout_s)
        usual_s = max(shortest_s, _ROUND_TRIPS_OF_PATIENCE * max(self._round_trips_s))
        return min(_LONGEST_TIMEOUT_S, usual_s * 2.0**attempt)

    def learn(self, round_trip_s: float) -> None:
        """An answer took so long beyond what sending took."""
        self._round_trips_s.append(max(0.0, round_trip_s))

    def why_silent(self) -> str:
        """What may be the matter when no answer comes."""
        if self._round_trips_s:
            return "the board answered no more, however often it was asked; was it unplugged, or is the line very noisy?"
        noise_bytes = self._decoder.passed_over_bytes
        if noise_bytes:
            return (
                f"the board gave no valid answer; {noise_bytes} bytes came that mean nothing: is the baud rate the board's own (--baud), "
                "and does it run firmware of edgecomp for the serial line (edgecomp flash)?"
            )
        return (
            "the board gave no answer: is this its port, is it powered, is the baud rate its own (--baud), "
            "and does it run firmware of edgecomp for the serial line (edgecomp flash)?"
        )


class Question:
    """A request that is sent again until an answer comes, so it must be one that may be carried out twice.

    Before it goes out again the line is flushed: zeros complete a frame whose end was lost, behind which the board would still wait.
    """

    def __init__(
        self, exchange: Exchange, kind: Kind, payload: bytes, *, before: Iterable[bytes] = (), answer_kind: Kind | None = None
    ) -> None:
        """`before` are payloads of LOAD frames that go out ahead of the first attempt."""
        self._exchange = exchange
        self._kind = kind
        self._payload = payload
        self._before = [(Kind.LOAD, part) for part in before]
        self._wanted = (answer_kind or kind) | ANSWER
        self._sent: set[int] = set()

    def settle(self, take: Callable[[Frame], T | None], *, attempts: int = ATTEMPTS, extra_s: float = 0.0) -> T:
        """Ask until `take` makes something of an answer; `extra_s` is time the board needs beside the line.

        Raises:
            SilenceError: no answer came to so many attempts.
            RefusalError, FaultError: the board said so.
            RunError: the line broke off.
        """
        exchange = self._exchange
        for attempt in range(attempts):
            start_s = time.monotonic()
            line_s = self.send() * exchange.byte_s
            found = self.wait(take, line_s + extra_s + exchange.timeout_s(attempt))
            if found is not None:
                if attempt == 0 and not extra_s:
                    exchange.learn(time.monotonic() - start_s - line_s)
                return found
        raise SilenceError(exchange.why_silent())

    def send(self) -> int:
        """Ask, or ask again; the bytes that went out."""
        asked = len(self._sent)
        frames = [*(self._before if not asked else ()), (self._kind, self._payload)]
        flush_bytes = 0 if not asked else _LONGEST_FLUSH_BYTES if asked == _LONG_FLUSH_ATTEMPT else _FLUSH_BYTES
        self._exchange.traffic.retries += asked > 0
        self._sent.add(self._exchange.send(frames, flush_bytes))
        return flush_bytes + sum(len(payload) + OVERHEAD_BYTES for _, payload in frames)

    def wait(self, take: Callable[[Frame], T | None], timeout_s: float) -> T | None:
        """Wait for an answer to what was sent; None when none came in time.

        Raises:
            RefusalError, FaultError, RunError: as for `settle`.
        """
        deadline_s = time.monotonic() + timeout_s
        expired = False
        while not expired:
            frames, expired = self._exchange.receive(deadline_s)
            for frame in frames:
                found = self._judge(frame, take)
                if found is not None:
                    return found
        return None

    def _judge(self, frame: Frame, take: Callable[[Frame], T | None]) -> T | None:
        if frame.sequence not in self._sent:
            return None  # late, or repeated
        if frame.kind == Kind.FAULT:
            raise FaultError(frame.payload.decode("utf-8", "replace"))
        if frame.kind == Kind.ERROR and len(frame.payload) == 5:
            raise RefusalError(frame.payload[0], int.from_bytes(frame.payload[1:], "little"))
        return take(frame) if frame.kind == self._wanted else None

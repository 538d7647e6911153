"""Frames on a line of bytes, as docs/serial_protocol.md describes them and `targets/common/serial/ec_frame.c` speaks them."""

import struct
import zlib
from dataclasses import dataclass
from typing import Final

SYNC: Final = b"\xec\x5e"
HEADER_BYTES: Final = 8
OVERHEAD_BYTES: Final = HEADER_BYTES + 4
LONGEST_PAYLOAD_BYTES: Final = 0xFFFF
_FIELDS: Final = struct.Struct("<HHB")
_FIELDS_END: Final = len(SYNC) + _FIELDS.size


@dataclass(frozen=True)
class Frame:
    """One message; `sequence` 0..65535 is the host's and comes back in every answer."""

    kind: int
    sequence: int
    payload: bytes


def encode(frame: Frame) -> bytes:
    """The bytes of a frame, `OVERHEAD_BYTES` more than its payload.

    Raises:
        ValueError: the payload is longer than `LONGEST_PAYLOAD_BYTES`.
    """
    if len(frame.payload) > LONGEST_PAYLOAD_BYTES:
        raise ValueError(f"a payload of {len(frame.payload)} bytes; at most {LONGEST_PAYLOAD_BYTES} are allowed")
    fields = _FIELDS.pack(len(frame.payload), frame.sequence, frame.kind)
    body = fields + bytes([zlib.crc32(fields) & 0xFF]) + frame.payload
    return SYNC + body + struct.pack("<I", zlib.crc32(body))


class FrameDecoder:
    """Finds frames in what comes from a line; whatever is no undamaged frame is passed over and counted."""

    def __init__(self) -> None:
        self.passed_over_bytes = 0
        self._pending = bytearray()

    def feed(self, received: bytes) -> list[Frame]:
        """The frames that are complete now, in order."""
        self._pending += received
        frames: list[Frame] = []
        while True:
            frame = self._next()
            if frame is None:
                return frames
            frames.append(frame)

    def give_up_partial(self) -> list[Frame]:
        """Nothing more comes of the frame that has begun: look for others behind its first byte."""
        if self._pending:
            self._drop(1)
        return self.feed(b"")

    @property
    def missing_bytes(self) -> int:
        """Bytes that must come before another frame can be complete, at least 1."""
        if len(self._pending) < HEADER_BYTES:
            return OVERHEAD_BYTES - len(self._pending)
        return max(1, self._frame_bytes() - len(self._pending))

    def _frame_bytes(self) -> int:
        length: int = _FIELDS.unpack_from(self._pending, len(SYNC))[0]
        return OVERHEAD_BYTES + length

    def _next(self) -> Frame | None:
        """Take one frame; afterwards the pending bytes are the beginning of one, or none."""
        while self._align() and len(self._pending) >= HEADER_BYTES:
            if self._pending[_FIELDS_END] != zlib.crc32(self._pending[len(SYNC) : _FIELDS_END]) & 0xFF:
                self._drop(1)
                continue
            size = self._frame_bytes()
            if len(self._pending) < size:
                return None
            body = bytes(self._pending[len(SYNC) : size - 4])
            if zlib.crc32(body) != int.from_bytes(self._pending[size - 4 : size], "little"):
                self._drop(1)
                continue
            _, sequence, kind = _FIELDS.unpack_from(body)
            del self._pending[:size]
            return Frame(kind, sequence, body[_FIELDS.size + 1 :])
        return None

    def _align(self) -> bool:
        """Pass over what cannot begin a frame; True where something is left."""
        start = self._pending.find(SYNC)
        if start < 0:
            start = len(self._pending) - (1 if self._pending.endswith(SYNC[:1]) else 0)
        if start:
            self._drop(start)
        return bool(self._pending)

    def _drop(self, count: int) -> None:
        del self._pending[:count]
        self.passed_over_bytes += count

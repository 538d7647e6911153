"""What the frames of docs/serial_protocol.md say, packed and read."""

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final

from edgecomp.run.serial.frames import Frame

PROTOCOL_VERSION: Final = 1
INPUT_PART_BYTES: Final = 512
"""Of the input in one frame: its 20 bytes of frame are 4 % of the line, and a damaged frame costs 50 ms at 115,200 baud."""
OUTPUT_PART_BYTES: Final = 512
MEASURES_BYTES: Final = 16
ANSWER: Final = 0x80
_HELLO: Final = struct.Struct("<BBH9I")


class Kind(IntEnum):
    """Types of frames; an answer has `ANSWER` added."""

    HELLO = 0x01
    LOAD = 0x02
    STATUS = 0x03
    PAINT = 0x04
    INFER = 0x05
    READ = 0x06
    CONTINUE = 0x07
    CHECKSUM = 0x08
    RESTART = 0x09
    FAULT = 0xFE
    ERROR = 0xFF


class Infer(IntFlag):
    """Flags of a request to infer."""

    PLAIN = 0
    COUNT = 1
    MEASURE = 2
    STEP = 4
    OUTPUT = 8


class State(IntEnum):
    """How far a run is."""

    RUNNING = 1
    DONE = 2
    STOPPED = 3


class Region(IntEnum):
    """What can be read."""

    OUTPUT = 0
    LAYER_CYCLES = 1
    LAYER = 2
    MEASURES = 3


class Sum(IntEnum):
    """What can be summed."""

    CONSTANTS = 0
    CODE = 1


class Code(IntEnum):
    """Why a request was refused."""

    NO_ARENA = 1
    NO_INPUT = 2
    INPUT_GONE = 3
    OTHER_INPUT = 4
    BAD_REQUEST = 16
    BAD_SESSION = 17
    BAD_RUN = 18
    BAD_RANGE = 19


class _Flag(IntFlag):
    COUNTER = 1
    KEEPS_INPUT = 2
    STACK = 4
    ARENA = 8


@dataclass(frozen=True)
class Hello:
    """What a board says of itself."""

    version: int
    session: int
    has_counter: bool
    keeps_input: bool
    """It has room for a copy of the input and can run it more than once."""
    knows_stack: bool
    has_arena: bool
    clock_hz: int
    baud: int
    input_bytes: int
    output_bytes: int
    arena_bytes: int
    layers: int
    static_bytes: int
    """RAM of the harness's variables, the model's excepted, which has none."""
    extra_bytes: int
    """RAM of the harness behind the arena: guard, cycles a layer, copy of the input."""
    image_id: str
    """Hash of all that went into the image, 64 hex digits."""
    model_sha256: str
    model_name: str

    @classmethod
    def read(cls, payload: bytes) -> "Hello":
        """Raises ValueError where the payload is out of form."""
        if len(payload) < 1 or payload[0] != PROTOCOL_VERSION:
            raise ValueError(f"it speaks version {payload[0] if payload else 0} of the protocol; this is version {PROTOCOL_VERSION}")
        texts = payload[_HELLO.size :].split(b"\0")
        if len(payload) < _HELLO.size or len(texts) != 4 or texts[3]:
            raise ValueError("its greeting is out of form")
        version, bits, _, *numbers = _HELLO.unpack_from(payload)
        session, clock_hz, baud, inputs, outputs, arena, layers, static, extra = numbers
        flags = _Flag(bits & 15)
        image_id, sha256, name = (text.decode("utf-8", "replace") for text in texts[:3])
        return cls(
            version=version,
            session=session,
            has_counter=_Flag.COUNTER in flags,
            keeps_input=_Flag.KEEPS_INPUT in flags,
            knows_stack=_Flag.STACK in flags,
            has_arena=_Flag.ARENA in flags,
            clock_hz=clock_hz,
            baud=baud,
            input_bytes=inputs,
            output_bytes=outputs,
            arena_bytes=arena,
            layers=layers,
            static_bytes=static,
            extra_bytes=extra,
            image_id=image_id,
            model_sha256=sha256,
            model_name=name,
        )


@dataclass(frozen=True)
class Progress:
    """An answer to INFER or CONTINUE."""

    state: State
    run: int
    layer: int = 0
    """STOPPED: after this layer."""
    layer_bytes: int = 0
    cycles: int = 0
    """DONE: from call to return, over all repeats."""
    output: bytes = b""

    @classmethod
    def read(cls, payload: bytes) -> "Progress | None":
        """None where the payload is out of form."""
        try:
            state, run = struct.unpack_from("<BI", payload)
            if state == State.STOPPED:
                return cls(State.STOPPED, run, *struct.unpack_from("<II", payload, 5))
            if state == State.DONE:
                return cls(State.DONE, run, cycles=struct.unpack_from("<Q", payload, 5)[0], output=payload[13:])
            return cls(State(state), run)
        except (struct.error, ValueError):
            return None


@dataclass(frozen=True)
class Checksum:
    """CRC-32 of a part of the image as it lies in the board's flash."""

    address: int
    bytes: int
    crc32: int


@dataclass(frozen=True)
class Measures:
    """What a measured run took."""

    repeats: int
    stack_bytes: int
    arena_used_bytes: int
    arena_overrun: int

    @classmethod
    def read(cls, payload: bytes) -> "Measures":
        """From the bytes of `Region.MEASURES`."""
        return cls(*struct.unpack("<4I", payload))


def load(run: int, offset: int, data: bytes) -> bytes:
    """Payload of LOAD."""
    return struct.pack("<II", run, offset) + data


def infer(session: int, run: int, input_crc: int, repeats: int, flags: Infer) -> bytes:
    """Payload of INFER."""
    return struct.pack("<IIIHH", session, run, input_crc, repeats, flags)


def read(session: int, run: int, region: Region, offset: int, size: int) -> bytes:
    """Payload of READ."""
    return struct.pack("<IIBBHII", session, run, region, 0, OUTPUT_PART_BYTES, offset, size)


def part(frame: Frame) -> tuple[int, bytes]:
    """Offset and bytes in an answer to READ; (0, b"") where it is out of form."""
    return (int.from_bytes(frame.payload[:4], "little"), frame.payload[4:]) if len(frame.payload) > 4 else (0, b"")

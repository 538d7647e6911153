"""What goes into a board's flash, from an ELF file: raw binary, Intel HEX and UF2.

The bytes are those of the program's load segments at their physical addresses (System V ABI, chapter 5), as objcopy takes them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from edgecomp.errors import ToolError

_PT_LOAD: Final = 1
ERASED: Final = 0xFF
"""What flash holds where nothing is written."""
MAX_GAP_BYTES: Final = 16 * 1024**2
"""Longest gap between segments that a raw binary fills; more is a file linked for another purpose."""

HEX_RECORD_BYTES: Final = 16
_HEX_DATA: Final = 0
_HEX_END: Final = 1
_HEX_UPPER_ADDRESS: Final = 4
_HEX_ENTRY: Final = 5

UF2_BLOCK: Final = struct.Struct("<8I476sI")
UF2_MAGICS: Final = (0x0A324655, 0x9E5D5157, 0x0AB16F30)
UF2_FAMILY_PRESENT: Final = 0x2000
UF2_PAYLOAD_BYTES: Final = 256
"""A page of the flash of the chips whose boot ROM takes UF2: each block is written as it comes."""


@dataclass(frozen=True)
class Segment:
    """Bytes that lie together in flash."""

    address: int
    data: bytes

    @property
    def end(self) -> int:
        """The address behind the last byte."""
        return self.address + len(self.data)


@dataclass(frozen=True)
class Image:
    """A program as its flash holds it: segments by rising address, not overlapping, none empty."""

    segments: tuple[Segment, ...]
    entry: int

    @property
    def address(self) -> int:
        """Of the first byte."""
        return self.segments[0].address

    def to_bin(self) -> bytes:
        """All bytes from the first address on, gaps as erased flash has them.

        Raises:
            ToolError: segments lie too far apart for one file.
        """
        pieces: list[bytes] = []
        at = self.address
        for segment in self.segments:
            gap = segment.address - at
            if gap > MAX_GAP_BYTES:
                raise ToolError(f"the program lies at 0x{at:08x} and 0x{segment.address:08x}, too far apart for a raw binary; use hex")
            pieces += [bytes([ERASED]) * gap, segment.data]
            at = segment.end
        return b"".join(pieces)

    def to_hex(self) -> str:
        """Intel HEX (Intel Hexadecimal Object File Format Specification, revision A) with 32-bit addresses."""
        lines = []
        upper = 0
        for segment in self.segments:
            for address, data in _pieces(segment, HEX_RECORD_BYTES):
                if address >> 16 != upper:
                    upper = address >> 16
                    lines.append(_hex_record(_HEX_UPPER_ADDRESS, 0, upper.to_bytes(2, "big")))
                lines.append(_hex_record(_HEX_DATA, address & 0xFFFF, data))
        lines += [_hex_record(_HEX_ENTRY, 0, self.entry.to_bytes(4, "big")), _hex_record(_HEX_END, 0, b"")]
        return "\n".join(lines) + "\n"

    def to_uf2(self, family: int) -> bytes:
        """UF2 (the format's specification, github.com/microsoft/uf2): pages of 256 bytes, each once, for chips of one family."""
        pages = self._pages(UF2_PAYLOAD_BYTES)
        start0, start1, end = UF2_MAGICS
        blocks = [
            UF2_BLOCK.pack(start0, start1, UF2_FAMILY_PRESENT, address, len(page), number, len(pages), family, page, end)
            for number, (address, page) in enumerate(sorted(pages.items()))
        ]
        return b"".join(blocks)

    def _pages(self, page_bytes: int) -> dict[int, bytes]:
        """Whole aligned pages that hold the image, the rest of each as erased flash has it."""
        pages: dict[int, bytearray] = {}
        for segment in self.segments:
            for address, data in _pieces(segment, page_bytes):
                base = address - address % page_bytes
                page = pages.setdefault(base, bytearray([ERASED]) * page_bytes)
                page[address - base : address - base + len(data)] = data
        return {base: bytes(page) for base, page in pages.items()}


def read_image(elf: Path) -> Image:
    """The flash image of a 32-bit little-endian ELF program.

    Raises:
        ToolError: the file is no such program, is cut short, or holds nothing to write.
    """
    try:
        content = elf.read_bytes()
    except OSError as error:
        raise ToolError(f"{elf}: cannot be read: {error.strerror}") from error
    if content[:6] != b"\x7fELF\x01\x01" or len(content) < 52:
        raise ToolError(f"{elf}: not a 32-bit little-endian ELF file; give the firmware.elf of a build, or a model")
    try:
        segments = sorted(_load_segments(content), key=lambda segment: segment.address)
    except struct.error:
        raise ToolError(f"{elf}: the ELF file is cut short; build it again") from None
    if not segments:
        raise ToolError(f"{elf}: holds nothing to load; give the firmware.elf of a build, not an object file")
    for before, after in pairwise(segments):
        if after.address < before.end:
            raise ToolError(f"{elf}: two parts are to be loaded to 0x{after.address:08x}; its linker script is wrong")
    return Image(tuple(segments), struct.unpack_from("<I", content, 24)[0])


def _load_segments(content: bytes) -> Iterator[Segment]:
    (table,) = struct.unpack_from("<I", content, 28)
    entry_bytes, count = struct.unpack_from("<HH", content, 42)
    for index in range(count):
        kind, offset, _, physical, file_bytes = struct.unpack_from("<5I", content, table + index * entry_bytes)
        if kind == _PT_LOAD and file_bytes:
            data = content[offset : offset + file_bytes]
            if len(data) != file_bytes:
                raise struct.error
            yield Segment(physical, data)


def _pieces(segment: Segment, piece_bytes: int) -> Iterator[tuple[int, bytes]]:
    """The segment cut at the multiples of `piece_bytes`."""
    at = segment.address
    while at < segment.end:
        stop = min(segment.end, at - at % piece_bytes + piece_bytes)
        yield at, segment.data[at - segment.address : stop - segment.address]
        at = stop


def _hex_record(kind: int, address: int, data: bytes) -> str:
    record = bytes([len(data), address >> 8, address & 0xFF, kind]) + data
    return f":{record.hex().upper()}{-sum(record) & 0xFF:02X}"

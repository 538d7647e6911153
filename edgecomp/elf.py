"""Sections and symbols of an ELF file, as far as sizes and addresses need them (System V ABI, chapter 4)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgecomp.errors import ToolError

_STT_FUNC: Final = 2
_SHT_SYMTAB: Final = 2
_SHT_NOBITS: Final = 8
_SHF_WRITE: Final = 1
_SHF_ALLOC: Final = 2
_SHF_EXECINSTR: Final = 4


@dataclass(frozen=True)
class SectionSizes:
    """Bytes a program or object takes, by kind."""

    code: int
    rodata: int
    data: int
    bss: int

    @property
    def flash_bytes(self) -> int:
        """Code, constants and the initial image of the variables."""
        return self.code + self.rodata + self.data


class ElfFile:
    """A little-endian ELF file of 32 or 64 bits, read whole.

    Raises:
        ToolError: the file is not such an ELF file.
    """

    def __init__(self, path: Path) -> None:
        self._image = path.read_bytes()
        if len(self._image) < 52 or self._image[:4] != b"\x7fELF" or self._image[5] != 1:
            raise ToolError(f"{path}: not a little-endian ELF file")
        self._wide = self._image[4] == 2
        if self._wide:
            table_offset, entry_bytes, count = *struct.unpack_from("<Q", self._image, 0x28), *struct.unpack_from("<HH", self._image, 0x3A)
        else:
            table_offset, entry_bytes, count = *struct.unpack_from("<I", self._image, 0x20), *struct.unpack_from("<HH", self._image, 0x2E)
        self._sections = [self._section(table_offset + i * entry_bytes) for i in range(count)]

    def sizes(self) -> SectionSizes:
        """Sum of the allocated sections by kind."""
        code = rodata = data = bss = 0
        for section in self._sections:
            if not section.flags & _SHF_ALLOC:
                continue
            if section.kind == _SHT_NOBITS:
                bss += section.size
            elif section.flags & _SHF_EXECINSTR:
                code += section.size
            elif section.flags & _SHF_WRITE:
                data += section.size
            else:
                rodata += section.size
        return SectionSizes(code, rodata, data, bss)

    def symbol_address(self, name: str) -> int | None:
        """Value of a defined symbol (for Thumb functions with bit 0 set), or None."""
        return next((symbol.value for symbol in self._symbols() if symbol.name == name), None)

    def bytes_at(self, address: int, size: int) -> bytes | None:
        """What the program holds in memory from `address` on; None unless one section has it all."""
        for section in self._sections:
            start = address - section.address
            if section.flags & _SHF_ALLOC and section.kind != _SHT_NOBITS and start >= 0 and start + size <= section.size:
                return self._image[section.offset + start : section.offset + start + size]
        return None

    def function_at(self, address: int) -> str | None:
        """Name of the function whose code holds `address`, or None."""
        for symbol in self._symbols():
            start = symbol.value & ~1  # Thumb functions have bit 0 set
            if symbol.kind == _STT_FUNC and start <= address < start + symbol.size:
                return symbol.name
        return None

    def _symbols(self) -> "Iterator[_Symbol]":
        """Every defined symbol."""
        entry = struct.Struct("<IBBHQQ" if self._wide else "<IIIBBH")
        for table in self._sections:
            if table.kind != _SHT_SYMTAB:
                continue
            names = self._sections[table.link].offset
            for offset in range(table.offset, table.offset + table.size, entry.size):
                if self._wide:
                    name, info, _, section, value, size = entry.unpack_from(self._image, offset)
                else:
                    name, value, size, info, _, section = entry.unpack_from(self._image, offset)
                if section != 0:
                    text = self._image[names + name : self._image.index(b"\0", names + name)]
                    yield _Symbol(text.decode(errors="replace"), value, size, info & 15)

    def _section(self, offset: int) -> "_Section":
        fields = struct.unpack_from("<IIQQQQI" if self._wide else "<IIIIIII", self._image, offset)
        return _Section(kind=fields[1], flags=fields[2], address=fields[3], offset=fields[4], size=fields[5], link=fields[6])


@dataclass(frozen=True)
class _Section:
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int


@dataclass(frozen=True)
class _Symbol:
    name: str
    value: int
    size: int
    kind: int

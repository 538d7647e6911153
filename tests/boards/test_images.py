"""Flash images from ELF files, against objcopy and against readers of their own."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgecomp.boards import boot2
from edgecomp.boards.images import UF2_BLOCK, Image, Segment, read_image
from edgecomp.errors import ToolError
from edgecomp.target import load_target
from tests.boards.echo_firmware import REAL_BOARDS, build_echo

FAMILY = 0xE48BFF56


@st.composite
def images(draw: st.DrawFn) -> Image:
    """Segments with gaps of all kinds, over the borders of pages and of 64 KB."""
    at = draw(st.sampled_from([0, 0x10000000, 0x2000FFF0, 0x0800FF00])) + draw(st.integers(0, 300))
    segments = []
    for data in draw(st.lists(st.binary(min_size=1, max_size=700), min_size=1, max_size=4)):
        segments.append(Segment(at, data))
        at += len(data) + draw(st.sampled_from([0, 1, 17, 255, 256, 5000, 70000]))
    return Image(tuple(segments), draw(st.integers(0, 0xFFFFFFFF)))


def bytes_of(image: Image) -> dict[int, int]:
    return {segment.address + offset: value for segment in image.segments for offset, value in enumerate(segment.data)}


def read_hex(text: str) -> tuple[dict[int, int], int | None]:
    """Bytes by address and the entry, with every rule of the format checked."""
    found: dict[int, int] = {}
    upper, entry = 0, None
    lines = text.splitlines()
    assert lines[-1] == ":00000001FF"
    for line in lines[:-1]:
        record = bytes.fromhex(line[1:])
        count, address, kind, data = record[0], int.from_bytes(record[1:3], "big"), record[3], record[4:-1]
        assert line[0] == ":" and sum(record) % 256 == 0 and count == len(data)
        if kind == 4:
            upper = int.from_bytes(data, "big") << 16
        elif kind == 5:
            entry = int.from_bytes(data, "big")
        elif kind == 3:  # the same in two halves, as objcopy writes it for low addresses
            entry = (int.from_bytes(data[:2], "big") << 4) + int.from_bytes(data[2:], "big")
        else:
            assert kind == 0 and address + count <= 0x10000, "a record does not go over the border of 64 KB"
            for offset, value in enumerate(data):
                assert upper + address + offset not in found
                found[upper + address + offset] = value
    return found, entry


def read_uf2(content: bytes) -> dict[int, int]:
    found: dict[int, int] = {}
    assert len(content) % 512 == 0
    count = len(content) // 512
    for number in range(count):
        *head, data, end = UF2_BLOCK.unpack_from(content, 512 * number)
        assert head[:3] == [0x0A324655, 0x9E5D5157, 0x2000] and end == 0x0AB16F30
        address, size, index, blocks, family = head[3:]
        assert (size, index, blocks, family) == (256, number, count, FAMILY)
        assert address % 256 == 0 and data[256:] == bytes(220)
        found |= {address + offset: value for offset, value in enumerate(data[:256])}
    return found


@given(images())
def test_every_form_holds_the_same_bytes(image: Image) -> None:
    expected = bytes_of(image)
    raw = image.to_bin()
    assert {image.address + offset: value for offset, value in enumerate(raw) if image.address + offset in expected} == expected
    assert all(value == 0xFF for offset, value in enumerate(raw) if image.address + offset not in expected)
    assert read_hex(image.to_hex()) == (expected, image.entry)
    pages = read_uf2(image.to_uf2(FAMILY))
    assert expected.items() <= pages.items()
    assert {address & -256 for address in expected} == {address & -256 for address in pages}, "no page more than needed"
    assert all(value == 0xFF for address, value in pages.items() if address not in expected)


@pytest.mark.parametrize("board", REAL_BOARDS)
def test_they_are_as_objcopy_makes_them(board: str, tmp_path: Path) -> None:
    elf = build_echo(board, tmp_path)
    objcopy = f"{load_target(board).toolchain_prefix}objcopy"
    if shutil.which(objcopy) is None:
        pytest.skip(f"needs {objcopy}, which is not installed")
    for form in ("binary", "ihex"):
        subprocess.run([objcopy, "-O", form, str(elf), str(tmp_path / form)], check=True, timeout=60)
    image = read_image(elf)
    # objcopy fills gaps between sections of one segment with zeros, as the ELF file has them; segments here have none between them
    assert image.to_bin() == (tmp_path / "binary").read_bytes()
    ours, entry = read_hex(image.to_hex())
    theirs, their_entry = read_hex((tmp_path / "ihex").read_text())
    assert theirs.items() <= ours.items() and entry is not None
    assert their_entry in (entry, entry & ~1)


def test_a_program_in_two_places_is_no_raw_binary() -> None:
    image = Image((Segment(0, b"a"), Segment(0x20000000, b"b")), 0)
    with pytest.raises(ToolError, match=r"0x00000001 and 0x20000000, too far apart.*use hex"):
        image.to_bin()


def elf_of(*segments: tuple[int, bytes]) -> bytes:
    """A 32-bit ELF file with load segments."""
    head = b"\x7fELF\x01\x01\x01" + bytes(9) + struct.pack("<2H5I6H", 2, 40, 1, 0x101, 52, 0, 0, 52, 32, len(segments), 0, 0, 0)
    offset = 52 + 32 * len(segments)
    table = body = b""
    for address, data in segments:
        table += struct.pack("<8I", 1, offset + len(body), address, address, len(data), len(data), 5, 4)
        body += data
    return head + table + body


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x08onnx", "not a 32-bit little-endian ELF file"),
        (elf_of((0, b"abcd"))[:-1], "cut short"),
        (elf_of((0, b"abcd"))[:60], "cut short"),
        (elf_of(), "nothing to load"),
        (elf_of((0, b"abcd"), (2, b"ef")), "two parts are to be loaded to 0x00000002"),
    ],
)
def test_a_file_that_is_no_program_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "firmware.elf"
    file.write_bytes(content)
    with pytest.raises(ToolError, match=message):
        read_image(file)
    with pytest.raises(ToolError, match="cannot be read"):
        read_image(tmp_path / "none.elf")


def test_the_checksum_of_the_second_stage_is_that_of_the_datasheet() -> None:
    # "CRC-32/MPEG-2" of the catalogue of parametrised CRC algorithms: the same rules, with this check value
    assert boot2.boot2_checksum(b"123456789") == 0x0376E6E7


def test_boot2_says_what_checksum_is_needed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    elf = build_echo("rp2040_pico", tmp_path)
    assert boot2.main([str(elf)]) == 0
    image = read_image(elf)
    patched = bytearray(elf.read_bytes())
    start = patched.index(image.segments[0].data[:252])
    patched[start] ^= 1
    elf.write_bytes(patched)
    capsys.readouterr()
    assert boot2.main([str(elf)]) == 1
    assert "needed 0x" in capsys.readouterr().out
    other = build_echo("stm32f405", tmp_path)
    assert boot2.main([str(other)]) == 1
    assert "is it for an RP2040?" in capsys.readouterr().err
    assert boot2.main([]) == 1

"""Boards whose chips no emulator models: their images start as the boot ROM starts them, touch known registers only, set the clock and
the line that board.toml says, and come to an end of every wait although nothing gets ready."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgecomp.boards.boot2 import boot2_checksum
from edgecomp.elf import ElfFile
from edgecomp.target import load_target
from tests.boards.chip import Chip, flash_content
from tests.boards.chips import CHIPS, FPU_ON
from tests.boards.echo_firmware import build_echo

FEW_READS = "-DEC_WAIT_READS=50u"
POLLING = re.compile(r"main|\w+_serial_get|\w+_serial_put|\w+_uart_(get|put)|\w+_usart_(get|put)")


def start_at_vectors(chip: Chip, flash_address: int, flash_bytes: int, ram_bytes: int) -> None:
    """A Cortex-M with a vector table at the beginning of flash."""
    content = flash_content(chip.image, flash_address, flash_bytes)
    chip.memory(flash_address, flash_bytes, content)
    chip.memory(0x20000000, ram_bytes)
    chip.start_arm(*struct.unpack_from("<2I", content))


def start_rp2040(chip: Chip) -> None:
    """RP2040 Datasheet 2.8.1: 256 bytes to the end of SRAM, where they run if their checksum is right."""
    content = flash_content(chip.image, 0x10000000, 2 << 20)
    assert boot2_checksum(content) == int.from_bytes(content[252:256], "little")
    chip.memory(0x10000000, 2 << 20, content)
    chip.memory(0x20000000, 264 << 10)
    chip.core.mem_write(0x20041F00, content[:256])
    chip.start_arm(0x20041F00, 0x20041F01)


def read_image_definition(content: bytes) -> dict[int, tuple[int, ...]]:
    """RP2350 Datasheet 5.9.1: the items of the block in the first 4 KB, by kind; it must be the only one of its loop."""
    words = struct.unpack("<1024I", content[:4096].ljust(4096, b"\xff"))
    at = words.index(0xFFFFDED3) + 1
    items: dict[int, tuple[int, ...]] = {}
    first = at
    while words[at] & 0x7F != 0x7F:
        kind, size = words[at] & 0xFF, words[at] >> 8 & 0xFF
        items[kind] = words[at : at + size]
        at += size
    assert words[at] >> 8 & 0xFFFF == at - first, "the last item counts the words of the others"
    assert words[at + 1 : at + 3] == (0, 0xAB123579)
    return items


def start_rp2350(chip: Chip) -> None:
    """RP2350 Datasheet 5.9.3: the image definition says which core runs it, and where it starts."""
    content = flash_content(chip.image, 0x10000000, 4 << 20)
    items = read_image_definition(content)
    riscv = chip.target.core.startswith("rv32")
    chip.memory(0x10000000, 4 << 20, content)
    chip.memory(0x20000000, 520 << 10)
    assert items[0x42][0] >> 16 == (0x1101 if riscv else 0x1021)  # RP2350, executable, for RISC-V; for Arm, secure
    if riscv:
        _, entry, stack_top = items[0x44]
        assert stack_top == 0x20082000
        chip.start_riscv(entry)
    else:
        vectors = items[0x03][1]
        assert vectors % 128 == 0, "VTOR holds no lower bits"
        chip.start_arm(*struct.unpack_from("<2I", content, vectors - 0x10000000))


def start_esp32c3(chip: Chip) -> None:
    """Direct boot: flash mapped for code and for data, and a jump behind two magic words."""
    content = flash_content(chip.image, 0, 4 << 20)
    assert struct.unpack_from("<2I", content) == (0xAEDB041D, 0xAEDB041D)
    chip.memory(0x42000000, 4 << 20, content)
    chip.memory(0x3C000000, 4 << 20, content)
    chip.memory(0x3FC80000, 384 << 10)
    chip.start_riscv(0x42000008)


STARTS: dict[str, Callable[[Chip], None]] = {
    "stm32f405": lambda chip: start_at_vectors(chip, 0x08000000, 1 << 20, 128 << 10),
    "nucleo_f446re": lambda chip: start_at_vectors(chip, 0x08000000, 512 << 10, 128 << 10),
    "nucleo_l4r5zi": lambda chip: start_at_vectors(chip, 0x08000000, 2 << 20, 640 << 10),
    "nrf52840dk": lambda chip: start_at_vectors(chip, 0x00000000, 1 << 20, 256 << 10),
    "rp2040_pico": start_rp2040,
    "rp2350_pico2": start_rp2350,
    "rp2350_pico2_riscv": start_rp2350,
    "esp32c3_devkit": start_esp32c3,
}


@pytest.mark.parametrize("board", CHIPS)
def test_it_starts_sets_clock_and_line_and_answers(board: str, tmp_path: Path) -> None:
    known = CHIPS[board]()
    chip = Chip(board, build_echo(board, tmp_path, FEW_READS), known.registers)
    STARTS[board](chip)
    assert not chip.strangers
    assert re.fullmatch(rb"hello \d+\n", bytes(chip.sent)), chip.sent
    found = {address: chip.values[address] for address in known.finally_}
    assert {hex(key): hex(value) for key, value in found.items()} == {hex(key): hex(value) for key, value in known.finally_.items()}
    assert known.baud(chip.values) == pytest.approx(load_target(board).serial_baud, rel=0.005)
    chip.sent.clear()
    chip.line += b"HAL"
    chip.proceed()
    assert chip.sent == b"IBM"


@pytest.mark.parametrize("board", CHIPS)
def test_no_wait_is_without_end(board: str, tmp_path: Path) -> None:
    known = CHIPS[board]()

    def receive(address: int, _: int) -> int | None:
        return None if known.registers.receive(address, 0) is None else 0

    never = replace(known.registers, ready=dict.fromkeys(known.registers.ready, 0), receive=receive)
    elf = build_echo(board, tmp_path, FEW_READS)
    chip = Chip(board, elf, never)
    STARTS[board](chip)
    assert not chip.strangers
    chip.proceed()
    function = ElfFile(elf).function_at(chip.program_counter() & ~1)
    assert function and POLLING.fullmatch(function), "it waits for bytes in the end, and for nothing else"


@pytest.mark.parametrize("board", [name for name in CHIPS if load_target(name).core in ("cortex-m4", "cortex-m33")])
def test_the_fpu_is_on(board: str, tmp_path: Path) -> None:
    chip = Chip(board, build_echo(board, tmp_path, FEW_READS), CHIPS[board]().registers)
    STARTS[board](chip)
    assert FPU_ON.items() <= chip.values.items()


def test_the_second_stage_puts_the_flash_into_quad_mode(tmp_path: Path) -> None:
    known = CHIPS["rp2040_pico"]()
    commands: list[int] = []
    ssi_data, ssi_form = 0x18000060, 0x180000F4
    spied = replace(known.registers, on_write=lambda address, value: commands.append(value) if address == ssi_data else None)
    chip = Chip("rp2040_pico", build_echo("rp2040_pico", tmp_path, FEW_READS), spied)
    STARTS["rp2040_pico"](chip)
    read_status_2, write_enable, write_status, quad_read = [0x35, 0x35], [0x06], [0x01, 0x00, 0x02], [0xEB, 0xA0]
    assert commands == [*read_status_2, *write_enable, *write_status, 0x05, 0x05, *quad_read]
    assert chip.values[ssi_form] == 0xA0 << 24 | 4 << 11 | 8 << 2 | 2
    assert chip.values[0xE000ED08] == 0x10000100

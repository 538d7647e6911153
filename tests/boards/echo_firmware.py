"""The echo program of `firmware/echo.c`, built for a board as the build would: its start-up, its board.c, its linker script."""

import shutil
import subprocess
from pathlib import Path

import pytest

from edgecomp.build import LANGUAGE_FLAGS, WARNING_FLAGS
from edgecomp.paths import runtime_dir, targets_dir
from edgecomp.target import Target, load_target

PROGRAM = Path(__file__).parent / "firmware" / "echo.c"
REAL_BOARDS = (
    "stm32f405",
    "nucleo_l4r5zi",
    "nucleo_f446re",
    "microbit",
    "nrf52840dk",
    "rp2040_pico",
    "rp2350_pico2",
    "rp2350_pico2_riscv",
    "esp32c3_devkit",
    "hifive1",
)


def build_echo(board: str, folder: Path, *extra_flags: str) -> Path:
    """Compile and link with all warnings as errors; skips where the compiler is missing."""
    target = load_target(board)
    compiler = f"{target.toolchain_prefix}gcc"
    if shutil.which(compiler) is None:
        pytest.skip(f"{board} needs {compiler}, which is not installed")
    elf = folder / f"{board}.elf"
    shared = targets_dir() / "common"
    includes = [f"-I{shared}", f"-I{runtime_dir() / 'include'}", f"-L{target.directory}", f"-L{shared}"]
    line = [f"-DEC_SERIAL_BAUD={target.serial_baud}u", f"-DEC_CLOCK_HZ={target.clock_hz}u", *extra_flags]
    link = ["-nostartfiles", "-nostdlib", "-Wl,--gc-sections", f"-T{target.link_script}", *map(str, _sources(target)), "-o", str(elf)]
    command = [compiler, *target.cflags, *LANGUAGE_FLAGS, *WARNING_FLAGS, *line, *includes, *link, "-lc", "-lgcc"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return elf


def _sources(target: Target) -> list[Path]:
    own = [target.source_path(name) for name in target.sources]
    own += [target.source_path(name, "serial") for name in target.transport_sources["serial"]]
    return [target.directory / "board.c", *own, PROGRAM]

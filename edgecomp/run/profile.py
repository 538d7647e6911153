"""The QEMU profiler: building the plugin on first use, its options, and what it wrote."""

import re
import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from edgecomp.build import MARK_SYMBOL
from edgecomp.cache import content_key, fetch, keep
from edgecomp.elf import ElfFile
from edgecomp.errors import RunError, ToolError
from edgecomp.paths import targets_dir
from edgecomp.processes import call

PROFILE_FILE: Final = "profile.txt"
_PLUGIN_FILE: Final = "profiler.so"
_FIRST_QEMU_WITH_API_2: Final = 9


@dataclass(frozen=True)
class BlockCount:
    """How often straight-line code ran within one section."""

    address: int
    instructions: int
    section: int
    executed: int
    taken: int
    """How often its last instruction branched."""


@dataclass(frozen=True)
class Profile:
    """Blocks by section. With `layers` layers, section s < layers is layer s, section `layers` the way from the last layer to the
    model's return, and section layers + 1 lies outside the model."""

    blocks: tuple[BlockCount, ...]
    layers: int
    samples: int

    def section_instructions(self) -> list[int]:
        """Instructions of all samples, by section 0..layers."""
        totals = [0] * (self.layers + 2)
        for block in self.blocks:
            totals[block.section] += block.instructions * block.executed
        return totals[:-1]


def build_plugin(emulator: str, folder: Path) -> Path:
    """The profiler as a shared object in `folder`, made for this emulator's plugin interface.

    Raises:
        ToolError: there is no host compiler, or it failed.
    """
    plugin = folder / _PLUGIN_FILE
    source_folder = targets_dir() / "common" / "qemu_profiler"
    texts = [path.read_text(encoding="utf-8") for path in sorted(source_folder.glob("*.[ch]"))]
    compiler = shutil.which("gcc") or shutil.which("cc") or shutil.which("clang")
    if not compiler:
        raise ToolError("instructions are not counted: the QEMU profiler needs a host C compiler (sudo apt-get install build-essential)")
    api_version = 2 if _qemu_major_version(emulator) >= _FIRST_QEMU_WITH_API_2 else 1
    flags = ["-std=c11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", f"-DQEMU_PLUGIN_API_VERSION={api_version}"]
    key = content_key(compiler, flags, texts)
    if fetch("profiler", key, plugin):
        return plugin
    command = [compiler, *flags, str(source_folder / "profiler.c"), "-o", str(plugin)]
    result = call(command)
    if result.returncode != 0:
        raise ToolError(f"instructions are not counted: the QEMU profiler does not compile: {result.stderr.strip().splitlines()[:1]}")
    keep("profiler", key, plugin)
    return plugin


@lru_cache(maxsize=8)
def _qemu_major_version(emulator: str) -> int:
    result = call([emulator, "--version"], timeout_s=60)
    found = re.search(r"version (\d+)\.", result.stdout)
    if not found:
        raise ToolError(f"{emulator} --version says nothing known: {result.stdout.strip() or result.stderr.strip()}")
    return int(found[1])


def plugin_options(plugin: Path, elf: Path, layers: int) -> list[str]:
    """Options of QEMU that load the plugin; it writes PROFILE_FILE into QEMU's working folder.

    Raises:
        RunError: the program has no mark function.
    """
    mark = ElfFile(elf).symbol_address(MARK_SYMBOL)
    if mark is None:
        raise RunError(f"{elf}: the program has no function {MARK_SYMBOL}; it was not linked with the harness")
    # QEMU counts Thumb code at even addresses; RISC-V functions are even anyway.
    return ["-plugin", f"./{plugin.name},out={PROFILE_FILE},mark={mark & ~1:#x},period={layers + 2}"]


def read_profile(folder: Path, layers: int, samples: int) -> Profile:
    """What the plugin wrote.

    Raises:
        RunError: it is missing, or the model called its observer another number of times than it has layers.
    """
    try:
        lines = [line.split() for line in (folder / PROFILE_FILE).read_text(encoding="ascii").splitlines()]
        marks = next(int(fields[1]) for fields in lines if fields[0] == "marks")
        blocks = tuple(
            BlockCount(int(fields[1], 16), int(fields[2]), int(fields[3]), int(fields[4]), int(fields[5]))
            for fields in lines
            if fields[0] == "block"
        )
    except (OSError, ValueError, IndexError, StopIteration) as error:
        raise RunError(f"the QEMU profiler left no valid {PROFILE_FILE}: {error}") from error
    if marks != samples * (layers + 2):
        reported = marks / samples - 2
        raise RunError(f"the model called its observer {reported:g} times an inference; it has {layers} layers")
    return Profile(blocks, layers, samples)

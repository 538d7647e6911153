"""Machines that exported examples run on: a compiler, what a program needs beside the example, a way to start it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecomp.paths import runtime_dir, targets_dir
from edgecomp.target import Target, load_target

PASS = "PASS: the outputs equal the reference"
FAIL = "FAIL: the outputs differ from the reference"

PUTS = """
#include "ec_port.h"
int puts(const char *text);
int puts(const char *text) {
    ec_port_print(text);
    ec_port_print("\\n");
    return 0;
}
"""


def call(command: Sequence[object], folder: Path, **options: object) -> str:
    """Run a program and return what it prints; it must end in 0."""
    done = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True, timeout=300, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return str(done.stdout)


def said(command: Sequence[object], folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program, whatever it ends in; what it prints to either stream is in `stdout` (semihosting prints to the second)."""
    words = [str(part) for part in command]
    return subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)


@dataclass(frozen=True)
class Machine:
    """A board as the tools of an ecosystem see it."""

    target: Target
    link: tuple[str, ...]
    """Linker options, before the objects."""
    support: tuple[str, ...]
    """Objects of start-up and of printing, and libraries, after the objects."""

    @property
    def cc(self) -> str:
        return f"{self.target.toolchain_prefix}gcc"

    @property
    def cxx(self) -> str:
        return f"{self.target.toolchain_prefix}g++"

    @property
    def cflags(self) -> tuple[str, ...]:
        return self.target.cflags

    @property
    def start(self) -> tuple[str, ...]:
        """What stands before the program's name."""
        if not self.target.emulator:
            return ()
        quiet = ("-display", "none", "-monitor", "none", "-serial", "none", "-parallel", "none", "-nic", "none")
        semihosting = ("-semihosting-config", "enable=on,target=native")
        return (self.target.emulator, *self.target.machine, *quiet, *semihosting, "-kernel")

    def compile_and_run(
        self, folder: Path, sources: Sequence[Path], includes: Sequence[Path], flags: Sequence[str], libraries: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Compile each file as one object by the name of its path, put the objects of `libraries` into one archive, link and run."""
        folder.mkdir(parents=True, exist_ok=True)
        objects = []
        for source in sources:
            compiler = self.cxx if source.suffix in (".cpp", ".ino") else self.cc
            language = ("-x", "c++") if source.suffix == ".ino" else ()
            path = folder / f"{source.stem}.o"  # one object a name: as build systems that keep one folder of objects have it
            assert path not in objects, f"two files are called {source.stem}"
            command = [compiler, *self.cflags, *flags, *(f"-I{include}" for include in includes), "-c", *language, source, "-o", path]
            call(command, folder)
            objects.append(path)
        call([self.cc, *self.cflags, *self.link, *objects, *libraries, *self.support, "-o", folder / "program"], folder)
        return self.run(folder / "program")

    def run(self, program: Path) -> subprocess.CompletedProcess[str]:
        """Start a program and wait for its end."""
        return said([*self.start, str(program)])


def machine(board: str, folder: Path) -> Machine | str:
    """A machine, with its start-up code compiled into `folder`; or why it cannot be used here."""
    target = load_target(board)
    for tool in (f"{target.toolchain_prefix}gcc", f"{target.toolchain_prefix}g++", target.emulator):
        if tool and shutil.which(tool) is None:
            return f"{board} needs {tool}, which is not installed"
    if not target.link_script:
        return Machine(target, ("-Wl,--gc-sections",), ())
    shared = targets_dir() / "common"
    names = (*target.sources, *target.transport_sources["semihosting"])
    sources = [target.directory / "board.c", shared / "memory.c", *(target.source_path(name) for name in names)]
    (folder / "puts.c").write_text(PUTS)
    objects = []
    for source in [*sources, folder / "puts.c"]:
        path = folder / f"board_{source.stem}.o"
        flags = ["-ffreestanding", "-fno-builtin", "-ffunction-sections", "-fdata-sections"]
        includes = [f"-I{shared}", f"-I{runtime_dir() / 'include'}"]
        call([f"{target.toolchain_prefix}gcc", *target.cflags, *flags, *includes, "-c", source, "-o", path], folder)
        objects.append(str(path))
    script = ("-nostartfiles", "-nostdlib", f"-T{target.link_script}", f"-L{target.directory}", f"-L{shared}", "-Wl,--gc-sections")
    return Machine(target, (*script, *target.ldflags), (*objects, "-lc", "-lgcc"))

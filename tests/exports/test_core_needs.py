"""A model stops the compiler where its kernels cannot run, and only there."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edgecomp.exports.library import Library

COMPILERS = {
    "m0plus": ("arm-none-eabi-gcc", "-mcpu=cortex-m0plus", "-mthumb"),
    "m3": ("arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb"),
    "m4": ("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb"),
    "m33": ("arm-none-eabi-gcc", "-mcpu=cortex-m33", "-mthumb"),
    "m55": ("arm-none-eabi-gcc", "-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
    "rv32imc": ("riscv64-unknown-elf-gcc", "-march=rv32imc", "-mabi=ilp32", "--specs=picolibc.specs"),
    "rv32ec": ("riscv64-unknown-elf-gcc", "-march=rv32ec", "-mabi=ilp32e", "--specs=picolibc.specs"),
    "here": ("gcc",),
    "an int of 16 bits": ("gcc", "-U__SIZEOF_INT__", "-D__SIZEOF_INT__=2"),
}
RUNS_ON = {
    "host": set(COMPILERS) - {"an int of 16 bits"},
    "qemu_cortex_m0": {"m0plus", "m3", "m4", "m33", "m55"},
    "qemu_cortex_m3": {"m3", "m4", "m33", "m55"},
    "qemu_cortex_m4": {"m4", "m33", "m55"},
    "qemu_cortex_m55": {"m55"},
    "qemu_rv32imc": {"rv32imc"},
}


@pytest.mark.parametrize("core", COMPILERS)
@pytest.mark.parametrize("board", RUNS_ON)
def test_the_model_knows_its_cores(library: Callable[..., Library], tmp_path: Path, board: str, core: str) -> None:
    compiler, *flags = COMPILERS[core]
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    for name, text in library(board).lay_out("all", "all").items():
        (tmp_path / Path(name).name).write_text(text)
    command = [compiler, *flags, "-std=c11", "-Wundef", "-Werror", "-fsyntax-only"]
    done = subprocess.run([*command, "digits.c"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    header = subprocess.run([*command, "digits.h"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (header.returncode == 0) == (core != "an int of 16 bits")
    if core in RUNS_ON[board]:
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode != 0
        assert "#error" in done.stderr and ("--target" in done.stderr or "int has 32 bits" in done.stderr)

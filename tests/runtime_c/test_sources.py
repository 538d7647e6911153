"""Every source and header compiles without a warning for every core, is freestanding, and passes cppcheck and clang-format."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edgecomp.paths import runtime_dir
from tests.runtime_c.native import SOURCES, WARNINGS

INCLUDE = runtime_dir() / "include"
HEADERS = sorted(INCLUDE.glob("*.h"))
CORES = {
    "host": ["gcc", "-O3"],
    "cortex-m0": ["arm-none-eabi-gcc", "-mthumb", "-mcpu=cortex-m0", "-O2"],
    "cortex-m4": ["arm-none-eabi-gcc", "-mthumb", "-mcpu=cortex-m4", "-O3"],
    "cortex-m55": ["arm-none-eabi-gcc", "-mthumb", "-mcpu=cortex-m55", "-mfloat-abi=hard", "-O2"],
    "rv32imc": ["riscv64-unknown-elf-gcc", "--specs=picolibc.specs", "-march=rv32imc", "-mabi=ilp32", "-Os"],
}


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[:4000] or done.stdout[:4000]


def _tool(name: str) -> str:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


@pytest.mark.parametrize("core", sorted(CORES))
def test_sources_compile_without_a_warning(core: str, tmp_path: Path) -> None:
    compiler, *flags = CORES[core]
    for source in SOURCES:
        _run([_tool(compiler), *WARNINGS, *flags, f"-I{INCLUDE}", "-c", source, "-o", tmp_path / "kernel.o"])


def test_each_header_stands_alone_in_c_and_in_cpp(tmp_path: Path) -> None:
    for header in HEADERS:
        text = f'#include "{header.name}"\n#include "{header.name}"\nint main(void) {{ return 0; }}\n'
        for compiler, flags, name in (("gcc", WARNINGS, "alone.c"), ("g++", ["-std=c++17", "-Wall", "-Wextra", "-Werror"], "alone.cpp")):
            if shutil.which(compiler) is None:
                continue
            (tmp_path / name).write_text(text, encoding="utf-8")
            _run([compiler, *flags, f"-I{INCLUDE}", "-fsyntax-only", tmp_path / name])


def test_kernels_need_only_the_freestanding_headers_and_memory_functions() -> None:
    allowed = {"stdint.h", "stddef.h", "string.h"}
    for path in (*SOURCES, *HEADERS):
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"#include <(.*?)>", text)) <= allowed, path.name
        assert not re.search(r"\b(float|double|malloc|free|printf)\b", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)), path.name


def test_kernels_keep_no_state(tmp_path: Path) -> None:
    """No writable data in any object: every kernel is re-entrant."""
    size = _tool("size")
    for source in SOURCES:
        _run([_tool("gcc"), "-std=c11", "-O2", f"-I{INCLUDE}", "-c", source, "-o", tmp_path / "kernel.o"])
        table = subprocess.run([size, "-A", tmp_path / "kernel.o"], capture_output=True, text=True, check=True, timeout=60).stdout
        sizes = dict(re.findall(r"^(\.data\S*|\.bss\S*)\s+(\d+)", table, re.MULTILINE))
        assert all(int(value) == 0 for name, value in sizes.items() if not name.startswith(".data.rel.ro")), source.name


def test_sources_pass_cppcheck() -> None:
    checks = ["--enable=warning,style,performance,portability", "--error-exitcode=1", "--std=c11", "--quiet"]
    _run([_tool("cppcheck"), *checks, f"-I{INCLUDE}", runtime_dir() / "src" / "portable"])


def test_sources_are_formatted() -> None:
    style = runtime_dir().parent / ".clang-format"
    if not style.is_file():
        pytest.skip("the checkout's .clang-format is not here")
    _run([_tool("clang-format"), f"--style=file:{style}", "--dry-run", "--Werror", *SOURCES, *HEADERS])


def test_the_host_library_builds_without_python(tmp_path: Path) -> None:
    library = tmp_path / "library"
    _run([_tool("make"), "-C", runtime_dir(), f"BUILD={library}", "CFLAGS=-O1"])
    members = subprocess.run(["ar", "t", library / "libec.a"], capture_output=True, text=True, check=True, timeout=60).stdout.split()
    assert sorted(members) == sorted(f"{source.stem}.o" for source in SOURCES)

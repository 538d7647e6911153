"""Building: sizes, cache, errors, boards outside the project."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecomp import build as build_module
from edgecomp.build import Sources, build
from edgecomp.cache import cache_folder, fetch, keep, prune
from edgecomp.errors import FitError, ToolError
from edgecomp.paths import targets_dir
from edgecomp.run import execute
from edgecomp.target import Target, load_target
from tests.target.fake_model import fake_inputs, fake_sources, reference_layers

Available = Callable[[str], Target]


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    return cache


def with_source(name: str, text: str) -> Sources:
    sources = fake_sources()
    return Sources(sources.prefix, {**sources.files, name: text})


@pytest.mark.parametrize("board", ["host", "qemu_cortex_m4", "qemu_rv32imc"])
def test_the_model_is_measured_without_harness_and_unused_code(available_board: Available, tmp_path: Path, board: str) -> None:
    firmware = build(fake_sources(), available_board(board), tmp_path)
    assert firmware.elf.is_file()
    assert 100 < firmware.code_bytes < firmware.program.code
    assert firmware.code_bytes < firmware.flash_bytes
    if board != "host":  # where relocated pointers are data
        assert firmware.flash_bytes == firmware.model.code + firmware.model.rodata
        assert firmware.model.bss == 0
    layers = firmware.objects["runtime_c/src/portable/fake_layers.c"]
    assert layers.code > 0
    assert "gcc" in firmware.toolchain or "clang" in firmware.toolchain


def test_code_that_nobody_calls_costs_nothing(available_board: Available, tmp_path: Path) -> None:
    target = available_board("qemu_cortex_m4")
    plain = build(fake_sources(), target, tmp_path / "plain")
    unused = "void fake_ballast(void);\nvoid fake_ballast(void) { for (volatile int i = 0; i < 9; i++) {} }\n"
    more = build(with_source("ballast.c", unused), target, tmp_path / "more")
    assert more.objects["ballast.c"].code > 0
    assert more.flash_bytes == plain.flash_bytes


def test_size_is_optimized_on_demand(available_board: Available, tmp_path: Path) -> None:
    target = available_board("qemu_cortex_m4")
    fast = build(fake_sources(), target, tmp_path / "fast")
    small = build(fake_sources(), target, tmp_path / "small", optimize="size")
    assert small.code_bytes < fast.code_bytes


def test_what_the_model_takes_from_libc_is_counted(available_board: Available, tmp_path: Path) -> None:
    target = available_board("qemu_cortex_m4")
    plain = build(fake_sources(), target, tmp_path / "plain")
    copying = build(fake_sources("memmove(arena, arena + 1, (size_t)arena[0] & 3u);"), target, tmp_path / "copying")
    assert copying.code_bytes > plain.code_bytes + 40


def test_an_unchanged_file_is_compiled_once(available_board: Available, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = available_board("host")
    first = build(fake_sources(), target, tmp_path / "first")
    compiled: list[str] = []
    run_tool = build_module._run_tool

    def remember(command: list[str], cwd: Path, doing: str, *rest: Any) -> None:
        compiled.append(doing)
        run_tool(command, cwd, doing, *rest)

    monkeypatch.setattr(build_module, "_run_tool", remember)
    again = build(fake_sources(), target, tmp_path / "again")
    assert [doing for doing in compiled if doing.startswith("compiling")] == []
    assert again.model == first.model
    changed = {**fake_sources().files, "include/fake_layers.h": fake_sources().files["include/fake_layers.h"] + "/* changed */\n"}
    build(Sources("fake", changed), target, tmp_path / "changed")
    assert "compiling fake.c for host" in compiled


def test_a_cache_that_cannot_be_written_is_no_failure(available_board: Available, tmp_path: Path, empty_cache: Path) -> None:
    empty_cache.write_text("a file where the folder should be")
    assert build(fake_sources(), available_board("host"), tmp_path / "build").elf.is_file()


def test_the_cache_keeps_the_newest_files(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(100))
    for age_s, key in enumerate(["newest", "middle", "oldest"]):
        keep("things", key, file)
        os.utime(cache_folder("things") / key, (1e9 - age_s, 1e9 - age_s))
    prune("things", 250)
    assert [fetch("things", key, tmp_path / "copy") for key in ("newest", "middle", "oldest")] == [True, True, False]


def test_equal_sources_give_equal_programs(available_board: Available, tmp_path: Path, empty_cache: Path) -> None:
    target = available_board("qemu_cortex_m4")
    first = build(fake_sources(), target, tmp_path / "first").elf.read_bytes()
    shutil.rmtree(empty_cache)
    assert build(fake_sources(), target, tmp_path / "elsewhere" / "second").elf.read_bytes() == first


def test_progress_counts_files(available_board: Available, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    build(fake_sources(), available_board("host"), tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] == len(seen)


def test_a_compile_error_is_shown(available_board: Available, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"compiling broken\.c for host: broken\.c:1:\d+: error:"):
        build(with_source("broken.c", "int broken( {\n"), available_board("host"), tmp_path)


def test_a_warning_in_the_model_is_an_error(available_board: Available, tmp_path: Path) -> None:
    text = "signed char narrowed(int x);\nsigned char narrowed(int x) { return x; }\n"
    with pytest.raises(ToolError, match=r"narrowed\.c.*Werror=conversion"):
        build(with_source("narrowed.c", text), available_board("host"), tmp_path)


def test_a_link_error_is_shown(available_board: Available, tmp_path: Path) -> None:
    sources = fake_sources("extern void nowhere_to_be_found(void); nowhere_to_be_found();")
    with pytest.raises(ToolError, match=r"undefined reference to .nowhere_to_be_found"):
        build(sources, available_board("qemu_cortex_m4"), tmp_path)


def test_a_missing_compiler_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"arm-none-eabi-gcc, which is not installed.*apt-get install gcc-arm-none-eabi"):
        build(fake_sources(), load_target("qemu_cortex_m4"), tmp_path / "build")
    with pytest.raises(ToolError, match="build-essential"):
        build(fake_sources(), load_target("host"), tmp_path / "build")


def test_a_program_that_does_not_fit_is_refused(available_board: Available, tmp_path: Path) -> None:
    weights = "const unsigned char fake_weights[5000000] = {1};\nextern const unsigned char fake_weights[5000000];\n"
    sources = fake_sources("extern const unsigned char fake_weights[5000000]; arena[0] = (uint8_t)(arena[0] + fake_weights[arena[1]]);")
    with pytest.raises(FitError, match=r"does not fit qemu_cortex_m4.*overflowed by"):
        build(Sources("fake", {**sources.files, "weights.c": weights}), available_board("qemu_cortex_m4"), tmp_path)


def test_sanitizers_are_for_the_host(available_board: Available, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="use the host board"):
        build(fake_sources(), available_board("qemu_cortex_m4"), tmp_path, sanitize=True)


def test_a_native_option_the_compiler_lacks_is_left_out(
    available_board: Available, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_module, "_has_native", lambda compiler: False)
    flags = build_module._board_flags("gcc", available_board("host"), False, "speed")
    assert "-O3" in flags
    assert "-march=native" not in flags


def test_a_board_outside_the_project_builds_and_runs(available_board: Available, tmp_path: Path) -> None:
    available_board("qemu_cortex_m3")
    folder = tmp_path / "my_board"
    shutil.copytree(targets_dir() / "qemu_cortex_m3", folder)
    target = load_target(folder)
    x = fake_inputs(2)
    execution = execute(build(fake_sources(), target, tmp_path / "build"), target, x, 8, 3, timeout_s=20)
    assert np.array_equal(execution.outputs, reference_layers(x)[-1])
    assert target.name == "my_board"


def test_a_source_without_its_file_is_named(available_board: Available) -> None:
    from edgecomp.errors import TargetError

    with pytest.raises(TargetError, match=r'toolchain\.sources names "absent\.c"'):
        replace(available_board("host"), sources=("absent.c",)).verify()

"""The generated C: as it was when it was last looked at, the same every time, without warnings, and good company.

After a change that is meant, look at the difference and keep it: EDGECOMP_UPDATE_GOLDEN=1 pytest tests/golden
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecomp import __version__, reference
from edgecomp.build import LANGUAGE_FLAGS, WARNING_FLAGS
from edgecomp.emit import emit
from edgecomp.plan import plan
from edgecomp.qgraph import QGraph
from edgecomp.target import load_target
from tests.golden.tiny import SIZE, tiny_network

GOLDEN = Path(__file__).parent / "tiny"
UPDATE = os.environ.get("EDGECOMP_UPDATE_GOLDEN") == "1"
COMPILERS = {
    "host": ("gcc",),
    "arm": ("arm-none-eabi-gcc", "-mcpu=cortex-m0", "-mthumb"),
    "riscv": ("riscv64-unknown-elf-gcc", "-march=rv32imc", "-mabi=ilp32", "--specs=picolibc.specs"),
}
LEVELS = ("-O0", "-O3", "-Os")


def generated(qgraph: QGraph, prefix: str | None = None) -> Mapping[str, str]:
    """Files of the library for this machine, whose kernels are the portable ones."""
    return emit(plan(qgraph, load_target("host")), prefix).files


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def compiler(name: str) -> str:
    """Path of a compiler; skips the test where it is missing."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def test_the_model_is_as_it_was() -> None:
    files = {name: text.replace(__version__, "VERSION") for name, text in generated(tiny_network()).items()}
    model = {name: text for name, text in files.items() if name.startswith("tiny") or name == "CMakeLists.txt"}
    if UPDATE:
        shutil.rmtree(GOLDEN, ignore_errors=True)
        write(GOLDEN, model)
    kept = {path.relative_to(GOLDEN).as_posix(): path.read_text(encoding="utf-8") for path in GOLDEN.rglob("*") if path.is_file()}
    assert model == kept


def test_no_path_of_this_machine_is_written() -> None:
    text = "\n".join(generated(tiny_network()).values())
    assert str(Path.cwd()) not in text
    assert str(Path(__file__).parents[2]) not in text


def test_two_processes_write_the_same_bytes(tmp_path: Path, digits_onnx: Path, digits_npz: Path) -> None:
    trees = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        command = [sys.executable, "-m", "edgecomp", "generate", str(digits_onnx), "--target", "qemu_rv32imc", "--data", str(digits_npz)]
        command += ["--layout", "nhwc", "--std", "16", "--calibration", "mse", "-o", str(folder)]
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True, timeout=120)
        trees.append({path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()})
    assert len(trees[0]) > 8
    assert trees[0] == trees[1]


@pytest.mark.parametrize("machine", COMPILERS)
def test_nothing_warns(tmp_path: Path, machine: str) -> None:
    name, *flags = COMPILERS[machine]
    command = [compiler(name), *flags, *LANGUAGE_FLAGS, *WARNING_FLAGS, "-I.", "-Iinclude", "-c"]
    files = generated(tiny_network())
    write(tmp_path, files)
    for level in LEVELS:
        sources = [name for name in files if name.endswith(".c")]
        done = subprocess.run([*command, level, *sources], cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""


ODD_NAME = 'quote " backslash \\ end */ begin /* trigraph ??/ ??> percent %s\nnew line // 日本/Größe {{ braces }}\\'


def test_names_of_any_characters(tmp_path: Path) -> None:
    qgraph = tiny_network(ODD_NAME)
    nodes = tuple(replace(node, layer=f"{ODD_NAME} {index}") for index, node in enumerate(qgraph.nodes))
    ports = {kind: tuple(replace(port, name=ODD_NAME) for port in getattr(qgraph, kind)) for kind in ("inputs", "outputs")}
    files = generated(replace(qgraph, nodes=nodes, **ports), "odd")
    says = "puts(odd_info()->name) < 0 || puts(odd_info()->layers[0].name) < 0"
    main = f'#include <stdio.h>\n#include "odd.h"\nint main(void) {{ return {says}; }}\n'
    write(tmp_path, {**files, "main.c": main})
    sources = [name for name in (*files, "main.c") if name.endswith(".c")]
    command = [compiler("gcc"), "-std=c11", *WARNING_FLAGS, "-I.", "-Iinclude", *sources, "-o", "odd"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    said = subprocess.run(["./odd"], cwd=tmp_path, capture_output=True, encoding="utf-8", check=True, timeout=60).stdout
    assert said == f"{ODD_NAME}\n{ODD_NAME} 0\n"


def test_the_header_is_cplusplus_too(tmp_path: Path) -> None:
    write(tmp_path, {**generated(tiny_network()), "main.cpp": '#include "tiny.h"\nint main() { return tiny_info()->layer_count == 0; }\n'})
    flags = ["-std=c++17", "-Wall", "-Wextra", "-pedantic", "-Werror", "-I.", "-Iinclude", "-fsyntax-only"]
    done = subprocess.run([compiler("g++"), *flags, "main.cpp"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


MAIN = """
#include <stdio.h>
#include <string.h>
#include "@A@.h"
#include "@B@.h"

static uint8_t arena_a[@UA@_ARENA_BYTES] EC_ALIGNED(@UA@_ARENA_ALIGNMENT);
static uint8_t arena_b[@UB@_ARENA_BYTES] EC_ALIGNED(@UB@_ARENA_ALIGNMENT);

int main(void) {
    ec_context a, b;
    if (@A@_init(&a, arena_a, sizeof arena_a) != EC_OK || @B@_init(&b, arena_b, sizeof arena_b) != EC_OK) {
        return 1;
    }
    for (int i = 0; i < @UA@_INPUT_BYTES; i++) {
        @A@_input(&a)[i] = (int8_t)(i * 5 - 90);
        @B@_input(&b)[i] = (int8_t)(90 - i * 5);
    }
    @A@_run(&a);
    @B@_run(&b);
    for (int i = 0; i < @UA@_OUTPUT_BYTES; i++) {
        printf("%d %d\\n", @A@_output(&a)[i], @B@_output(&b)[i]);
    }
    return 0;
}
"""


@pytest.mark.parametrize("name", ["string", "signal", "time", "while", "ec_model", "3d", "", "Großes Netz-1.5"])
def test_any_name_becomes_a_prefix(name: str) -> None:
    prefix = emit(plan(tiny_network(), load_target("host")), name or "--").prefix
    assert re.fullmatch("[a-z][a-z0-9_]*", prefix)
    assert prefix not in ("string", "signal", "time", "while")
    assert not prefix.startswith("ec_")


@pytest.mark.parametrize("prefixes", [("alpha", "beta"), ("string", "signal")])
def test_two_models_live_in_one_program(tmp_path: Path, prefixes: tuple[str, str]) -> None:
    qgraph = tiny_network()
    sources = [emit(plan(qgraph, load_target("host")), prefix) for prefix in prefixes]
    a, b = (source.prefix for source in sources)
    main = MAIN.replace("@A@", a).replace("@B@", b).replace("@UA@", a.upper()).replace("@UB@", b.upper())
    files = {**sources[0].files, **sources[1].files, "main.c": main}
    write(tmp_path, files)
    command = [compiler("gcc"), "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    command += ["-I.", "-Iinclude", *(name for name in files if name.endswith(".c")), "-o", "both"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    said = subprocess.run(["./both"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60).stdout
    got = np.array([line.split() for line in said.splitlines()], np.int64).T
    ramp = (np.arange(SIZE * SIZE) * 5 - 90).astype(np.int8)
    expected = reference.outputs(qgraph, [np.stack([ramp, -ramp])])[0]
    np.testing.assert_array_equal(got, expected)

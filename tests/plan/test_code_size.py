"""The estimate of code against what compilers make of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from edgecomp.build import build
from edgecomp.emit import emit
from edgecomp.paths import runtime_dir
from edgecomp.plan import lay_out
from edgecomp.plan.code_size import measured_cores, struct_bytes
from edgecomp.plan.kernels import IN_PLACE
from edgecomp.qops import QOPS
from edgecomp.target import list_targets, load_target
from tests.plan.networks import small_classifier

QEMU_BOARDS = [name for name in list_targets() if name.startswith("qemu_")]
TOLERANCE = 0.25


def compiler_for(board: str) -> str:
    compiler = f"{load_target(board).toolchain_prefix}gcc"
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    return compiler


@pytest.mark.parametrize("board", QEMU_BOARDS)
def test_every_kernel_is_measured(board: str) -> None:
    target = load_target(board)
    present = {f"src/{isa}/{file.name}" for isa in (*target.isa, IN_PLACE) for file in (runtime_dir() / "src" / isa).glob("ec_*.c")}
    missing = present - set(measured_cores()[target.core]["kernels"])
    assert not missing, "run python benchmarks/code_size.py"


@pytest.mark.parametrize("board", QEMU_BOARDS)
def test_estimate_is_near_the_real_size(board: str, tmp_path: Path) -> None:
    compiler_for(board)
    target = load_target(board)
    plan = lay_out(small_classifier(), target)
    firmware = build(emit(plan), target, tmp_path)
    assert plan.code_bytes == pytest.approx(firmware.code_bytes, rel=TOLERANCE)
    assert plan.flash_bytes == pytest.approx(firmware.flash_bytes, rel=TOLERANCE)


@pytest.mark.parametrize("board", ["qemu_cortex_m4", "qemu_rv32imc"])
def test_parameter_records_are_as_large_as_the_structs(board: str, tmp_path: Path) -> None:
    compiler = compiler_for(board)
    checks = [
        f'#include "ec_{name}.h"\n_Static_assert(sizeof(ec_{name}_params) == {struct_bytes(op)}, "{name}");' for name, op in QOPS.items()
    ]
    source = tmp_path / "sizes.c"
    source.write_text("\n".join(checks) + "\n")
    command = [compiler, *load_target(board).cflags, "-std=c11", f"-I{runtime_dir() / 'include'}", "-fsyntax-only", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr

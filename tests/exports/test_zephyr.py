"""A Zephyr module: module.yml by the keys of scripts/zephyr_module.py, Kconfig by kconfiglib, two modules in one application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from edgecomp.errors import ExportError
from edgecomp.exports import export
from edgecomp.exports.library import Library
from tests.exports.builders import zephyr
from tests.exports.conftest import Exported
from tests.exports.machines import PASS, Machine

TEXT = {"type": "str"}
MODULE_SCHEMA = {
    "type": "map",
    "mapping": {
        "name": TEXT,
        "build": {"type": "map", "mapping": {"cmake": TEXT, "kconfig": TEXT, "depends": {"type": "seq", "sequence": [TEXT]}}},
        **{key: {"type": "seq", "sequence": [TEXT]} for key in ("tests", "samples", "boards")},
    },
}
"""Of zephyr/module.yml, as far as a library uses it."""

ARCH = """
config CPU_CORTEX_M
	bool
config CPU_CORTEX_M4
	bool
config CPU_CORTEX_M7
	bool
config ARMV7_M_ARMV8_M_MAINLINE
	bool
config ARMV8_M_DSP
	bool
config ARMV8_1_M_MVEI
	bool
config RISCV
	bool
config RISCV_ISA_EXT_M
	bool
config RISCV_ISA_RV32E
	bool
config 64BIT
	bool
"""
"""Names of Zephyr's arch/ options; a test gives some of them `default y`."""

CORES = {
    "M0+": {"CPU_CORTEX_M"},
    "M3": {"CPU_CORTEX_M", "ARMV7_M_ARMV8_M_MAINLINE"},
    "M4": {"CPU_CORTEX_M", "ARMV7_M_ARMV8_M_MAINLINE", "CPU_CORTEX_M4"},
    "M33 with DSP": {"CPU_CORTEX_M", "ARMV7_M_ARMV8_M_MAINLINE", "ARMV8_M_DSP"},
    "M55": {"CPU_CORTEX_M", "ARMV7_M_ARMV8_M_MAINLINE", "ARMV8_M_DSP", "ARMV8_1_M_MVEI"},
    "RV32IM": {"RISCV", "RISCV_ISA_EXT_M"},
    "RV64IM": {"RISCV", "RISCV_ISA_EXT_M", "64BIT"},
}
RUNS_ON = {
    "host": set(CORES),
    "qemu_cortex_m0": {"M0+", "M3", "M4", "M33 with DSP", "M55"},
    "qemu_cortex_m3": {"M3", "M4", "M33 with DSP", "M55"},
    "qemu_cortex_m4": {"M4", "M33 with DSP", "M55"},
    "qemu_cortex_m55": {"M55"},
    "qemu_rv32imc": {"RV32IM"},
}


def need(package: str, module: str) -> ModuleType:
    found: Any = pytest.importorskip(module, reason=f"the package `{package}` is not installed (extra `exports`)")
    return found  # type: ignore[no-any-return]


def test_module_yml(exported: Exported) -> None:
    yaml, core = need("pyyaml", "yaml"), need("pykwalify", "pykwalify.core")
    folder = exported("zephyr", "qemu_cortex_m4")
    module = yaml.safe_load((folder / "zephyr" / "module.yml").read_text())
    core.Core(source_data=module, schema_data=MODULE_SCHEMA).validate()
    assert module["name"] == "digits"
    assert (folder / module["build"]["cmake"] / "CMakeLists.txt").is_file()
    assert (folder / module["build"]["kconfig"]).is_file()
    (samples,) = module["samples"]
    sample = yaml.safe_load((folder / samples / "self_test" / "sample.yaml").read_text())
    assert sample["common"]["harness_config"]["regex"] == [PASS]
    assert sample["tests"]["edgecomp.digits.self_test"]["filter"] == "CONFIG_EDGECOMP_DIGITS"


@pytest.mark.parametrize("board", RUNS_ON)
def test_kconfig_offers_the_model_where_it_runs(exported: Exported, tmp_path: Path, board: str) -> None:
    kconfiglib = need("kconfiglib", "kconfiglib")
    folder = exported("zephyr", board)
    offered = set()
    for core, options in CORES.items():
        text = ARCH
        for option in options:
            text = text.replace(f"config {option}\n\tbool\n", f"config {option}\n\tbool\n\tdefault y\n")
        (tmp_path / "Kconfig").write_text(f'{text}\nsource "{folder}/zephyr/Kconfig"\n')
        kconfig = kconfiglib.Kconfig(str(tmp_path / "Kconfig"), warn_to_stderr=False)
        kconfig.load_config(str(folder / "samples" / "self_test" / "prj.conf"))
        unknown = [warning for warning in kconfig.warnings if "MAIN_STACK_SIZE" not in warning]
        if kconfig.syms["EDGECOMP_DIGITS"].str_value == "y":
            offered.add(core)
            assert not unknown
    assert offered == RUNS_ON[board]


def test_two_models_are_two_modules_of_one_application(exported: Exported, machines: Callable[[str], Machine], tmp_path: Path) -> None:
    other = exported("zephyr", "qemu_cortex_m33", prefix="other").rename(tmp_path / "other")
    folder = exported("zephyr", "qemu_cortex_m33")
    options = [f"-DEXTRA_ZEPHYR_MODULES={other}", "-DCONFIG_EDGECOMP_OTHER=y"]
    assert PASS in zephyr(folder, machines("qemu_cortex_m33"), tmp_path / "work", options).stdout


def test_an_unknown_instruction_set(library: Callable[..., Library]) -> None:
    made = library("qemu_cortex_m4")
    strange = replace(made)
    strange.__dict__["instruction_sets"] = ("arm_dsp", "quantum")
    with pytest.raises(ExportError, match=r"quantum.*--target host"):
        export(strange, "zephyr")

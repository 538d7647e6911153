"""A Zephyr module: CMake and Kconfig for west's workspaces, and a sample that twister runs."""

from collections.abc import Mapping
from typing import Final

from edgecomp.errors import ExportError
from edgecomp.exports.library import Files, Format, Library, compiled

CORE_OPTIONS: Final[Mapping[str, str]] = {
    "arm_v6m": "CPU_CORTEX_M",
    "arm_v7m": "ARMV7_M_ARMV8_M_MAINLINE",
    "arm_dsp": "CPU_CORTEX_M4 || CPU_CORTEX_M7 || ARMV8_M_DSP",
    "arm_mve": "ARMV8_1_M_MVEI",
    "riscv": "RISCV && RISCV_ISA_EXT_M && !RISCV_ISA_RV32E && !64BIT",
    "riscv_winograd": "RISCV && RISCV_ISA_EXT_M && !RISCV_ISA_RV32E && !64BIT",
}
"""Instruction set -> the options of Zephyr's arch/ that say a core has it (arch/arm/core/cortex_m/Kconfig, arch/riscv/Kconfig.isa)."""


def arrange(library: Library) -> Files:
    """zephyr/ with module.yml, CMakeLists.txt and Kconfig; include/, src/, samples/self_test/."""
    files = library.lay_out("include", "src")
    sources = compiled(files, "src")
    sample = "samples/self_test"
    return {
        **files,
        "zephyr/module.yml": library.render("zephyr/module.yml.j2"),
        "zephyr/Kconfig": library.render("zephyr/Kconfig.j2", cores=_core_options(library)),
        "zephyr/CMakeLists.txt": library.render(
            "zephyr/CMakeLists.txt.j2",
            model_sources=[name for name in sources if name.count("/") == 1],
            kernels=[name for name in sources if name.count("/") > 1],
        ),
        f"{sample}/CMakeLists.txt": library.render("zephyr/sample.CMakeLists.txt.j2"),
        f"{sample}/prj.conf": library.render("zephyr/prj.conf.j2"),
        f"{sample}/sample.yaml": library.render("zephyr/sample.yaml.j2"),
        f"{sample}/src/main.c": library.render("exports/main.c.j2"),
        f"{sample}/src/{library.prefix}_test_vector.h": library.render("exports/test_vector.h.j2"),
        "README.md": library.render("zephyr/README.md.j2"),
    }


def _core_options(library: Library) -> list[str]:
    for isa in library.instruction_sets:
        if isa not in CORE_OPTIONS:
            raise ExportError(
                f"no option of Zephyr is known for the kernels in {isa}: give --target host for portable C, or --format cmake"
            )
    return list(dict.fromkeys(CORE_OPTIONS[isa] for isa in library.instruction_sets))


FORMAT = Format("a Zephyr module with a self-test sample", arrange)

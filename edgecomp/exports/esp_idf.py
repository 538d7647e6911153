"""An ESP-IDF component, and a project that tests it."""

import re
from typing import Final

from edgecomp.errors import ExportError
from edgecomp.exports.library import Files, Format, Library, compiled

RISCV_SETS: Final = frozenset({"riscv", "riscv_winograd"})
RISCV_CHIPS: Final = ("esp32c2", "esp32c3", "esp32c5", "esp32c6", "esp32c61", "esp32h2", "esp32p4")
"""Targets of ESP-IDF whose cores are RV32IM or more; the others are Xtensa."""


def arrange(library: Library) -> Files:
    """idf_component.yml, CMakeLists.txt, include/, src/, examples/self_test/."""
    files = library.lay_out("include", "src")
    example = "examples/self_test"
    return {
        **files,
        "CMakeLists.txt": library.render("esp_idf/CMakeLists.txt.j2", sources=compiled(files, "src")),
        "idf_component.yml": library.render("esp_idf/idf_component.yml.j2", chips=_chips(library)),
        f"{example}/CMakeLists.txt": library.render("esp_idf/example.CMakeLists.txt.j2"),
        f"{example}/sdkconfig.defaults": library.render("esp_idf/sdkconfig.defaults.j2"),
        f"{example}/main/CMakeLists.txt": library.render("esp_idf/main.CMakeLists.txt.j2"),
        f"{example}/main/main.c": library.render("esp_idf/main.c.j2"),
        f"{example}/main/{library.prefix}_test_vector.h": library.render("exports/test_vector.h.j2"),
        "README.md": library.render("esp_idf/README.md.j2", component=component_name(library.prefix)),
    }


def component_name(prefix: str) -> str:
    """The prefix as the component manager takes it: two characters or more, single underscores, none at the ends."""
    slug = re.sub("_+", "_", prefix).strip("_")
    return slug if len(slug) > 1 else f"{slug}_model"


def _chips(library: Library) -> tuple[str, ...]:
    """The chips that can run it; none where all can."""
    foreign = sorted(set(library.instruction_sets) - RISCV_SETS)
    if foreign:
        raise ExportError(
            f"ESP-IDF's chips are RISC-V and Xtensa, and the kernels for {library.plan.target.name} ({', '.join(foreign)}) run on neither: "
            f"give a RISC-V board with --target, or --target host for portable C"
        )
    return RISCV_CHIPS if library.instruction_sets else ()


FORMAT = Format("an ESP-IDF component with a self-test project", arrange)

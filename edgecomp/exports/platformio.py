"""A PlatformIO library with library.json, and a project that tests it."""

from collections.abc import Mapping
from typing import Final

from edgecomp.exports.library import Files, Format, Library

EXAMPLE_BOARDS: Final[Mapping[str, tuple[str, str]]] = {
    "arm_v6m": ("raspberrypi", "pico"),
    "arm_v7m": ("ststm32", "nucleo_f103rb"),
    "arm_dsp": ("ststm32", "nucleo_f446re"),
    "riscv": ("espressif32", "esp32-c3-devkitm-1"),
}
"""Instruction set -> platform and board of PlatformIO that have it and the Arduino framework."""


def arrange(library: Library) -> Files:
    """library.json, include/, src/ and examples/self_test/."""
    boards = [EXAMPLE_BOARDS[isa] for isa in library.instruction_sets if isa in EXAMPLE_BOARDS]
    example = {
        "platformio.ini": library.render("platformio/platformio.ini.j2", boards=boards),
        "src/main.cpp": library.render("platformio/main.cpp.j2"),
        f"src/{library.prefix}_test_vector.h": library.render("exports/test_vector.h.j2"),
    }
    return {
        **library.lay_out("include", "src"),
        **{f"examples/self_test/{name}": text for name, text in example.items()},
        "library.json": library.render("platformio/library.json.j2", example_files=sorted(example)),
        "README.md": library.render("platformio/README.md.j2"),
    }


FORMAT = Format("a PlatformIO library with a self-test project", arrange)

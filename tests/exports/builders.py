"""What each ecosystem's tools do with an exported folder, by the file lists that the folder itself holds."""

from __future__ import annotations

import json
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.exports.machines import Machine, call, said

Ran = subprocess.CompletedProcess[str]
STRICT = ("-Wall", "-Wextra", "-Werror")

ARDUINO_H = """
#pragma once
#include <stddef.h>
#include <stdint.h>
extern "C" int puts(const char *text);
struct Port {
    void begin(unsigned long) {}
    operator bool() const { return true; }
    void println(const char *text) { puts(text); }
    void print(const char *) {}
    void println(unsigned long) {}
};
extern Port Serial;
static inline unsigned long millis() { return 0; }
static inline unsigned long micros() { return 0; }
void setup();
void loop();
"""
ARDUINO_MAIN = '#include "Arduino.h"\nPort Serial;\nint main() { setup(); loop(); return 0; }\n'
FREESTANDING_CXX = ("-std=gnu++11", "-fno-exceptions", "-fno-rtti")


def cmake_options(machine: Machine) -> list[str]:
    """Options that tell CMake of a compiler and an emulator, as a toolchain file does."""
    options = [f"-DCMAKE_C_COMPILER={machine.cc}", f"-DCMAKE_C_FLAGS={' '.join(machine.cflags)} {' '.join(STRICT)}"]
    options += [f"-DCMAKE_EXE_LINKER_FLAGS={' '.join(machine.link)}", f"-DCMAKE_C_STANDARD_LIBRARIES={' '.join(machine.support)}"]
    if machine.start:
        options += ["-DCMAKE_SYSTEM_NAME=Generic", "-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY"]
        options += [f"-DCMAKE_CROSSCOMPILING_EMULATOR={';'.join(machine.start)}"]
    return options


def cmake(folder: Path, machine: Machine, work: Path) -> Ran:
    call(["cmake", "-S", folder / "example", "-B", work, *cmake_options(machine)], folder)
    call(["cmake", "--build", work, "-j", "2"], folder)
    return said(["ctest", "--test-dir", work, "--verbose"])


def make(folder: Path, machine: Machine, work: Path) -> Ran:
    link = " ".join((*machine.link, *machine.support))
    command = ["make", "-s", "-j2", "test", f"BUILD={work}", f"LDFLAGS={link}", f"RUN={' '.join(machine.start)}"]
    return said(command, folder)


def arduino(folder: Path, machine: Machine, work: Path) -> Ran:
    """All sources below src/ become one archive (dot_a_linkage), src/ is the include path, the sketch is C++ behind Arduino.h."""
    assert "dot_a_linkage=true" in (folder / "library.properties").read_text()
    core = work / "core"
    core.mkdir(parents=True)
    (core / "Arduino.h").write_text(ARDUINO_H)
    (core / "core_main.cpp").write_text(ARDUINO_MAIN)
    archive = archived(sorted((folder / "src").rglob("*.c")), [folder / "src"], ("-Os", "-std=gnu11", *STRICT), machine, work)
    sketch = folder / "examples" / "self_test" / "self_test.ino"
    flags = ("-Os", *FREESTANDING_CXX, "-include", str(core / "Arduino.h"), *STRICT)
    return machine.compile_and_run(work, [core / "core_main.cpp", sketch], [core, folder / "src"], flags, [str(archive)])


def platformio(folder: Path, machine: Machine, work: Path) -> Ran:
    """library.json says where sources and headers lie and which options they take; the example is C++ against them."""
    build = json.loads((folder / "library.json").read_text())["build"]
    sources = sorted((folder / build["srcDir"]).rglob("*.c"))
    includes = [folder / build["includeDir"], folder / build["srcDir"]]
    archive = archived(sources, includes, ("-Os", *build["flags"], *STRICT), machine, work)
    main = folder / "examples" / "self_test" / "src" / "main.cpp"
    return machine.compile_and_run(work, [main], includes[:1], ("-Os", *FREESTANDING_CXX, *STRICT), [str(archive)])


def archived(sources: list[Path], includes: list[Path], flags: tuple[str, ...], machine: Machine, work: Path) -> Path:
    """One object after the other put into an archive by its name alone, as arduino-cli does it."""
    work.mkdir(parents=True, exist_ok=True)
    archive = work / "library.a"
    for source in sources:
        path = work / source.relative_to(source.parents[1]).with_suffix(".c.o")
        path.parent.mkdir(exist_ok=True)
        call([machine.cc, *machine.cflags, *flags, *(f"-I{folder}" for folder in includes), "-c", source, "-o", path], work)
        call([f"{machine.target.toolchain_prefix}ar", "rcs", archive, path], work)
    return archive


ZEPHYR_CONFIG = """
project(zephyr_kernel C)
set(CONFIG_EDGECOMP_DIGITS y)
add_library(app STATIC)
add_library(zephyr_interface INTERFACE)
target_link_libraries(app PRIVATE zephyr_interface)
macro(zephyr_library_named name)
  set(ZEPHYR_CURRENT_LIBRARY ${name})
  add_library(${name} STATIC)
  target_link_libraries(${name} PRIVATE zephyr_interface)
  set_property(GLOBAL APPEND PROPERTY ZEPHYR_LIBS ${name})
endmacro()
macro(zephyr_library_compile_options)
  target_compile_options(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endmacro()
macro(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endmacro()
macro(zephyr_include_directories)
  target_include_directories(zephyr_interface INTERFACE ${ARGN})
endmacro()
set(number 0)
foreach(module IN LISTS EXTRA_ZEPHYR_MODULES)
  file(STRINGS ${module}/zephyr/module.yml cmake REGEX "^  cmake: ")
  string(REPLACE "  cmake: " "" cmake "${cmake}")
  math(EXPR number "${number} + 1")
  add_subdirectory(${module}/${cmake} ${CMAKE_BINARY_DIR}/modules/${number})
endforeach()
function(link_zephyr)
  get_property(libraries GLOBAL PROPERTY ZEPHYR_LIBS)
  add_executable(zephyr_elf ${CMAKE_BINARY_DIR}/empty.c)
  target_link_libraries(zephyr_elf PRIVATE -Wl,--whole-archive app ${libraries} -Wl,--no-whole-archive)
endfunction()
cmake_language(DEFER CALL link_zephyr)
"""
"""Zephyr's own functions, as far as a module uses them: libraries are linked whole."""


def zephyr(folder: Path, machine: Machine, work: Path, options: Sequence[str] = ()) -> Ran:
    package = work / "share"
    package.mkdir(parents=True)
    (package / "ZephyrConfig.cmake").write_text(ZEPHYR_CONFIG)
    (work / "empty.c").write_text("typedef int empty;\n")
    sample = folder / "samples" / "self_test"
    call(["cmake", "-S", sample, "-B", work, f"-DZephyr_DIR={package}", *options, *cmake_options(machine)], folder)
    call(["cmake", "--build", work, "-j", "2"], folder)
    return machine.run(work / "zephyr_elf")


IDF_PROJECT = """
macro(idf_component_register)
  cmake_parse_arguments(COMPONENT "" "" "SRCS;INCLUDE_DIRS" ${ARGN})
  get_filename_component(COMPONENT_NAME ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  set(COMPONENT_LIB idf_${COMPONENT_NAME})
  add_library(${COMPONENT_LIB} STATIC ${COMPONENT_SRCS})
  target_include_directories(${COMPONENT_LIB} PUBLIC ${COMPONENT_INCLUDE_DIRS})
  set_property(GLOBAL APPEND PROPERTY IDF_LIBS ${COMPONENT_LIB})
endmacro()
macro(project name)
  _project(${name} C)
  foreach(component IN LISTS EXTRA_COMPONENT_DIRS)
    add_subdirectory(${component} ${CMAKE_BINARY_DIR}/component)
  endforeach()
  get_property(components GLOBAL PROPERTY IDF_LIBS)
  add_subdirectory(main)
  target_link_libraries(idf_main PUBLIC ${components})
  add_executable(firmware ${CMAKE_BINARY_DIR}/start.c)
  target_link_libraries(firmware PRIVATE idf_main)
endmacro()
"""
"""ESP-IDF's own functions, as far as a component uses them: main sees every component."""


def esp_idf(folder: Path, machine: Machine, work: Path) -> Ran:
    idf = work / "idf" / "tools" / "cmake"
    idf.mkdir(parents=True)
    (idf / "project.cmake").write_text(IDF_PROJECT)
    (work / "start.c").write_text("void app_main(void);\nint main(void) {\n    app_main();\n    return 0;\n}\n")
    command = ["cmake", "-S", folder / "examples" / "self_test", "-B", work, *cmake_options(machine)]
    call([*command, "-Wno-dev"], folder, env={"PATH": _path(), "IDF_PATH": str(work / "idf")})
    call(["cmake", "--build", work, "-j", "2"], folder)
    return machine.run(work / "firmware")


def _path() -> str:
    return str(Path(shutil.which("cmake") or "cmake").parent) + ":/usr/local/bin:/usr/bin:/bin"


def cmsis_pack(folder: Path, machine: Machine, work: Path) -> Ran:
    """The .pack alone: unpacked, its component's sources and include folder, and the template copied beside them."""
    (pack,) = folder.glob("*.pack")
    with zipfile.ZipFile(pack) as archive:
        archive.extractall(work / "pack")
    root = work / "pack"
    (description,) = root.glob("*.pdsc")
    files = ElementTree.parse(description).getroot().findall("components/component/files/file")
    sources = [root / file.attrib["name"] for file in files if file.get("category") == "source"]
    includes = [root / file.attrib["name"] for file in files if file.get("category") == "include"]
    return machine.compile_and_run(work / "objects", sources, includes, ("-O2", "-std=c11", *STRICT))


BUILDERS: Mapping[str, Callable[[Path, Machine, Path], Ran]] = {
    "cmake": cmake,
    "make": make,
    "arduino": arduino,
    "platformio": platformio,
    "zephyr": zephyr,
    "esp-idf": esp_idf,
    "cmsis-pack": cmsis_pack,
}

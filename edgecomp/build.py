"""From C sources and a board to a program: compile in parallel, link twice, read the sizes.

The first link makes the program that runs: model, runtime, harness, port and start-up. The second links model and runtime
alone, so that `Firmware.model` says what the model costs in a firmware that is not ours.
"""

import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Final

from edgecomp.cache import content_key, fetch, keep, prune
from edgecomp.elf import ElfFile, SectionSizes
from edgecomp.errors import FitError, OutputError, TargetError, ToolError
from edgecomp.paths import runtime_dir, targets_dir
from edgecomp.processes import ProcessGroup, call
from edgecomp.target import SHARED_FOLDER, Target

Progress = Callable[[int, int], None]
"""Called with work done and work in all, in any unit."""

# Freestanding, yet with built-in memcpy: kernels load words through it.
LANGUAGE_FLAGS: Final = ("-std=c11", "-ffreestanding", "-fbuiltin", "-ffunction-sections", "-fdata-sections", "-fno-common")
WARNING_FLAGS: Final = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wcast-align", "-Wundef", "-pedantic", "-Werror")
SANITIZE_FLAGS: Final = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g")
MARK_SYMBOL: Final = "ec_mark"
_COMPILE_TIMEOUT_S: Final = 300.0
_CACHE_KIND: Final = "objects"
_CACHE_LIMIT_BYTES: Final = 512 * 1024**2


@dataclass(frozen=True)
class Sources:
    """A generated C library: model and the runtime files it uses."""

    prefix: str
    """C identifier in front of every public name; the model is `const ec_model <prefix>_model`."""
    files: Mapping[str, str]
    """Relative path -> text. Headers anywhere; every `.c` and `.S` file is compiled."""
    libraries: tuple[str, ...] = ()
    """Of the compiler, beyond libc: "m"."""


@dataclass(frozen=True)
class Firmware:
    """A built program."""

    elf: Path
    """The linker's map lies beside it, as `firmware.map`."""
    program: SectionSizes
    """Of the whole program, harness and start-up included."""
    model: SectionSizes
    """Of the model and the runtime it links, with what they pull in from libc and libgcc; nothing else."""
    objects: Mapping[str, SectionSizes]
    """Source path -> sizes before the linker drops what is unused."""
    toolchain: str
    """First line of the compiler's version."""
    transport: str
    """How samples reach it: one of `edgecomp.target.TRANSPORTS`."""
    image_id: str
    """Hash of all that went into it, 64 hex digits; a serial image tells it."""

    @property
    def flash_bytes(self) -> int:
        """Flash the model and its runtime take."""
        return self.model.flash_bytes

    @property
    def code_bytes(self) -> int:
        """The instructions among `flash_bytes`."""
        return self.model.code


@dataclass(frozen=True)
class _Unit:
    """One file to compile."""

    name: str
    source: Path
    """Absolute, or relative to the folder the sources are written to, so that objects and messages hold no path of this machine."""
    text: str
    flags: tuple[str, ...]
    of_model: bool


def find_compiler(target: Target) -> str:
    """Path of the board's C compiler.

    Raises:
        ToolError: it is not installed; names the Debian packages that hold it.
    """
    names = [f"{target.toolchain_prefix}gcc"] if target.toolchain_prefix else ["gcc", "cc", "clang"]
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    raise ToolError(f"board {target.name} needs the compiler {names[0]}, which is not installed; {_cure(target)}")


@lru_cache(maxsize=16)
def compiler_version(compiler: str) -> str:
    """First line the compiler prints about itself.

    Raises:
        ToolError: it does not start.
    """
    result = call([compiler, "--version"])
    if result.returncode != 0 or not result.stdout:
        raise ToolError(f"{compiler} --version failed: {_first_line(result.stderr)}")
    return result.stdout.splitlines()[0].strip()


def build(
    sources: Sources,
    target: Target,
    directory: Path,
    sanitize: bool = False,
    progress: Progress | None = None,
    *,
    optimize: str = "speed",
    transport: str | None = None,
) -> Firmware:
    """Compile and link the sources for a board into `directory`.

    `sanitize` instruments the program for undefined behaviour and bad addresses (host only). Objects are kept in the user's
    cache by content, so that an unchanged file is compiled once. `optimize="size"` compiles for size; any other value leaves the
    board's own optimization level. `transport` is one of the board's, None for its default.

    Raises:
        TargetError: the board does not have the transport.
        ToolError: the compiler is missing, or a compilation or link failed (the message holds its first error).
        FitError: the program does not fit the board's memory regions.
        OutputError: `directory` cannot be written.
    """
    if sanitize and target.toolchain_prefix:
        raise ToolError(f"board {target.name}: sanitizers need an operating system; use the host board")
    transport = transport or target.transports[0]
    if transport not in target.transports:
        raise TargetError(f"board {target.name} cannot be reached by {transport}; it has: {', '.join(target.transports)}")
    compiler = find_compiler(target)
    board_flags = _board_flags(compiler, target, sanitize, optimize)
    warnings = () if sanitize else WARNING_FLAGS  # instrumented code draws warnings of its own
    try:
        units = _write_units(sources, target, transport, directory, board_flags, warnings)
        headers = _header_texts(directory.resolve() / "src", runtime_dir() / "include", targets_dir() / SHARED_FOLDER)
        image_id = _image_id(compiler, target, units, headers)
        units.append(_selection(sources, image_id, directory, units[-1].flags))
        objects = _compile_all(compiler, target, units, headers, directory, progress)
        elf = _link_program(compiler, target, board_flags, sources, objects, directory)
        model_objects = [path for unit, path in zip(units, objects, strict=True) if unit.of_model]
        model = _link_model(compiler, target, board_flags, sources, model_objects, directory)
    except OSError as error:
        raise OutputError(f"cannot build in {directory}: {error.strerror}; free some space or choose another folder") from error
    return Firmware(
        elf=elf,
        program=ElfFile(elf).sizes(),
        model=ElfFile(model).sizes(),
        objects={unit.name: ElfFile(path).sizes() for unit, path in zip(units, objects, strict=True)},
        toolchain=compiler_version(compiler),
        transport=transport,
        image_id=image_id,
    )


def _cure(target: Target) -> str:
    packages = " ".join(target.toolchain_debian_packages)
    return f"on Debian or Ubuntu: sudo apt-get install {packages}" if packages else "install it and put it on PATH"


def _board_flags(compiler: str, target: Target, sanitize: bool, optimize: str) -> tuple[str, ...]:
    flags = [flag for flag in target.cflags if flag != "-march=native" or _has_native(compiler)]
    if optimize == "size":
        flags.append("-Os")  # the last level given counts
    return (*flags, *SANITIZE_FLAGS) if sanitize else tuple(flags)


@lru_cache(maxsize=4)
def _has_native(compiler: str) -> bool:
    return call([compiler, "-march=native", "-E", "-x", "c", os.devnull]).returncode == 0


def _write_units(
    sources: Sources, target: Target, transport: str, directory: Path, board_flags: tuple[str, ...], warnings: tuple[str, ...]
) -> list[_Unit]:
    """Lay the sources out under `directory` and list what is to be compiled: model, harness, board."""
    root = directory.resolve() / "src"
    for name, text in sources.files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    header_folders = {str(PurePosixPath(name).parent) for name in sources.files if name.endswith(".h")}
    shared = targets_dir() / SHARED_FOLDER
    includes = [f"-I{folder}" for folder in sorted(header_folders)]
    base = (*LANGUAGE_FLAGS, *board_flags)
    model_flags = (*base, *warnings, *includes)
    units = [
        _Unit(name, Path(name), text, model_flags, of_model=True)
        for name, text in sorted(sources.files.items())
        if name.endswith((".c", ".S"))
    ]
    own_flags = (*base, *includes, f"-I{runtime_dir() / 'include'}", f"-I{shared}", *_line_macros(target))
    board = [target.directory.resolve() / "board.c", *(target.source_path(name) for name in target.sources)]
    board += [target.source_path(name, transport) for name in target.transport_sources[transport]]
    harness = _harness(target, transport)
    for path in board + harness:
        flags = (*own_flags, *warnings) if path in harness else own_flags
        units.append(_Unit(path.name, path, path.read_text(encoding="utf-8"), flags, of_model=False))
    return units


def _line_macros(target: Target) -> tuple[str, ...]:
    """The serial line and clock as C sees them, so that each number stands once, in board.toml."""
    if "serial" not in target.transports:
        return ()
    return f"-DEC_SERIAL_BAUD={target.serial_baud}u", f"-DEC_CLOCK_HZ={target.clock_hz}u"


def _harness(target: Target, transport: str) -> list[Path]:
    """What an image holds beside model and board."""
    shared = targets_dir() / SHARED_FOLDER
    memory = [shared / "memory.c"] if target.link_script else []
    program = sorted((shared / "serial").glob("*.c")) if transport == "serial" else [shared / "harness.c"]
    return [shared / "ec_mark.c", *memory, *program]


def _image_id(compiler: str, target: Target, units: Sequence[_Unit], headers: Sequence[str]) -> str:
    texts = [part for unit in units for part in (unit.name, unit.text, *_portable(unit.flags))]
    script = target.link_script.read_text(encoding="utf-8") if target.link_script else ""
    return content_key(compiler_version(compiler), texts, headers, list(target.ldflags), script)


def _selection(sources: Sources, image_id: str, directory: Path, flags: tuple[str, ...]) -> _Unit:
    """The file that tells the harness which model it runs, and which image it is."""
    text = f'''#include "ec_harness.h"
extern const ec_model {sources.prefix}_model;
const ec_model *const ec_harness_model = &{sources.prefix}_model;
const char ec_image_id[] = "{image_id}";
'''
    path = directory.resolve() / "src" / "ec_harness_model.c"
    path.write_text(text, encoding="utf-8")
    return _Unit(path.name, path, text, flags, of_model=False)


def _portable(flags: Sequence[str]) -> list[str]:
    """Without the folders of this machine."""
    return [flag for flag in flags if not flag.startswith("-I/")]


def _compile_all(
    compiler: str, target: Target, units: Sequence[_Unit], headers: Sequence[str], directory: Path, progress: Progress | None
) -> list[Path]:
    """Compile every unit, as many at a time as there are cores; returns the objects in the order of the units."""
    objects_folder = directory.resolve() / "obj"
    objects_folder.mkdir(parents=True, exist_ok=True)
    objects = [objects_folder / f"{index}_{Path(unit.name).stem}.o" for index, unit in enumerate(units)]
    programs = ProcessGroup()
    with ThreadPoolExecutor(max_workers=available_cores()) as pool:
        pairs = zip(units, objects, strict=True)
        running = [pool.submit(_compile, compiler, target, unit, path, headers, directory, programs) for unit, path in pairs]
        try:
            for done, future in enumerate(running, start=1):
                future.result()
                if progress:
                    progress(done, len(units))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            programs.end()
            raise
    prune(_CACHE_KIND, _CACHE_LIMIT_BYTES)
    return objects


def _header_texts(*folders: Path) -> list[str]:
    """Every header a unit can see, by name and text."""
    texts = []
    for folder in folders:
        for header in sorted(folder.rglob("*.h")):
            texts += [header.relative_to(folder).as_posix(), header.read_text(encoding="utf-8")]
    return texts


def _compile(compiler: str, target: Target, unit: _Unit, to: Path, headers: Sequence[str], directory: Path, programs: ProcessGroup) -> None:
    key = content_key(compiler, compiler_version(compiler), _portable(unit.flags), unit.name, unit.text, headers)
    if fetch(_CACHE_KIND, key, to):
        return
    root = directory.resolve() / "src"
    command = [compiler, *unit.flags, f"-ffile-prefix-map={root}=.", "-c", str(unit.source), "-o", str(to)]
    _run_tool(command, root, f"compiling {unit.name} for {target.name}", target, programs)
    keep(_CACHE_KIND, key, to)


def _link_program(
    compiler: str, target: Target, board_flags: Sequence[str], sources: Sources, objects: Sequence[Path], directory: Path
) -> Path:
    elf = directory.resolve() / "firmware.elf"
    command = [compiler, *board_flags, "-Wl,--gc-sections", f"-Wl,-Map={elf.with_suffix('.map')}", *target.ldflags]
    if target.link_script:
        shared = targets_dir() / SHARED_FOLDER
        command += ["-nostartfiles", "-nostdlib", f"-T{target.link_script.resolve()}", f"-L{target.directory.resolve()}", f"-L{shared}"]
    command += [str(path) for path in objects]
    command += ["-o", str(elf), *_libraries(sources), *(("-lc", "-lgcc") if target.link_script else ())]
    _run_tool(command, directory, f"linking for {target.name}", target)
    return elf


def _link_model(
    compiler: str, target: Target, board_flags: Sequence[str], sources: Sources, objects: Sequence[Path], directory: Path
) -> Path:
    elf = directory.resolve() / "model_only.elf"
    script = targets_dir() / SHARED_FOLDER / "model_only.ld"
    entry = f"{sources.prefix}_model"
    command = [compiler, *board_flags, "-nostartfiles", "-nostdlib", "-static", "-no-pie", "-Wl,--gc-sections", f"-T{script}"]
    command += [f"-Wl,--entry={entry}", f"-Wl,--undefined={entry}", *target.ldflags, *(str(path) for path in objects), "-o", str(elf)]
    command += [*_libraries(sources), "-lc", "-lgcc"] if target.link_script else ["-Wl,--unresolved-symbols=ignore-all"]
    _run_tool(command, directory, f"linking the model alone for {target.name}", target)
    return elf


def _libraries(sources: Sources) -> list[str]:
    return [f"-l{name}" for name in sources.libraries]


def available_cores() -> int:
    """Cores this process may use."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def _run_tool(command: Sequence[str], cwd: Path, doing: str, target: Target, programs: ProcessGroup | None = None) -> None:
    try:
        result = (programs or ProcessGroup()).call(command, cwd, _COMPILE_TIMEOUT_S)
    except ToolError as error:
        raise ToolError(f"{doing}: {error}") from error
    if result.returncode == 0:
        return
    message = _first_error(result.stderr) or f"{Path(command[0]).name} ended with code {result.returncode}"
    if re.search(r"overflowed by \d+ bytes|do not fit", message):
        raise FitError(f"the program does not fit {target.name}: {message}; choose a board with more memory or a smaller model")
    if re.search(r"\.h: No such file|cannot read spec file|cannot find -l|cannot find crt", message):
        raise ToolError(f"{doing}: {message}; {_cure(target)}")
    raise ToolError(f"{doing}: {message}")


def _first_error(stderr: str) -> str:
    for pattern in (r"overflowed by|do not fit", r"undefined reference|cannot find -l|cannot open|multiple definition", r"\b[eE]rror:"):
        for line in stderr.splitlines():
            if re.search(pattern, line):
                return line.strip()
    return _first_line(stderr)


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")

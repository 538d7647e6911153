"""A board as data: `targets/<board>/board.toml`, checked and frozen.

A board is a folder with `board.toml`, `board.c` and, unless the toolchain's own memory map serves, `link.ld`. Boards of the
project are known by name; a folder anywhere else is given as a path. `targets/README.md` has the keys.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgecomp.errors import TargetError
from edgecomp.paths import targets_dir

BOARD_FILE: Final = "board.toml"
SHARED_FOLDER: Final = "common"
COUNTERS: Final = ("none", "instructions", "cycles")
TRANSPORTS: Final = ("files", "semihosting", "serial")
"""Ways for samples to reach the firmware, each a section of board.toml; a board's first in this order is its default."""
PORTABLE_ISA: Final = "portable"
FLASH_PLACEHOLDERS: Final = ("elf", "bin", "hex", "uf2", "port", "probe")


@dataclass(frozen=True)
class Target:
    """One board: memory, toolchain, instruction sets in order of preference, how to run and what it can count."""

    name: str
    """The folder's name."""
    directory: Path
    description: str
    core: str
    """Such as "cortex-m4"; "host" for this computer."""
    isa: tuple[str, ...]
    """Folders of `runtime_c/src` whose kernels run here, best first; the last is "portable"."""
    notes: tuple[str, ...]
    """Limits of what this board can tell, for the report."""
    toolchain_prefix: str
    """Put before `gcc` and `objdump`; empty for the host's own compiler."""
    toolchain_debian_packages: tuple[str, ...]
    cflags: tuple[str, ...]
    """For compiling and linking."""
    ldflags: tuple[str, ...]
    sources: tuple[str, ...]
    """C or assembly files beside `board.c`, relative to the board's folder or to `targets/common`."""
    flash_bytes: int
    ram_bytes: int
    runner: str
    """Key of `edgecomp.run.RUNNERS`."""
    counter: str
    """What the board can count: one of COUNTERS."""
    timing_model: str
    """Key of `edgecomp.run.cycles.TIMING_MODELS`, or "none"."""
    transport_sources: Mapping[str, tuple[str, ...]]
    """For each transport the board has, in the order of TRANSPORTS: the files an image for it needs beside `sources`."""
    serial_baud: int = 0
    """Of the serial line, 8N1; 0 where there is none."""
    clock_hz: int = 0
    """Of the core, as `ec_board_init` leaves it; 0 where there is no serial line."""
    emulator: str = ""
    """Executable of the emulator that is the board, or models it; empty where there is none."""
    emulator_debian_package: str = ""
    machine: tuple[str, ...] = ()
    """Options that choose the machine in the emulator."""
    flash_command: str = ""
    """One line with {elf}, {bin}, {hex}, {uf2}, {port} or {probe} in it; empty where none is known."""
    flash_install: str = ""
    """How to install the program of `flash_command`."""
    uf2_family: int = 0
    """Number that marks UF2 files for the chip; 0 where it takes none."""
    verified: str = ""
    """What the board's code has been proven on, for the table of boards."""

    @property
    def transports(self) -> tuple[str, ...]:
        """Those of TRANSPORTS the board has, its default first."""
        return tuple(self.transport_sources)

    @property
    def link_script(self) -> Path | None:
        """The board's memory map, or None where the toolchain's default serves."""
        script = self.directory / "link.ld"
        return script if script.is_file() else None

    def verify(self) -> None:
        """Prove the rules a board keeps.

        Raises:
            TargetError: a size or rate is not positive, the instruction sets do not end in "portable", there is no transport, the
                flash command has an unknown placeholder, or a file is missing.
        """
        file = self.directory / BOARD_FILE
        sizes = {"memory.flash_bytes": self.flash_bytes, "memory.ram_bytes": self.ram_bytes}
        rates = {"serial.baud": self.serial_baud, "serial.clock_hz": self.clock_hz} if "serial" in self.transports else {}
        for key, value in {**sizes, **rates}.items():
            if value <= 0:
                raise TargetError(f"{file}: {key} is {value}; it must be positive")
        if not self.transports:
            raise TargetError(f"{file}: no section says how samples reach the firmware; allowed: {_in_brackets(TRANSPORTS)}")
        unknown = set(re.findall(r"{(.*?)}", self.flash_command)) - set(FLASH_PLACEHOLDERS)
        if unknown:
            allowed = ", ".join(f"{{{name}}}" for name in FLASH_PLACEHOLDERS)
            raise TargetError(f"{file}: flash.command has the placeholder {{{min(unknown)}}}; allowed: {allowed}")
        if not self.isa or self.isa[-1] != PORTABLE_ISA:
            raise TargetError(f'{file}: isa is {list(self.isa)}; the last entry must be "{PORTABLE_ISA}", the kernels every core runs')
        if self.counter not in COUNTERS:
            raise TargetError(f'{file}: run.counter is "{self.counter}"; allowed: {", ".join(COUNTERS)}')
        if not (self.directory / "board.c").is_file():
            raise TargetError(f"{file}: board.c is missing beside it; copy one from {targets_dir()} and adapt it")
        for source in self.sources:
            self.source_path(source)
        for transport, sources in self.transport_sources.items():
            for source in sources:
                self.source_path(source, transport)

    def source_path(self, source: str, section: str = "toolchain") -> Path:
        """Where a file lies that `sources` of a section names.

        Raises:
            TargetError: neither the board's folder nor the shared one has it.
        """
        candidates = (self.directory / source, targets_dir() / SHARED_FOLDER / source)
        for candidate in candidates:
            if candidate.is_file():
                return candidate
        file = self.directory / BOARD_FILE
        raise TargetError(f'{file}: {section}.sources names "{source}", which is neither {candidates[0]} nor {candidates[1]}')


_SCHEMA: Final[Mapping[str, Mapping[str, type]]] = {
    "": {"description": str, "core": str, "isa": list, "notes": list, "verified": str},
    "toolchain": {"prefix": str, "debian_packages": list, "cflags": list, "ldflags": list, "sources": list},
    "memory": {"flash_bytes": int, "ram_bytes": int},
    "run": {"runner": str, "counter": str, "timing_model": str},
    "files": {"sources": list},
    "semihosting": {"sources": list},
    "serial": {"sources": list, "baud": int, "clock_hz": int},
    "emulate": {"emulator": str, "debian_package": str, "machine": list},
    "flash": {"command": str, "install": str, "uf2_family": int},
}
_OPTIONAL_SECTIONS: Final = (*TRANSPORTS, "emulate", "flash")
"""Whose keys are needed only where the section is there."""
_DEFAULTS: Final[Mapping[str, str | int | list[str]]] = {
    "notes": [],
    "verified": "",
    "toolchain.prefix": "",
    "toolchain.debian_packages": [],
    "toolchain.ldflags": [],
    "toolchain.sources": [],
    "run.counter": "none",
    "run.timing_model": "none",
    "emulate.debian_package": "",
    "flash.install": "",
    "flash.uf2_family": 0,
}
_TYPE_NAMES: Final[Mapping[type, str]] = {str: "a string", int: "a whole number", list: "a list of strings"}


class _Board:
    """A parsed board.toml whose keys and types have been checked against the schema."""

    def __init__(self, file: Path, document: Mapping[str, object]) -> None:
        self._file = file
        self._values: dict[str, object] = dict(_DEFAULTS)
        self._absent = [name for name in _OPTIONAL_SECTIONS if name not in document]
        for key, value in document.items():
            if key in _SCHEMA and isinstance(value, dict):
                for inner, inner_value in value.items():
                    self._take(key, inner, inner_value)
            else:
                self._take("", key, value)
        missing = [name for name in _allowed_names() if name not in self._values and name.partition(".")[0] not in self._absent]
        if missing:
            raise TargetError(f"{file}: {missing[0]} is missing; it must be {self._type_name(missing[0])}")

    def has(self, section: str) -> bool:
        return section not in self._absent

    def text(self, name: str) -> str:
        """Empty, like `number`'s 0 and `texts`' (), where the section is absent."""
        return str(self._values.get(name, ""))

    def number(self, name: str) -> int:
        value = self._values.get(name)
        return value if isinstance(value, int) else 0

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._values.get(name)
        return tuple(str(item) for item in value) if isinstance(value, list) else ()

    def _take(self, section: str, key: str, value: object) -> None:
        name = f"{section}.{key}" if section else key
        allowed = _SCHEMA[section]
        if key not in allowed:
            where = f"in [{section}]" if section else "at the top"
            keys = list(allowed) if section else [*allowed, _in_brackets(name for name in _SCHEMA if name)]
            raise TargetError(f'{self._file}: unknown key "{name}"; allowed {where}: {", ".join(keys)}')
        if not _matches(value, allowed[key]):
            raise TargetError(f"{self._file}: {name} is {value!r}; it must be {self._type_name(name)}")
        self._values[name] = value

    @staticmethod
    def _type_name(name: str) -> str:
        section, _, key = name.rpartition(".")
        return _TYPE_NAMES[_SCHEMA[section][key]]


def _in_brackets(sections: Iterable[str]) -> str:
    return ", ".join(f"[{name}]" for name in sections)


def _allowed_names() -> list[str]:
    return [f"{section}.{key}" if section else key for section, keys in _SCHEMA.items() for key in keys]


def _matches(value: object, kind: type) -> bool:
    if kind is list:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return isinstance(value, kind) and not isinstance(value, bool)


def list_targets() -> tuple[str, ...]:
    """Names of all boards in the project, sorted."""
    return tuple(sorted(file.parent.name for file in targets_dir().glob(f"*/{BOARD_FILE}")))


def load_target(name_or_path: str | Path) -> Target:
    """Read a board by its name, or by the path of a folder (or of its board.toml) outside the project.

    Raises:
        TargetError: no such board (the message lists all and the closest), or its description is wrong (the message names
            file, key and what is allowed).
    """
    directory = _find_board(name_or_path)
    file = directory / BOARD_FILE
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TargetError(f"{file}: not valid TOML: {error}") from error
    except OSError as error:
        raise TargetError(f"{file}: cannot be read: {error.strerror}") from error
    board = _Board(file, document)
    target = Target(
        name=directory.resolve().name,
        directory=directory,
        description=board.text("description"),
        core=board.text("core"),
        isa=board.texts("isa"),
        notes=board.texts("notes"),
        toolchain_prefix=board.text("toolchain.prefix"),
        toolchain_debian_packages=board.texts("toolchain.debian_packages"),
        cflags=board.texts("toolchain.cflags"),
        ldflags=board.texts("toolchain.ldflags"),
        sources=board.texts("toolchain.sources"),
        flash_bytes=board.number("memory.flash_bytes"),
        ram_bytes=board.number("memory.ram_bytes"),
        runner=board.text("run.runner"),
        counter=board.text("run.counter"),
        timing_model=board.text("run.timing_model"),
        transport_sources={name: board.texts(f"{name}.sources") for name in TRANSPORTS if board.has(name)},
        serial_baud=board.number("serial.baud"),
        clock_hz=board.number("serial.clock_hz"),
        emulator=board.text("emulate.emulator"),
        emulator_debian_package=board.text("emulate.debian_package"),
        machine=board.texts("emulate.machine"),
        flash_command=board.text("flash.command"),
        flash_install=board.text("flash.install"),
        uf2_family=board.number("flash.uf2_family"),
        verified=board.text("verified"),
    )
    target.verify()
    return target


def _find_board(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.name == BOARD_FILE and path.is_file():
        return path.parent
    looks_like_path = len(path.parts) > 1 or path.is_absolute()
    if not looks_like_path and (targets_dir() / path / BOARD_FILE).is_file():
        return targets_dir() / path
    if (path / BOARD_FILE).is_file():
        return path
    if looks_like_path:
        raise TargetError(f'board folder "{path}" has no {BOARD_FILE}')
    known = list_targets()
    close = difflib.get_close_matches(str(path), known, n=1, cutoff=0.5)
    hint = f' (did you mean "{close[0]}"?)' if close else ""
    raise TargetError(f'unknown board "{path}"{hint}; known boards: {", ".join(known)}; or give the path of a board folder')

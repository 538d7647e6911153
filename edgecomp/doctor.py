"""What this computer has, what it lacks, and which boards can therefore be built for and run."""

import importlib.metadata
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

from edgecomp.paths import codegen_dir
from edgecomp.target import Target, list_targets, load_target

PROBE_TIMEOUT_S = 20
PYTHON_PACKAGES = ("numpy", "onnx", "onnxruntime", "onnxslim", "jinja2", "click", "rich", "pyserial")
EXTRAS = {
    "test": ("pytest", "hypothesis", "scikit-learn", "ruff", "mypy"),
    "data": ("scikit-learn", "pillow"),
    "tvm": ("apache-tvm",),
    "train": ("torch",),
}
EXTRA_PURPOSES = {
    "test": "running the project's tests",
    "data": "`edgecomp data digits` and `images`",
    "tvm": "`edgecomp run --engine tvm`",
    "train": "`edgecomp skip --finetune`, `edgecomp compress` where it trains, and training the examples",
}
_VERSION = re.compile(r"\d+\.\d+[\w.+-]*")


@dataclass(frozen=True)
class Finding:
    """One tool or package: `version` is None where it is missing, `install` the command that brings it."""

    name: str
    purpose: str
    version: str | None
    install: str
    optional: bool = False


@dataclass(frozen=True)
class BoardStatus:
    """Whether a board can be built for and run here; `missing` names what is not there, `debian_packages` what brings it."""

    target: Target
    missing: tuple[str, ...]
    debian_packages: tuple[str, ...]

    @property
    def available(self) -> bool:
        return not self.missing


def board_status(target: Target) -> BoardStatus:
    """Look for the board's compiler, its C library and its emulator."""
    missing: list[str] = []
    packages: list[str] = []
    compiler = f"{target.toolchain_prefix}gcc"
    if version_of(compiler) is None:
        missing.append(compiler)
        packages += target.toolchain_debian_packages
    elif not _has_c_library(compiler, target.cflags):
        missing.append(f"C library for {compiler}")
        packages += target.toolchain_debian_packages
    if target.runner == "qemu" and version_of(target.emulator) is None:  # a real board can do without
        missing.append(target.emulator)
        packages.append(target.emulator_debian_package)
    return BoardStatus(target, tuple(missing), tuple(package for package in packages if package))


def all_board_statuses() -> list[BoardStatus]:
    """The status of every board in the project, in the order of `list_targets`."""
    return [board_status(load_target(name)) for name in list_targets()]


def check_tools(boards: Iterable[BoardStatus]) -> list[Finding]:
    """The compilers and emulators of `boards`, and what else building needs."""
    findings = {"make": Finding("make", "the project's own commands", version_of("make"), install_command(["make"]))}
    findings["cmake"] = Finding(
        "cmake", "generated libraries in a firmware project", version_of("cmake"), install_command(["cmake"]), optional=True
    )
    for board in boards:
        target = board.target
        compiler = f"{target.toolchain_prefix}gcc"
        _add(findings, compiler, f"builds for {target.name}", install_command(target.toolchain_debian_packages))
        library = f"C library for {compiler}"
        if library in board.missing:
            findings[library] = Finding(library, f"builds for {target.name}", None, install_command(target.toolchain_debian_packages))
        if target.emulator:
            _add(findings, target.emulator, f"runs {target.name}", install_command([target.emulator_debian_package]))
    return list(findings.values())


def check_python() -> list[Finding]:
    """The Python packages edgecomp needs, and one line an extra."""
    needed = [
        Finding("python", "3.11 or later", platform.python_version(), install_command(["python3"])),
        *(Finding(name, "edgecomp itself", _package_version(name), "pip install edgecomp") for name in PYTHON_PACKAGES),
    ]
    for extra, packages in EXTRAS.items():
        versions = {name: _package_version(name) for name in packages}
        found = None if None in versions.values() else ", ".join(f"{name} {version}" for name, version in versions.items())
        needed.append(Finding(f"edgecomp[{extra}]", EXTRA_PURPOSES[extra], found, _extra_command(extra), optional=True))
    return needed


def install_command(debian_packages: Iterable[str]) -> str:
    """The command that installs Debian packages here, or their names where there is no apt-get."""
    names = " ".join(dict.fromkeys(debian_packages))
    if shutil.which("apt-get"):
        return f"sudo apt-get install {names}"
    return f"install what Debian calls {names}"


@cache
def version_of(tool: str) -> str | None:
    """The version number in the first line `tool --version` prints; None where it is missing or does not start."""
    if shutil.which(tool) is None:
        return None
    try:
        done = subprocess.run([tool, "--version"], capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    first_line = re.sub(r"\([^)]*\)", " ", (done.stdout.splitlines() or [""])[0])
    found = _VERSION.search(first_line)
    return found.group() if found else first_line.strip() or "unknown"


def _add(findings: dict[str, Finding], tool: str, purpose: str, install: str) -> None:
    """Add a tool, or another purpose to one that is there already."""
    if tool in findings:
        verb, known = findings[tool].purpose.split(" ", 1)
        findings[tool] = replace(findings[tool], purpose=f"{verb} {known}, {purpose.rsplit(' ', 1)[-1]}")
    else:
        findings[tool] = Finding(tool, purpose, version_of(tool), install)


@cache
def _has_c_library(compiler: str, cflags: tuple[str, ...]) -> bool:
    """Whether the compiler finds the header that all generated code includes."""
    try:
        command = [compiler, *cflags, "-E", "-x", "c", "-o", "/dev/null", "-"]
        return subprocess.run(command, input=b"#include <string.h>\n", capture_output=True, timeout=PROBE_TIMEOUT_S).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def _package_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _extra_command(extra: str) -> str:
    if (codegen_dir().parent / "Makefile").is_file():
        return "make setup" if extra in ("test", "data") else "make extras"
    return f"pip install 'edgecomp[{extra}]'"

"""What holds for every format: its example runs and can fail, the bytes are the same every time, the manifest tells the truth."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from edgecomp.artifacts import FILE_LIST
from edgecomp.exports import FORMATS, LICENSE_FILE, export, load_format
from edgecomp.exports.library import Library
from edgecomp.paths import codegen_dir
from tests.exports.builders import BUILDERS
from tests.exports.conftest import Exported
from tests.exports.machines import FAIL, PASS, Machine

ROOT = Path(__file__).resolve().parents[2]
MACHINES = {
    "cmake": ("host", "qemu_cortex_m4", "qemu_rv32imc"),
    "make": ("host", "qemu_cortex_m4", "qemu_rv32imc"),
    "arduino": ("host", "qemu_cortex_m0", "qemu_cortex_m4", "qemu_rv32imc"),
    "platformio": ("host", "qemu_cortex_m3", "qemu_rv32imc"),
    "zephyr": ("host", "qemu_cortex_m33", "qemu_rv32imc"),
    "esp-idf": ("host", "qemu_rv32imc"),
    "cmsis-pack": ("host", "qemu_cortex_m0", "qemu_cortex_m7", "qemu_cortex_m55"),
}
A_BOARD = {name: boards[1] for name, boards in MACHINES.items()}


def test_every_format_is_tried() -> None:
    assert set(MACHINES) == set(BUILDERS) == set(FORMATS)


@pytest.mark.parametrize(("format_name", "board"), [(name, board) for name, boards in MACHINES.items() for board in boards])
def test_the_example_passes(exported: Exported, machines: Callable[[str], Machine], tmp_path: Path, format_name: str, board: str) -> None:
    ran = BUILDERS[format_name](exported(format_name, board), machines(board), tmp_path / "work")
    assert PASS in ran.stdout, ran.stdout
    assert ran.returncode == 0


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_example_fails_where_one_bit_differs(
    exported: Exported, machines: Callable[[str], Machine], tmp_path: Path, format_name: str
) -> None:
    folder = exported(format_name, "host")
    for vector in folder.rglob("digits_test_vector.h"):
        text = vector.read_text()
        first = int(re.search(r"digits_test_output\[10\] = \{\s*(-?\d+),", text).group(1))  # type: ignore[union-attr]
        changed = re.sub(r"(digits_test_output\[10\] = \{\s*)-?\d+,", rf"\g<1>{first ^ 1},", text)
        assert changed != text
        vector.write_text(changed)
    if format_name == "cmsis-pack":
        repack(folder)
    ran = BUILDERS[format_name](folder, machines("host"), tmp_path / "work")
    assert FAIL in ran.stdout, ran.stdout
    assert PASS not in ran.stdout


def repack(folder: Path) -> None:
    import zipfile

    (pack,) = folder.glob("*.pack")
    with zipfile.ZipFile(pack) as archive:
        names = archive.namelist()
    with zipfile.ZipFile(pack, "w") as archive:
        for name in names:
            archive.write(folder / name, name)


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_same_input_gives_the_same_bytes(library: Callable[..., Library], format_name: str) -> None:
    first, second = (export(library(A_BOARD[format_name], f"digits{suffix}"[:6]), format_name) for suffix in ("", " "))
    assert first == second
    assert list(first) == sorted(first)


@pytest.mark.parametrize("format_name", FORMATS)
def test_license_readme_and_manifest(exported: Exported, format_name: str) -> None:
    folder = exported(format_name, A_BOARD[format_name])
    assert (folder / LICENSE_FILE).read_bytes() == (ROOT / LICENSE_FILE).read_bytes()
    readme = (folder / "README.md").read_text()
    assert readme.startswith("# digits: ")
    assert "digits_init" in readme and "--target host" in readme and "Apache" in readme
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["format"] == format_name
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(manifest["files"]) == {name for name in written - {"manifest.json", FILE_LIST} if not name.endswith(".pack")}
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("format_name", FORMATS)
def test_text_is_clean(exported: Exported, format_name: str) -> None:
    folder = exported(format_name, A_BOARD[format_name])
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".pack":
            text = path.read_bytes().decode()
            assert str(ROOT) not in text and "\r" not in text
            assert text.endswith("\n") and not text.endswith("\n\n"), path
            assert not re.search(r"\n\n\n", text), path


@pytest.mark.parametrize("format_name", [name for name in FORMATS if name != "cmake"])  # which keeps objects in folders like the sources'
def test_every_name_of_a_file_is_unique_to_compilers(exported: Exported, format_name: str) -> None:
    folder = exported(format_name, "qemu_cortex_m55") if format_name != "esp-idf" else exported(format_name, "qemu_rv32imc")
    names = [path.name for path in (folder / "src").rglob("*.c")]
    assert len(names) == len(set(names))


def test_every_format_has_its_templates_and_a_summary() -> None:
    for name in FORMATS:
        assert (codegen_dir() / name.replace("-", "_") / "README.md.j2").is_file()
        assert load_format(name).summary


def test_the_runtime_carries_the_license() -> None:
    assert (ROOT / "runtime_c" / LICENSE_FILE).read_bytes() == (ROOT / LICENSE_FILE).read_bytes()

"""The rules of Arduino's library specification as arduino-lint states them (its rule numbers in brackets)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from edgecomp.errors import ExportError
from edgecomp.exports import export
from edgecomp.exports.library import Library, Package
from tests.exports.builders import FREESTANDING_CXX, archived
from tests.exports.conftest import Exported
from tests.exports.machines import Machine

CATEGORIES = {
    "Display",
    "Communication",
    "Signal Input/Output",
    "Sensors",
    "Device Control",
    "Timing",
    "Data Storage",
    "Data Processing",
    "Other",
}
KEYWORD_KINDS = {"KEYWORD1", "KEYWORD2", "KEYWORD3", "LITERAL1", "LITERAL2"}
SEMVER = r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"


@pytest.fixture
def folder(exported: Exported) -> Path:
    return exported("arduino", "qemu_cortex_m4")


def properties(folder: Path) -> dict[str, str]:
    lines = [line for line in (folder / "library.properties").read_text().splitlines() if line and not line.startswith("#")]
    assert all("=" in line for line in lines)  # LP002
    pairs = [line.split("=", 1) for line in lines]
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


def test_metadata(folder: Path) -> None:
    found = properties(folder)
    needed = {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures"}
    assert needed <= found.keys()  # LP003 and its neighbours
    assert found.keys() <= needed | {"includes", "dot_a_linkage", "depends", "precompiled", "ldflags", "license"}
    assert all(value == value.strip() and value for value in found.values())
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]*", found["name"])  # LP007
    assert len(found["name"]) <= 32 and " " not in found["name"]  # LP010, LP013
    assert not re.search("arduino|library", found["name"], re.IGNORECASE)  # LP011, LP012, LP014
    assert re.fullmatch(SEMVER, found["version"])  # LP019
    assert not found["maintainer"].lower().startswith("arduino")  # LP025
    assert not found["paragraph"].startswith(found["sentence"])  # LP034
    assert found["category"] in CATEGORIES - {"Other"}  # LP037
    assert re.fullmatch(r"https?://[^\s]+", found["url"])  # LP041
    assert found["architectures"] == "*"
    for header in found["includes"].split(","):
        assert (folder / "src" / header).is_file()  # LP052
    assert found["dot_a_linkage"] == "true"  # LP054


def test_folders(folder: Path) -> None:
    top = {path.name for path in folder.iterdir()}
    assert {"src", "examples", "library.properties", "keywords.txt", "README.md", "LICENSE"} <= top  # LD001, LD003
    assert not top & {"utility", "Examples", "example", "extra", "arduino"}  # LS007 and its neighbours
    assert not any(path.is_symlink() or path.suffix in (".exe", ".dll") for path in folder.rglob("*"))  # LS004, LS005, LS006
    assert not any(path.suffix in (".h", ".c", ".cpp") for path in folder.iterdir())
    sketches = list((folder / "examples").rglob("*.ino"))
    assert sketches
    for sketch in sketches:
        assert sketch.stem == sketch.parent.name  # SS001
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}", sketch.stem)
    for path in folder.rglob("*"):
        assert re.fullmatch(r"[A-Za-z0-9_.-]{1,63}", path.name)


def test_keywords_are_separated_by_one_tab(folder: Path) -> None:
    lines = [line for line in (folder / "keywords.txt").read_text().splitlines() if line and not line.startswith("#")]
    words = {}
    for line in lines:
        name, kind = line.split("\t")
        assert kind in KEYWORD_KINDS
        words[name] = kind
    header = (folder / "src" / "digits.h").read_text()
    assert words["digits_run"] == "KEYWORD2" and words["DIGITS_ARENA_BYTES"] == "LITERAL1"
    assert all(name in header or name == "ec_model" for name in words)


@pytest.mark.parametrize("prefix", ["arduino_net", "my_arduino", "librarymodel", "n" * 64])
def test_names_that_are_not_allowed(library: Callable[..., Library], prefix: str) -> None:
    with pytest.raises(ExportError, match="--prefix"):
        export(library("host", prefix), "arduino")


def test_metadata_is_the_user_s(exported: Exported) -> None:
    package = Package("2.10.3", "Ada Lovelace", "https://example.org/engine")
    found = properties(exported("arduino", "host", package=package))
    assert (found["version"], found["author"], found["url"]) == ("2.10.3", "Ada Lovelace", "https://example.org/engine")


TWO_MODELS = """
#include <first.h>
#include <second.h>
extern "C" int puts(const char *text);
static uint8_t arena[FIRST_ARENA_BYTES + SECOND_ARENA_BYTES] EC_ALIGNED(16);
int main() {
    ec_context context;
    if (first_init(&context, arena, sizeof arena) == EC_OK) {
        first_run(&context);
    }
    if (second_init(&context, arena, sizeof arena) == EC_OK) {
        second_run(&context);
        puts("both");
    }
    return 0;
}
"""


def test_two_models_in_one_sketch(exported: Exported, machines: Callable[[str], Machine], tmp_path: Path) -> None:
    machine = machines("qemu_cortex_m4")
    archives, includes = [], []
    for prefix in ("first", "second"):
        folder = exported("arduino", "qemu_cortex_m4", prefix=prefix).rename(tmp_path / prefix)
        includes.append(folder / "src")
        archives.append(
            str(archived(sorted((folder / "src").rglob("*.c")), includes[-1:], ("-Os",), machine, tmp_path / f"{prefix}_objects"))
        )
    (tmp_path / "two_models.cpp").write_text(TWO_MODELS)
    ran = machine.compile_and_run(tmp_path / "program", [tmp_path / "two_models.cpp"], includes, FREESTANDING_CXX, archives)
    assert "both" in ran.stdout

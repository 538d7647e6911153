"""The .pdsc against the rules of PACK.xsd 1.7.32 for what it uses, the .pack against what packchk looks at."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from edgecomp.errors import ExportError
from edgecomp.exports import export
from edgecomp.exports.library import Library, Package
from tests.exports.conftest import Exported

CORES = (
    "Star-MC1 SC000 SC300 Cortex-M0 Cortex-M0+ Cortex-M1 Cortex-M23 Cortex-M3 Cortex-M33 Cortex-M35P Cortex-M52 Cortex-M55 Cortex-M85 "
    "Cortex-M4 Cortex-M7 ARMV8MBL ARMV8MML ARMV81MML"
).split()
VALUES = {
    "Dcore": set(CORES),
    "Ddsp": {"NO_DSP", "DSP"},
    "Dmve": {"NO_MVE", "MVE", "FP_MVE"},
    "Tcompiler": {"GCC", "ARMCC", "IAR", "CLANG"},
    "Toptions": {"AC5", "AC6", "AC6LTO"},
    "category": {"doc", "header", "include", "source"},
    "attr": {"config", "template"},
}
"""Enumerations of the schema, such as DcoreEnum, CompilerEnumType and FileCategoryType."""

PATTERNS = {
    "version": r"\d+\.\d+\.\d+",
    "Cversion": r"(0|[1-9]\d*)\.\d+(\.\d+)?",
    "Cclass": r"[A-Za-z0-9][A-Za-z0-9_+()'/\-\s.]{1,31}",
    "Cgroup": r"[A-Za-z0-9][A-Za-z0-9_+()'/\-\s.]{1,31}",
    "Csub": r"[A-Za-z0-9][A-Za-z0-9_+():/\- .]{0,31}",
    "schemaVersion": r"\d+\.\d+(\.\d+)?",
}
SHAPE = {
    "package": ("vendor name description url license releases keywords taxonomy conditions components", "schemaVersion"),
    "releases": ("release", ""),
    "release": ("", "version"),
    "keywords": ("keyword", ""),
    "keyword": ("", ""),
    "taxonomy": ("description", ""),
    "conditions": ("condition", ""),
    "condition": ("description accept require", "id"),
    "accept": ("", "Dcore Ddsp Dmve Tcompiler Toptions"),
    "require": ("", "condition"),
    "components": ("component", ""),
    "component": ("description files", "Cclass Cgroup Csub Cversion condition"),
    "files": ("file", ""),
    "file": ("", "category name attr select"),
    "description": ("", "Cclass Cgroup"),
    **dict.fromkeys(("vendor", "name", "url", "license"), ("", "")),
}
"""Element -> children and attributes it may have, of those the schema allows."""

SCHEMA_LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation"
BOARDS = ["host", "qemu_cortex_m0", "qemu_cortex_m3", "qemu_cortex_m4", "qemu_cortex_m55"]


def description(folder: Path) -> ElementTree.Element:
    (path,) = folder.glob("*.pdsc")
    return ElementTree.parse(path).getroot()


@pytest.mark.parametrize("board", BOARDS)
def test_the_description_follows_the_schema(exported: Exported, board: str) -> None:
    root = description(exported("cmsis-pack", board))
    assert root.attrib.pop(SCHEMA_LOCATION) == "PACK.xsd"
    for element in root.iter():
        children, attributes = (set(words.split()) for words in SHAPE[element.tag])
        assert {child.tag for child in element} <= children
        assert element.attrib.keys() <= attributes
        for name, value in element.attrib.items():
            assert value in VALUES.get(name, {value}), (name, value)
            assert re.fullmatch(PATTERNS.get(name, "(?s).+"), value), (name, value)
        if element.tag == "description":
            assert 0 < len(element.text or "") <= 256
    for name in ("name", "vendor", "description", "url"):
        assert len(root.findall(name)) == 1
    for name in ("name", "vendor"):
        assert re.fullmatch(r"[-_A-Za-z0-9]+", root.findtext(name) or "")


@pytest.mark.parametrize("board", BOARDS)
def test_conditions_are_defined_once_and_used(exported: Exported, board: str) -> None:
    root = description(exported("cmsis-pack", board))
    defined = [element.attrib["id"] for element in root.iter("condition")]
    used = {element.attrib["condition"] for element in root.iter() if "condition" in element.attrib}
    assert len(set(defined)) == len(defined)
    assert set(defined) == used
    assert bool(defined) == (board != "host")


@pytest.mark.parametrize(
    ("board", "runs", "does_not"),
    [
        ("qemu_cortex_m0", {"Cortex-M0", "Cortex-M4", "Cortex-M85"}, set()),
        ("qemu_cortex_m3", {"Cortex-M3", "Cortex-M7"}, {"Cortex-M0+", "Cortex-M23"}),
        ("qemu_cortex_m4", {"Cortex-M4", "Cortex-M55"}, {"Cortex-M3", "Cortex-M0"}),
    ],
)
def test_cores(exported: Exported, board: str, runs: set[str], does_not: set[str]) -> None:
    root = description(exported("cmsis-pack", board))
    accepted = {element.attrib["Dcore"] for element in root.iter("accept") if "Dcore" in element.attrib}
    assert runs <= accepted and not does_not & accepted


def test_the_pack(exported: Exported) -> None:
    folder = exported("cmsis-pack", "qemu_cortex_m4", package=Package("2.0.1", "Ada & Söhne 1", "https://example.org/engine"))
    root = description(folder)
    vendor, name = root.findtext("vendor"), root.findtext("name")
    assert vendor == "AdaShne1"
    (release,) = root.iter("release")
    with zipfile.ZipFile(folder / f"{vendor}.{name}.{release.attrib['version']}.pack") as archive:
        entries = archive.infolist()
        names = [entry.filename for entry in entries]
        assert names == sorted(set(names))
        assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
        assert all((folder / entry.filename).read_bytes() == archive.read(entry) for entry in entries)
    assert f"{vendor}.{name}.pdsc" in names
    assert root.findtext("license") in names
    assert (root.findtext("url") or "").endswith("/")
    for file in root.iter("file"):
        if file.attrib["category"] == "include":
            assert any(entry.startswith(file.attrib["name"]) for entry in names)
        else:
            assert file.attrib["name"] in names
    listed = {file.attrib["name"] for file in root.iter("file")}
    assert {entry for entry in names if entry.endswith(".c")} <= listed


def test_kernels_for_risc_v_are_refused(library: Callable[..., Library]) -> None:
    with pytest.raises(ExportError, match=r"riscv.*--target host"):
        export(library("qemu_rv32imc"), "cmsis-pack")


def test_a_name_that_is_too_long(library: Callable[..., Library]) -> None:
    with pytest.raises(ExportError, match=r"32 characters.*--prefix"):
        export(library("host", "n" * 33), "cmsis-pack")

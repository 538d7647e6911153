"""An ESP-IDF component: its manifest by the component manager's own check."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from edgecomp.errors import ExportError
from edgecomp.exports import export
from edgecomp.exports.esp_idf import RISCV_CHIPS, component_name
from edgecomp.exports.library import Library, Package
from tests.exports.conftest import Exported

SLUG = r"[a-zA-Z\d]+(?:(?:[_-](?![_-]+))|(?:[a-zA-Z\d]))*[a-zA-Z\d]+"
"""A component's name, as the component manager checks it."""


def problems(folder: Path) -> list[str]:
    manager = pytest.importorskip("idf_component_tools.manager", reason="`idf-component-manager` is not installed (extra `exports`)")
    return list(manager.ManifestManager(str(folder), "digits", upload_mode="component").validate().validation_errors)


@pytest.mark.parametrize("board", ["host", "qemu_rv32imc"])
def test_the_component_manager_takes_the_manifest(exported: Exported, board: str) -> None:
    assert problems(exported("esp-idf", board, package=Package("1.2.3", "Ada Lovelace", "https://example.org/engine"))) == []


def test_the_component_manager_refuses_a_wrong_one(exported: Exported) -> None:
    folder = exported("esp-idf", "host")
    manifest = folder / "idf_component.yml"
    manifest.write_text(manifest.read_text().replace('"1.0.0"', '"first"') + "targets: esp8266\n")
    assert problems(folder)


@pytest.mark.parametrize(("board", "chips"), [("host", ()), ("qemu_rv32imc", RISCV_CHIPS)])
def test_chips(library: Callable[..., Library], board: str, chips: tuple[str, ...]) -> None:
    manifest = export(library(board), "esp-idf")["idf_component.yml"].decode()
    assert tuple(re.findall(r"^  - (esp32\w+)$", manifest, re.MULTILINE)) == chips


def test_kernels_for_arm_are_refused(library: Callable[..., Library]) -> None:
    with pytest.raises(ExportError, match=r"arm_dsp.*--target host"):
        export(library("qemu_cortex_m4"), "esp-idf")


@pytest.mark.parametrize("prefix", ["digits", "a", "a__b", "trailing_", "model_3d"])
def test_names_of_components(prefix: str) -> None:
    assert re.fullmatch(SLUG, component_name(prefix))

"""library.json by PlatformIO's own check, `pio pkg pack`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path

import pytest

from edgecomp.exports import export
from edgecomp.exports.library import Library
from tests.exports.conftest import Exported

PACK = """
import sys
from platformio.package.manifest import schema
schema.ManifestSchema.load_spdx_licenses = staticmethod(lambda: {"licenses": [{"licenseId": "Apache-2.0"}]})
from platformio.__main__ import main
sys.exit(main(["pio", "pkg", "pack", sys.argv[1], "-o", sys.argv[2]]))
"""
"""PlatformIO fetches the list of licenses; all else is its own."""


def pack(folder: Path, archive: Path) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("platformio", reason="the package `platformio` is not installed (extra `exports`)")
    environment = {**os.environ, "PLATFORMIO_CORE_DIR": str(archive.parent / "core"), "PLATFORMIO_NO_ANSI": "1", "CI": "1"}
    command = [sys.executable, "-c", PACK, str(folder), str(archive)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)


def test_platformio_packs_it(exported: Exported, tmp_path: Path) -> None:
    folder = exported("platformio", "qemu_cortex_m4")
    done = pack(folder, tmp_path / "digits.tar.gz")
    assert done.returncode == 0, done.stdout + done.stderr
    with tarfile.open(tmp_path / "digits.tar.gz") as archive:
        packed = set(archive.getnames())
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert written - packed == {".edgecomp-files"}


def test_platformio_refuses_a_wrong_one(exported: Exported, tmp_path: Path) -> None:
    folder = exported("platformio", "host")
    manifest = json.loads((folder / "library.json").read_text())
    (folder / "library.json").write_text(json.dumps({**manifest, "version": "first", "keywords": ["NOT ALLOWED"]}))
    done = pack(folder, tmp_path / "digits.tar.gz")
    assert done.returncode != 0 and "Invalid" in done.stdout + done.stderr


def test_what_library_json_names_is_there(exported: Exported) -> None:
    folder = exported("platformio", "qemu_cortex_m4")
    manifest = json.loads((folder / "library.json").read_text())
    assert all((folder / manifest["build"]["includeDir"] / header).is_file() for header in manifest["headers"])
    (example,) = manifest["examples"]
    assert all((folder / example["base"] / name).is_file() for name in example["files"])


@pytest.mark.parametrize(
    ("board", "section"),
    [
        ("host", "env:native"),
        ("qemu_cortex_m0", "env:pico"),
        ("qemu_cortex_m3", "env:nucleo_f103rb"),
        ("qemu_cortex_m4", "env:nucleo_f446re"),
        ("qemu_rv32imc", "env:esp32-c3-devkitm-1"),
    ],
)
def test_the_example_names_a_board_that_has_the_core(library: Callable[..., Library], board: str, section: str) -> None:
    ini = ConfigParser(comment_prefixes=(";",))
    ini.read_string(export(library(board), "platformio")["examples/self_test/platformio.ini"].decode())
    assert ini.sections() == ["env", section]
    assert ini["env"]["lib_deps"] == "symlink://../.."
    assert ini[section]["platform"]

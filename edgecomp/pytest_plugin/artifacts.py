"""What a test leaves behind: reports, outputs, C, map and ELF, in a folder of its own."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest

from edgecomp.artifacts import write_atomically

if TYPE_CHECKING:
    from edgecomp.report import RunReport
    from edgecomp.verify import Built

_OURS: Final = ".edgecomp-test"
"""File that marks a folder as one that a test wrote, which the next run of the test empties."""
_LONGEST_NAME: Final = 120


class Artifacts:
    """Files of the tests of a session, under `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._begun: set[Path] = set()
        self._inferences: dict[Path, int] = {}

    def folder_of(self, item: pytest.Item) -> Path:
        """The test's folder, emptied of what it left the last time."""
        file, _, name = item.nodeid.partition("::")
        folder = self.folder / Path(*_parts(file)) / _file_name(name or "test")
        if folder not in self._begun:
            if (folder / _OURS).exists():
                shutil.rmtree(folder)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _OURS).touch()
            self._begun.add(folder)
            item.add_report_section("call", "edgecomp", f"artifacts of this test: {folder}\n")
        return folder

    def keep_firmware(self, item: pytest.Item, name: str, built: Built) -> None:
        """The generated C, the program and its map."""
        folder = self.folder_of(item) / name
        for path, text in built.sources.files.items():
            file = folder / "c" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        for file in (built.firmware.elf, built.firmware.elf.with_suffix(".map")):
            if file.exists():
                shutil.copyfile(file, folder / file.name)

    def keep_run(self, item: pytest.Item, name: str, report: RunReport) -> None:
        """The report as `edgecomp run --json` writes it, and the outputs as `--outputs` does; numbered from the second on."""
        folder = self.folder_of(item) / name
        folder.mkdir(parents=True, exist_ok=True)
        count = self._inferences.get(folder, 0) + 1
        self._inferences[folder] = count
        number = "" if count == 1 else f"-{count}"
        write_atomically(folder / f"report{number}.json", json.dumps(report.to_json(), indent=2, allow_nan=False) + "\n")
        if report.outputs is None:
            return
        found = report.outputs
        arrays: dict[str, Any] = {"index": found.index, "target": found.target, "target_float": found.target_float, "float": found.float}
        stream = io.BytesIO()
        np.savez_compressed(stream, **{key: array for key, array in arrays.items() if array is not None})
        write_atomically(folder / f"outputs{number}.npz", stream.getvalue())


def _parts(file: str) -> list[str]:
    """Of a test file's path, without those that lead out of the folder."""
    return [_file_name(part) for part in Path(file).parts if part not in ("..", "/")]


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.,=+\[\]-]+", "_", text.replace("::", "."))[:_LONGEST_NAME]

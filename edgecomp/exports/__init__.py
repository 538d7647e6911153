"""A generated library in the form that an ecosystem's users expect.

A format is one module here with a `FORMAT`, its templates in `codegen/<format>/`, and one line in `FORMATS`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from edgecomp.exports.library import Format, Library

DEFAULT_FORMAT: Final = "cmake"

FORMATS: Final[Mapping[str, str]] = {
    "cmake": "edgecomp.exports.cmake",
    "make": "edgecomp.exports.make",
    "arduino": "edgecomp.exports.arduino",
    "platformio": "edgecomp.exports.platformio",
    "zephyr": "edgecomp.exports.zephyr",
    "esp-idf": "edgecomp.exports.esp_idf",
    "cmsis-pack": "edgecomp.exports.cmsis_pack",
}
"""Name on the command line -> the module that holds its `FORMAT`, imported when it is asked for."""

LICENSE_FILE: Final = "LICENSE"
MANIFEST_FILE: Final = "manifest.json"


def load_format(name: str) -> Format:
    """The format of a name in FORMATS."""
    found: Format = import_module(FORMATS[name]).FORMAT
    return found


def export(library: Library, format_name: str = DEFAULT_FORMAT) -> Mapping[str, bytes]:
    """All files of a library in one format, by path in the folder to write; the same input gives the same bytes.

    Raises:
        ExportError: the format cannot hold this library; the message says why and what to do.
    """
    from edgecomp.paths import runtime_dir

    library.package.verify()
    chosen = load_format(format_name)
    files = {name: text.encode() for name, text in chosen.arrange(library).items()}
    files[LICENSE_FILE] = (runtime_dir() / LICENSE_FILE).read_bytes()
    files[MANIFEST_FILE] = _manifest(library, format_name, files)
    return dict(sorted({**files, **chosen.archive(library, files)}.items()))


def _manifest(library: Library, format_name: str, files: Mapping[str, bytes]) -> bytes:
    """The library's own manifest with the format, and the hashes of the files as they lie in it."""
    document = json.loads(library.sources.files[MANIFEST_FILE])
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    document = {**document, "format": format_name, "package_version": library.package.version, "files": hashes}
    return (json.dumps(document, indent=2) + "\n").encode()

"""Files that are dear to make and cheap to keep, named by a hash of all that went into them.

They lie under `$XDG_CACHE_HOME/edgecomp` (default `~/.cache/edgecomp`). Where that cannot be written, nothing is kept and
everything still works.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path


def content_key(*parts: str | Sequence[str]) -> str:
    """Hash of the parts: equal keys mean equal parts, 64 hex digits."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def cache_folder(kind: str) -> Path:
    """Folder for one kind of files; it need not exist. Without a home directory it lies under the temporary one."""
    configured = os.environ.get("XDG_CACHE_HOME")
    if configured:
        return Path(configured) / "edgecomp" / kind
    try:
        return Path.home() / ".cache" / "edgecomp" / kind
    except RuntimeError:
        return Path(tempfile.gettempdir()) / f"edgecomp-{os.getuid()}" / kind


def fetch(kind: str, key: str, destination: Path) -> bool:
    """Copy a kept file to `destination`; False where there is none."""
    try:
        shutil.copyfile(cache_folder(kind) / key, destination)
    except OSError:
        return False
    return True


def prune(kind: str, limit_bytes: int) -> None:
    """Remove the files that were kept longest ago until the rest takes at most `limit_bytes`."""
    try:
        entries = [(entry.stat(), entry.path) for entry in os.scandir(cache_folder(kind))]
    except OSError:
        return
    excess_bytes = sum(status.st_size for status, _ in entries) - limit_bytes
    for status, path in sorted(entries, key=lambda entry: entry[0].st_mtime):
        if excess_bytes <= 0:
            break
        with contextlib.suppress(OSError):
            os.unlink(path)
        excess_bytes -= status.st_size


def keep(kind: str, key: str, source: Path) -> None:
    """Keep a copy of `source`; it appears whole or not at all, and a failure to write is no error."""
    folder = cache_folder(kind)
    partial = folder / f".{key}.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, partial)
        partial.replace(folder / key)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)

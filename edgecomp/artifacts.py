"""Writing results to disk: all of a result, or nothing of it.

A reader, or the next command, never sees half a file: content goes to a temporary file in the same folder, which takes the
final name only once it is complete.
"""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from edgecomp.errors import OutputError

FILE_LIST = ".edgecomp-files"
"""Name of the file in a written folder that lists what edgecomp wrote there; nothing else is ever removed."""

_CURES = {
    errno.ENOSPC: "free some space or write to another disk",
    errno.EDQUOT: "free some space or write to another disk",
    errno.EACCES: "choose a folder you may write to",
    errno.EPERM: "choose a folder you may write to",
    errno.EROFS: "choose a folder you may write to",
    errno.EISDIR: "name a file, not a folder",
    errno.ENOTDIR: "a part of the path is a file: choose another path",
}


def describe_os_error(error: OSError) -> str:
    """The system's words for `error` and what to do about it, without the path: 'No space left on device: free some space ...'."""
    said = error.strerror or str(error)
    cure = _CURES.get(error.errno or 0)
    return f"{said}: {cure}" if cure else said


@contextmanager
def open_atomically(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open `path` for writing bytes; it appears, or is replaced, only when the block ends without an exception.

    Missing folders above it are made. A device such as `/dev/null` is written to directly.

    Raises:
        OutputError: the disk is full, or the path cannot be written.
    """
    shown = os.fspath(path)
    final = Path(os.path.realpath(shown))
    with _output_errors(shown):
        if final.exists() and not stat.S_ISREG(final.stat().st_mode):
            with final.open("wb") as device:
                yield device
            return
        final.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{final.name}.", suffix=".part", dir=final.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(temporary, _mode_of(final))
            os.replace(temporary, final)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
            raise


def write_atomically(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Write `content` (text as UTF-8) to `path`, wholly or not at all; see `open_atomically`.

    Raises:
        OutputError: the disk is full, or the path cannot be written.
    """
    with open_atomically(path) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


def replace_directory(path: str | os.PathLike[str], files: Mapping[str, str | bytes]) -> None:
    """Write `files` (relative path -> content, text as UTF-8) into the folder `path`, all of them or none.

    Files of an earlier call that are not in `files` any more are removed, anything else in the folder is left alone:
    `FILE_LIST` remembers what was written. A file that edgecomp did not write is never overwritten.

    Raises:
        OutputError: the disk is full, the path cannot be written, or a file in the way is not edgecomp's.
        ValueError: a name in `files` is absolute or leads out of the folder.
    """
    shown = os.fspath(path)
    final = Path(os.path.realpath(shown))
    new = {_checked_name(name): content.encode() if isinstance(content, str) else content for name, content in files.items()}
    new[FILE_LIST] = "".join(f"{name}\n" for name in sorted(files)).encode()
    with _output_errors(shown):
        if final.exists() and not final.is_dir():
            raise OutputError(f"{shown}: is a file where a folder is needed: remove it or choose another folder")
        old = _listed_files(final)
        _refuse_foreign_files(shown, final, new, old)
        final.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".part", dir=final.parent))
        try:
            for name, content in new.items():
                target = staging / "new" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            _swap_in(staging, final, list(new), sorted(old - new.keys()))
        finally:
            shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _output_errors(shown: str) -> Iterator[None]:
    """Turn the system's errors into OutputError naming the path the user gave."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{shown}: cannot be written: {describe_os_error(error)}") from error


def _mode_of(final: Path) -> int:
    """Permissions for the new file: those of the file it replaces, else what the user's umask leaves."""
    if final.exists():
        return stat.S_IMODE(final.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _checked_name(name: str) -> str:
    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or ".." in parts or name == FILE_LIST:
        raise ValueError(f"{name!r} does not name a file inside the folder")
    return Path(name).as_posix()


def _listed_files(final: Path) -> set[str]:
    """What an earlier call wrote there."""
    try:
        names = (final / FILE_LIST).read_text().splitlines()
    except FileNotFoundError:
        return set()
    return {name for name in names if name and ".." not in Path(name).parts and not Path(name).is_absolute()}


def _refuse_foreign_files(shown: str, final: Path, new: Mapping[str, bytes], old: set[str]) -> None:
    for name, content in new.items():
        present = final / name
        if name == FILE_LIST or name in old or not present.exists():
            continue
        if present.is_dir() or present.read_bytes() != content:
            raise OutputError(f"{shown}: {name} is there already and was not written by edgecomp: move it or choose another folder")


def _swap_in(staging: Path, final: Path, names: list[str], stale: list[str]) -> None:
    """Rename the staged files into place and the old ones out of the way; put all back if anything fails."""
    if not final.exists():
        os.rename(staging / "new", final)
        return
    moved: list[tuple[Path, Path | None]] = []
    try:
        for name in [*names, *stale]:
            target = final / name
            moved.append((target, _move_aside(target, staging / "old" / name)))
            if name not in stale:
                target.parent.mkdir(parents=True, exist_ok=True)
                os.rename(staging / "new" / name, target)
    except BaseException:
        for target, aside in reversed(moved):
            target.unlink(missing_ok=True)
            if aside is not None:
                os.rename(aside, target)
        raise
    for name in stale:
        with suppress(OSError):  # the folder still holds something
            (final / name).parent.rmdir()


def _move_aside(target: Path, aside: Path) -> Path | None:
    if not target.exists():
        return None
    aside.parent.mkdir(parents=True, exist_ok=True)
    os.rename(target, aside)
    return aside

"""Results reach the disk wholly or not at all."""

import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgecomp.artifacts import FILE_LIST, open_atomically, replace_directory, write_atomically
from edgecomp.errors import OutputError


@contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    """Files cannot grow beyond `size_bytes`, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def tree(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_writes_text_and_bytes_and_makes_folders(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b.txt", "grün")
    write_atomically(tmp_path / "c.bin", b"\0\1")
    assert tree(tmp_path) == {"a/b.txt": "grün".encode(), "c.bin": b"\0\1"}


def test_new_files_have_the_usual_permissions_and_replaced_ones_keep_theirs(tmp_path: Path) -> None:
    plain, private = tmp_path / "plain", tmp_path / "private"
    plain.touch()
    private.touch(0o600)
    write_atomically(tmp_path / "new", "x")
    write_atomically(private, "x")
    mode = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert mode["new"] == mode["plain"]
    assert mode["private"] == 0o600


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, failure: type[BaseException]) -> None:
    (tmp_path / "out").write_text("old")

    def interrupted_write() -> None:
        with open_atomically(tmp_path / "out") as stream:
            stream.write(b"half")
            raise failure

    with pytest.raises(failure):
        interrupted_write()
    assert tree(tmp_path) == {"out": b"old"}


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    with file_size_limit(100), pytest.raises(OutputError, match=r"out.bin: cannot be written"):
        write_atomically(tmp_path / "out.bin", bytes(1000))
    assert tree(tmp_path) == {}
    with pytest.raises(OutputError, match=r"/dev/full.*No space left.*free some space"):
        write_atomically("/dev/full", "x")


def test_impossible_paths_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file/out"):
        write_atomically(tmp_path / "file" / "out", "x")
    with pytest.raises(OutputError, match="cannot be written"):
        write_atomically(tmp_path, "x")


def test_a_folder_is_written_and_rewritten(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    replace_directory(out, {"a.c": "1", "src/b.c": b"2"})
    assert tree(out) == {"a.c": b"1", "src/b.c": b"2", FILE_LIST: b"a.c\nsrc/b.c\n"}
    replace_directory(out, {"a.c": "3"})
    assert tree(out) == {"a.c": b"3", FILE_LIST: b"a.c\n"}
    assert not (out / "src").exists()
    assert [entry.name for entry in out.parent.iterdir()] == ["out"]


def test_a_users_files_are_kept(tmp_path: Path) -> None:
    replace_directory(tmp_path / "out", {"a.c": "1", "b.c": "2"})
    (tmp_path / "out" / "main.c").write_text("mine")
    replace_directory(tmp_path / "out", {"a.c": "3"})
    assert tree(tmp_path / "out") == {"a.c": b"3", "main.c": b"mine", FILE_LIST: b"a.c\n"}


def test_a_users_file_in_the_way_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("mine")
    with pytest.raises(OutputError, match=r"a\.c is there already and was not written by edgecomp"):
        replace_directory(tmp_path, {"a.c": "1", "b.c": "2"})
    assert tree(tmp_path) == {"a.c": b"mine"}


@pytest.mark.parametrize("existing", [False, True])
def test_a_folder_that_does_not_fit_leaves_what_was_there(tmp_path: Path, existing: bool) -> None:
    if existing:
        replace_directory(tmp_path / "out", {"a.c": "old"})
    before = tree(tmp_path)
    with file_size_limit(100), pytest.raises(OutputError, match="out: cannot be written"):
        replace_directory(tmp_path / "out", {"a.c": "new", "big.c": bytes(1000)})
    assert tree(tmp_path) == before
    assert (tmp_path / "out").exists() == existing


def test_a_failure_while_files_are_moved_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_directory(tmp_path / "out", {"a.c": "old", "b.c": "old"})
    before, rename = tree(tmp_path), os.rename

    def failing_rename(source: Path, target: Path) -> None:
        if Path(source).parent.name == "new" and Path(source).name == "b.c":
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(os, "rename", failing_rename)
    with pytest.raises(OutputError, match="Input/output error"):
        replace_directory(tmp_path / "out", {"a.c": "new", "b.c": "new"})
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "", FILE_LIST])
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="does not name a file inside"):
        replace_directory(tmp_path / "out", {name: "x"})


def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(OutputError, match="is a file where a folder is needed"):
        replace_directory(tmp_path / "out", {"a": "x"})

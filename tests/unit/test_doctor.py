"""What `edgecomp doctor` finds, with tools present and missing."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgecomp import cli, doctor
from edgecomp.target import list_targets, load_target


@pytest.fixture(autouse=True)
def _fresh_caches() -> Iterator[None]:
    doctor.version_of.cache_clear()
    doctor._has_c_library.cache_clear()
    yield
    doctor.version_of.cache_clear()
    doctor._has_c_library.cache_clear()


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it but what a test puts there with `put_tool`."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def put_tool(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("arm-none-eabi-gcc (15:12.2.rel1-1) 12.2.1 20221205", "12.2.1"),
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)", "7.2.22"),
        ("GNU Make 4.3", "4.3"),
        ("cmake version 3.25.1", "3.25.1"),
        ("some tool", "some tool"),
    ],
)
def test_versions_are_read(tools: Path, said: str, version: str) -> None:
    put_tool(tools, "tool", f"echo '{said}'")
    assert doctor.version_of("tool") == version


def test_a_tool_that_fails_counts_as_missing(tools: Path) -> None:
    put_tool(tools, "broken", "exit 3")
    assert doctor.version_of("broken") is None
    assert doctor.version_of("absent") is None


def test_a_board_names_what_it_lacks(tools: Path) -> None:
    target = load_target("qemu_cortex_m4")
    status = doctor.board_status(target)
    assert not status.available
    assert status.missing == ("arm-none-eabi-gcc", "qemu-system-arm")
    assert {"gcc-arm-none-eabi", "qemu-system-arm"} <= set(status.debian_packages)


def test_a_compiler_without_its_library_is_noticed(tools: Path) -> None:
    put_tool(tools, "arm-none-eabi-gcc", 'case "$*" in *--version*) echo gcc 12.2.1;; *) exit 1;; esac')
    put_tool(tools, "qemu-system-arm", "echo QEMU emulator version 7.2.0")
    assert doctor.board_status(load_target("qemu_cortex_m4")).missing == ("C library for arm-none-eabi-gcc",)


def test_install_commands_use_apt_get_only_where_it_is(tools: Path) -> None:
    assert doctor.install_command(["cmake", "cmake", "make"]) == "install what Debian calls cmake make"
    put_tool(tools, "apt-get", "exit 0")
    assert doctor.install_command(["cmake"]) == "sudo apt-get install cmake"


def test_doctor_reports_a_bare_machine_and_only_strict_fails(tools: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "doctor.json"
    assert cli.execute(["doctor", "--json", str(out)]) == 0
    said = capsys.readouterr().out
    assert "qemu-system-riscv32" in said
    assert "install what Debian calls" in said
    document = json.loads(out.read_text())
    assert not any(board["available"] for board in document["boards"])
    assert cli.execute(["doctor", "--strict"]) == 1
    assert "missing: " in capsys.readouterr().err


def test_available_boards_are_plain_names(tools: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put_tool(tools, "gcc", "echo gcc 12.2.0")
    assert cli.execute(["boards", "--available"]) == 0
    assert capsys.readouterr().out.split() == ["host"]


@pytest.mark.parametrize("command", ["boards", "doctor"])
def test_names_are_whole_in_a_narrow_terminal(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.execute([command]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert all(any(line.split()[:1] == [name] for line in lines) for name in list_targets())


def test_missing_python_packages_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.EXTRAS, "tvm", ("no-such-package-here",))
    found = {finding.name: finding for finding in doctor.check_python()}
    assert found["edgecomp[tvm]"].version is None
    assert "extras" in found["edgecomp[tvm]"].install
    assert found["numpy"].version is not None


def test_probing_does_not_depend_on_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.listdir(tmp_path)
    monkeypatch.chdir(tmp_path)
    doctor.all_board_statuses()
    assert os.listdir(tmp_path) == before

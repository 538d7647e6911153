"""Flashing by the line in board.toml: what is run, with what files, and what is said where it cannot be."""

from __future__ import annotations

import json
import shlex
import shutil
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edgecomp.boards.flashing import Flashing, flash, plan_flashing
from edgecomp.boards.images import read_image
from edgecomp.cli import execute
from edgecomp.errors import TargetError, ToolError
from edgecomp.target import Target, load_target
from tests.boards.echo_firmware import REAL_BOARDS
from tests.boards.test_images import elf_of

RECORDER = """#!{python}
import sys
from pathlib import Path
Path({log!r}).write_text("\\n".join(sys.argv[1:]))
print("written")
sys.exit({code})
"""


def recorder(folder: Path, name: str, code: int = 0) -> Path:
    """A program that writes its arguments to a file."""
    folder.mkdir(exist_ok=True)
    log = folder / f"{name}.log"
    program = folder / name
    program.write_text(RECORDER.format(python=sys.executable, log=str(log), code=code))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return log


@pytest.fixture
def elf(tmp_path: Path) -> Path:
    file = tmp_path / "with space" / "firmware.elf"
    file.parent.mkdir()
    file.write_bytes(elf_of((0x10000000, bytes(range(200)))))
    return file


@pytest.fixture
def board() -> Target:
    return replace(load_target("rp2040_pico"), flash_command="flasher [--id {probe}] --verify '{elf} now' {uf2}", flash_install="buy one")


def test_placeholders_and_parts_in_brackets(board: Target, elf: Path) -> None:
    assert plan_flashing(board, elf).command == ("flasher", "--verify", f"{elf} now", str(elf.with_suffix(".uf2")))
    assert plan_flashing(board, elf, probe="A B").command[1:3] == ("--id", "A B")
    assert shlex.split(str(plan_flashing(board, elf))) == list(plan_flashing(board, elf).command)


def test_images_are_written_before_the_program_runs(board: Target, elf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = recorder(tmp_path / "bin", "flasher")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert flash(plan_flashing(board, elf, probe="7")) == "written"
    assert log.read_text().splitlines() == ["--id", "7", "--verify", f"{elf} now", str(elf.with_suffix(".uf2"))]
    assert elf.with_suffix(".uf2").read_bytes() == read_image(elf).to_uf2(0xE48BFF56)
    assert not elf.with_suffix(".bin").exists() and not elf.with_suffix(".hex").exists()


def test_a_failure_says_the_command_and_its_last_words(board: Target, elf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder(tmp_path / "bin", "flasher", code=3)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(
        ToolError, match=r"(?s)flasher could not write rp2040_pico \(exit code 3\); is the board plugged in.*flasher --verify.*written"
    ):
        flash(plan_flashing(board, elf))


def test_a_missing_program_says_how_to_get_it(board: Target, elf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolError, match="flashing rp2040_pico needs flasher, which is not installed; buy one"):
        flash(plan_flashing(board, elf))
    assert not elf.with_suffix(".uf2").exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("", r"no flash.command; add a line such as command = \"pyocd flash --target CHIP \{elf\}\""),
        ("flasher {port} {elf}", "needs its port: give --port"),
        ("flasher {probe} {elf}", "needs its probe: give --probe"),
        ("flasher '{elf}", "No closing quotation; close every quotation mark"),
    ],
)
def test_what_stands_in_the_way_is_said(board: Target, elf: Path, command: str, message: str) -> None:
    with pytest.raises(TargetError, match=message):
        plan_flashing(replace(board, flash_command=command), elf)


def test_uf2_needs_a_family(board: Target, elf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder(tmp_path / "bin", "flasher")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(TargetError, match=r"no flash\.uf2_family"):
        flash(plan_flashing(replace(board, uf2_family=0), elf))


@pytest.mark.parametrize("name", REAL_BOARDS)
def test_every_real_board_can_be_flashed(name: str, elf: Path) -> None:
    target = load_target(name)
    assert target.flash_install
    flashing = plan_flashing(target, elf, port="/dev/ttyX", probe="123")
    assert flashing.command[0] in ("pyocd", "openocd", "picotool", "esptool", "west")
    words = " ".join(flashing.command)
    assert "{" not in words and ("[" not in words) and str(elf.with_suffix("")) in words
    assert "123" in words or name == "esp32c3_devkit"


@pytest.mark.parametrize("name", [name for name in REAL_BOARDS if load_target(name).flash_command.startswith("openocd")])
def test_openocd_takes_the_line(name: str, elf: Path) -> None:
    """It must come as far as looking for the debug probe, which is not there."""
    if shutil.which("openocd") is None:
        pytest.skip("openocd is not installed")
    with pytest.raises(ToolError) as error:
        flash(plan_flashing(load_target(name), elf, probe="no-such-probe-0"), timeout_s=60)
    said = str(error.value)
    assert "Can't find" not in said and "invalid command" not in said and "syntax" not in said.lower()
    assert "open failed" in said or "No J-Link device found" in said or "not found" in said


def test_the_command_prints_what_it_would_do(tmp_path: Path, capsys: pytest.CaptureFixture[str], elf: Path) -> None:
    assert execute(["flash", str(elf), "--target", "microbit", "--dry-run", "--json", str(tmp_path / "f.json")]) == 0
    said = capsys.readouterr().out.strip()
    assert shlex.split(said) == ["pyocd", "flash", "--no-wait", "--target", "nrf51", str(elf)]
    document = json.loads((tmp_path / "f.json").read_text())
    assert document == {"schema": "edgecomp.flash/1", "board": "microbit", "flashed": False, "image": None, "commands": [said]}


def test_the_map_says_port_and_probe(tmp_path: Path, capsys: pytest.CaptureFixture[str], elf: Path) -> None:
    file = tmp_path / "boards.toml"
    file.write_text(
        '[[board]]\nname = "esp32c3_devkit"\nport = "/dev/ttyUSB7"\n'
        '[[board]]\nname = "nrf52840dk"\nport = "/dev/ttyACM0"\nprobe = "683"\n'
        '[[board]]\nname = "nrf52840dk"\nport = "/dev/ttyACM1"\nprobe = "684"\n'
    )
    given = ["--dry-run", "--map", str(file)]
    assert execute(["flash", str(elf), "--target", "esp32c3_devkit", *given]) == 0
    assert "--port /dev/ttyUSB7" in capsys.readouterr().out
    assert execute(["flash", str(elf), "--target", "nrf52840dk", *given]) == 0
    both = capsys.readouterr().out.splitlines()
    assert ["--uid 683" in both[0], "--uid 684" in both[1], len(both)] == [True, True, 2]
    assert execute(["flash", str(elf), "--target", "nrf52840dk", "--port", "/dev/ttyACM1", *given]) == 0
    assert "--uid 684" in capsys.readouterr().out
    assert execute(["flash", str(elf), "--target", "esp32c3_devkit", "--dry-run", "--map", str(tmp_path / "none.toml")]) == 1
    assert "none.toml: cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["elf", "bin", "hex", "uf2"])
def test_an_image_of_a_model_can_be_kept(form: str, tmp_path: Path, digits_onnx: Path, digits_npz: Path) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    file = tmp_path / f"digits.{form}"
    data = ["--data", str(digits_npz), "--std", "16", "--layout", "nhwc"]
    kept = tmp_path / "kept"
    assert execute(["flash", str(digits_onnx), "--target", "rp2040_pico", *data, "--image", str(file), "-o", str(kept)]) == 0
    image = read_image(kept / "firmware.elf")
    expected = {"elf": (kept / "firmware.elf").read_bytes(), "bin": image.to_bin(), "hex": image.to_hex().encode()}
    assert file.read_bytes() == (expected | {"uf2": image.to_uf2(0xE48BFF56)})[form]


def test_wrong_use_is_said_in_one_line(
    elf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [
        (["--target", "microbit", "--image", str(tmp_path / "x.srec")], "unknown kind of image '.srec'; allowed: .elf, .bin, .hex, .uf2"),
        (["--target", "microbit", "--image", str(tmp_path / "x.uf2")], "takes no UF2; allowed: bin, hex"),
        (["--target", "microbit", "--image", "x.bin", "--dry-run"], "exclude each other"),
        (["--target", "qemu_cortex_m4"], "no flash.command"),
        (["--target", "esp32c3_devkit"], "needs its port"),
    ]
    monkeypatch.chdir(tmp_path)
    for arguments, message in cases:
        assert execute(["flash", str(elf), *arguments]) == 1
        assert message in capsys.readouterr().err


def test_the_program_is_looked_for_before_the_build(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    assert execute(["flash", str(tmp_path / "no model.onnx"), "--target", "nucleo_f446re"]) == 1
    assert "needs openocd, which is not installed; on Debian or Ubuntu: sudo apt-get install openocd" in capsys.readouterr().err


def test_a_plan_is_shown_as_a_shell_line(elf: Path) -> None:
    assert str(Flashing(load_target("microbit"), ("a", "b c"), {}, elf)) == "a 'b c'"

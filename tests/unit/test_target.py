"""Boards as data: the schema of board.toml and finding a board."""

import re
import shutil
from pathlib import Path

import pytest

from edgecomp.errors import TargetError
from edgecomp.paths import runtime_dir, targets_dir
from edgecomp.run import RUNNERS
from edgecomp.run.cycles import NO_MODEL, TIMING_MODELS
from edgecomp.target import list_targets, load_target

BOARDS = (
    "host",
    "qemu_cortex_m0",
    "qemu_cortex_m3",
    "qemu_cortex_m33",
    "qemu_cortex_m4",
    "qemu_cortex_m55",
    "qemu_cortex_m7",
    "qemu_rv32imc",
)


@pytest.fixture
def board_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "my_board"
    shutil.copytree(targets_dir() / "qemu_cortex_m4", folder)
    return folder


def edit(folder: Path, old: str, new: str) -> Path:
    file = folder / "board.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return folder


def test_the_boards_of_the_design_exist() -> None:
    assert set(BOARDS) <= set(list_targets())


@pytest.mark.parametrize("name", list_targets())
def test_every_board_of_the_project_is_in_order(name: str) -> None:
    target = load_target(name)
    assert target.name == name
    assert target.isa[-1] == "portable"
    assert target.runner in RUNNERS
    assert target.timing_model in (*TIMING_MODELS, NO_MODEL)
    assert target.flash_bytes > 0
    assert target.ram_bytes > 0
    assert (target.link_script is None) == (target.toolchain_prefix == "")
    if target.emulator:
        assert target.emulator_debian_package
    if target.runner == "qemu":
        assert target.emulator
        assert target.counter == "instructions"
    if target.runner == "serial":
        assert target.transports == ("serial",)
        assert target.flash_command
    assert target.verified


@pytest.mark.parametrize("name", [name for name in list_targets() if load_target(name).link_script])
def test_the_sizes_in_board_toml_are_those_of_the_memory_map(name: str) -> None:
    target = load_target(name)
    assert target.link_script is not None
    regions = dict(re.findall(r"(FLASH|RAM) \(\w+\) : ORIGIN = \w+, LENGTH = (\d+[KM])", target.link_script.read_text()))
    units = {"K": 1024, "M": 1024**2}
    assert {key: int(size[:-1]) * units[size[-1]] for key, size in regions.items()} == {
        "FLASH": target.flash_bytes,
        "RAM": target.ram_bytes,
    }


def test_a_board_is_found_by_path_of_folder_or_file(board_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_target(board_folder).name == "my_board"
    assert load_target(str(board_folder / "board.toml")).name == "my_board"
    monkeypatch.chdir(board_folder.parent)
    assert load_target("./my_board").name == "my_board"
    assert load_target("my_board").name == "my_board"


def test_an_unknown_board_lists_all_and_the_closest() -> None:
    with pytest.raises(TargetError) as error:
        load_target("qemu_cortex_m5")
    message = str(error.value)
    assert 'unknown board "qemu_cortex_m5" (did you mean "qemu_cortex_m' in message
    assert all(name in message for name in BOARDS)


def test_a_name_like_nothing_gets_no_suggestion() -> None:
    with pytest.raises(TargetError, match="known boards: ") as error:
        load_target("zzz")
    assert "did you mean" not in str(error.value)


def test_a_path_without_a_board_is_named(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r'".*/nothing" has no board\.toml'):
        load_target(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("core = ", "cpu = ", r'unknown key "cpu"; allowed at the top: description, core, isa, notes, verified, \[toolchain\]'),
        ("flash_bytes = ", "flash = ", r'unknown key "memory\.flash"; allowed in \[memory\]: flash_bytes, ram_bytes'),
        ("[memory]", "[storage]", r'unknown key "storage"'),
        ("flash_bytes = 4194304", 'flash_bytes = "4M"', r"memory\.flash_bytes is '4M'; it must be a whole number"),
        ("flash_bytes = 4194304", "flash_bytes = true", r"memory\.flash_bytes is True; it must be a whole number"),
        ("flash_bytes = 4194304", "flash_bytes = 0", r"memory\.flash_bytes is 0; it must be positive"),
        ("ram_bytes = 4194304\n", "", r"memory\.ram_bytes is missing; it must be a whole number"),
        ('core = "cortex-m4"\n', "", r"core is missing; it must be a string"),
        ('isa = ["arm_dsp", "portable"]', 'isa = "portable"', r"isa is 'portable'; it must be a list of strings"),
        ('isa = ["arm_dsp", "portable"]', "isa = [1]", r"isa is \[1\]; it must be a list of strings"),
        ('isa = ["arm_dsp", "portable"]', 'isa = ["portable", "arm_dsp"]', r'the last entry must be "portable"'),
        ('counter = "instructions"', 'counter = "time"', r'run\.counter is "time"; allowed: none, instructions, cycles'),
        ("core = ", "core == ", "not valid TOML"),
        ('"cortex_m/startup.c"', '"absent.c"', r'toolchain\.sources names "absent\.c"'),
        ('"semihosting.c"', '"absent.c"', r'semihosting\.sources names "absent\.c"'),
        ('sources = ["semihosting.c"]\n', "", r"semihosting\.sources is missing; it must be a list of strings"),
        ("baud = 115200", "baud = 0", r"serial\.baud is 0; it must be positive"),
        ("clock_hz = 25000000\n", "", r"serial\.clock_hz is missing; it must be a whole number"),
        ("[emulate]", '[flash]\ncommand = "burn {file}"\n[emulate]', r"flash\.command has the placeholder {file}; allowed: {elf}, {bin}"),
    ],
)
def test_a_wrong_description_names_file_key_and_what_is_allowed(board_folder: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(TargetError, match=message) as error:
        load_target(edit(board_folder, old, new))
    assert str(board_folder / "board.toml") in str(error.value)


def test_a_board_that_nothing_reaches_is_refused(board_folder: Path) -> None:
    file = board_folder / "board.toml"
    file.write_text(re.sub(r"\[(semihosting|serial)\](\n\w.*)*\n", "", file.read_text()))
    with pytest.raises(TargetError, match=r"no section says how samples reach the firmware; allowed: \[files\], \[semihosting\]"):
        load_target(board_folder)


def test_a_board_without_board_c_is_refused(board_folder: Path) -> None:
    (board_folder / "board.c").unlink()
    with pytest.raises(TargetError, match=r"board\.c is missing"):
        load_target(board_folder)


def test_a_boards_own_source_goes_before_the_shared_one(board_folder: Path) -> None:
    (board_folder / "semihosting.c").write_text("/* of the board */\n")
    target = load_target(board_folder)
    assert target.source_path("semihosting.c") == board_folder / "semihosting.c"
    assert target.source_path("cortex_m/startup.c") == targets_dir() / "common" / "cortex_m" / "startup.c"


def test_the_runtime_has_its_public_header() -> None:
    assert (runtime_dir() / "include" / "ec_model.h").is_file()

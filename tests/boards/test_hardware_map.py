"""The hardware map: both forms, where it is looked for, and what is said of a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgecomp.boards.hardware_map import ZEPHYR_NAMES, MappedBoard, find_map, line_speed, load_map
from edgecomp.errors import TargetError
from edgecomp.target import list_targets

OURS = """
[[board]]
name = "nucleo_f446re"
port = "/dev/ttyACM0"
probe = "066BFF"
baud = 921600

[[board]]
name = "./my_board"
"""
TWISTERS = """
- connected: true
  id: "000683399428"
  platform: nrf52840dk/nrf52840
  product: J-Link
  runner: nrfjprog
  serial: /dev/ttyACM1
- connected: false
  platform: nucleo_l4r5zi
  serial: null
- connected: true
  id: 12
  platform: rpi_pico2/rp2350a/hazard3
  serial: /dev/ttyACM2
  baud: 9600
- connected: true
  platform: rpi_pico2/rp2350a/m33
  serial: /dev/ttyACM3
"""


@pytest.fixture(autouse=True)
def _no_map_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def written(folder: Path, text: str, name: str = "boards.toml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def test_our_form(tmp_path: Path) -> None:
    found = load_map(written(tmp_path, OURS))
    assert found.boards == (MappedBoard("nucleo_f446re", "/dev/ttyACM0", "066BFF", 921600), MappedBoard("./my_board", ""))
    assert found.of("nucleo_f446re") == found.boards[:1] and found.of("microbit") == ()


@pytest.mark.parametrize("name", ["map.yaml", "map.yml"])
def test_twisters_form(name: str, tmp_path: Path) -> None:
    assert load_map(written(tmp_path, TWISTERS, name)).boards == (
        MappedBoard("nrf52840dk", "/dev/ttyACM1", "000683399428"),
        MappedBoard("rp2350_pico2_riscv", "/dev/ttyACM2", "12", 9600),
        MappedBoard("rp2350_pico2", "/dev/ttyACM3"),
    )


def test_zephyrs_names_lead_to_boards_that_exist() -> None:
    assert set(ZEPHYR_NAMES.values()) <= set(list_targets())


def test_it_is_looked_for_here_then_in_the_users_folder(tmp_path: Path) -> None:
    assert find_map().file is None and find_map().boards == ()
    user = written(tmp_path / "config" / "edgecomp", OURS)
    assert find_map().file == user
    written(tmp_path / "work", '[[board]]\nname = "microbit"\n')
    assert [board.name for board in find_map().boards] == ["microbit"]
    assert find_map(user).file == user


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[board]", "not valid TOML"),
        ("[board]\nname = 'a'", r"has board that is no list; allowed are \[\[board\]\] sections with name, port, probe, baud"),
        ("[[boards]]\nname = 'a'", 'has the key "boards"'),
        ("[[board]]\nname = 'a'\nserial = 'b'", 'board 1 has the key "serial"; allowed: name, port, probe, baud'),
        ("[[board]]\nport = 'b'", "board 1 has no name; add name ="),
        ("[[board]]\nname = 'a'\nbaud = '9600'", "baud is '9600'; it must be a whole number"),
        ("[[board]]\nname = 'a'\nbaud = true", "baud is True"),
        ("[[board]]\nname = 'a'\nbaud = 0", "baud is 0; it must be positive"),
        ("[[board]]\nname = 1", "name is 1; it must be a string"),
        ("[[board]]\nname = 'a'\nport = 'p'\n[[board]]\nname = 'b'\nport = 'p'", 'two boards have the port "p"'),
    ],
)
def test_a_wrong_map_of_ours(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=message) as error:
        load_map(written(tmp_path, text))
    assert str(tmp_path / "boards.toml") in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "not valid YAML"),
        ("platform: a", "no list of boards"),
        ("- 1", "no list of boards"),
        ("- serial: a", "board 1 has no platform"),
    ],
)
def test_a_wrong_map_of_twisters(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=message):
        load_map(written(tmp_path, text, "map.yaml"))


def test_boards_of_one_firmware_have_one_speed() -> None:
    fast, slow, default = MappedBoard("a", "p", "", 921600), MappedBoard("a", "q", "", 9600), MappedBoard("a", "r")
    assert (line_speed([], 115200), line_speed([fast], 115200), line_speed([slow, default], 9600)) == (115200, 921600, 9600)
    with pytest.raises(TargetError, match=r"boards a at 9600 and 921600 baud.*give --baud"):
        line_speed([fast, slow], 115200)


def test_a_board_of_your_own_goes_by_the_name_of_its_folder(tmp_path: Path) -> None:
    assert load_map(written(tmp_path, OURS)).of("my_board") == (MappedBoard("./my_board", ""),)


def test_an_empty_map_has_no_boards(tmp_path: Path) -> None:
    assert load_map(written(tmp_path, "")).boards == ()
    assert load_map(written(tmp_path, "", "map.yaml")).boards == ()


def test_a_map_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="cannot be read: No such file"):
        load_map(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(TargetError, match="cannot be read: not UTF-8 text"):
        load_map(tmp_path / "binary.toml")

"""What is plugged in: the map's boards and what USB numbers tell."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from serial.tools import list_ports as system

from edgecomp.boards.connected import ADAPTERS, SerialPort, find_connections
from edgecomp.boards.hardware_map import HardwareMap, MappedBoard
from edgecomp.cli import execute
from edgecomp.target import list_targets

ST_LINK = SerialPort("/dev/ttyACM0", "STM32 STLink", 0x0483, 0x374B, "066B")
DAPLINK = SerialPort("/dev/ttyACM1", "BBC micro:bit CMSIS-DAP", 0x0D28, 0x0204, "9900")
FTDI = SerialPort("/dev/ttyUSB0", "FT232R", 0x0403, 0x6001, "A1")
UNKNOWN = SerialPort("/dev/ttyUSB1", "Modem", 0x1234, 0x5678)
PORTS = (ST_LINK, DAPLINK, FTDI, UNKNOWN)


def test_without_a_map_usb_numbers_tell_what_it_may_be() -> None:
    found = {each.port: each for each in find_connections(HardwareMap(None), PORTS)}
    assert set(found) == {"/dev/ttyACM0", "/dev/ttyACM1", "/dev/ttyUSB0"}
    assert found["/dev/ttyACM0"].candidates == ("nucleo_f446re", "nucleo_l4r5zi") and found["/dev/ttyACM0"].board == ""
    assert found["/dev/ttyACM1"].candidates == ("microbit",) and found["/dev/ttyACM1"].description == "DAPLink"
    assert found["/dev/ttyUSB0"].candidates == ()


def test_the_map_says_what_it_is_and_what_is_missing() -> None:
    boards = (
        MappedBoard("nucleo_f446re", "/dev/ttyACM0"),
        MappedBoard("esp32c3_devkit", "/dev/ttyUSB9"),
        MappedBoard("stm32f405", "rfc2217://lab:4000"),
        MappedBoard("microbit", "", probe="9900"),
        MappedBoard("hifive1", ""),
    )
    found = find_connections(HardwareMap(Path("boards.toml"), boards), PORTS)
    assert [(each.board, each.port, each.found) for each in found] == [
        ("nucleo_f446re", "/dev/ttyACM0", True),
        ("esp32c3_devkit", "/dev/ttyUSB9", False),
        ("stm32f405", "rfc2217://lab:4000", True),
        ("microbit", "/dev/ttyACM1", True),
        ("hifive1", "", False),
        ("", "/dev/ttyUSB0", True),
    ]
    assert [each.description for each in found][:3] == ["STM32 STLink", "not plugged in", "not a port of this computer"]


def test_adapters_name_boards_that_exist() -> None:
    assert {board for adapter in ADAPTERS for board in adapter.boards} <= set(list_targets())


@pytest.fixture
def usb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What pyserial would list."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    ports = [
        SimpleNamespace(
            device=port.device, description=port.description, vid=port.vendor, pid=port.product, serial_number=port.serial_number
        )
        for port in PORTS
    ]
    built_in = SimpleNamespace(device="/dev/ttyS0", description="n/a", vid=None, pid=None, serial_number=None)
    monkeypatch.setattr(system, "comports", lambda: [built_in, *ports])


@pytest.mark.usefixtures("usb")
def test_the_command_lists_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["boards", "--connected", "--json", str(tmp_path / "c.json")]) == 0
    said = capsys.readouterr().out
    assert "may be nucleo_f446re or nucleo_l4r5zi" in said and "any board on this adapter" in said and "/dev/ttyS0" not in said
    assert "There is no hardware map; write one to boards.toml here or to" in said
    document = json.loads((tmp_path / "c.json").read_text())
    assert document["schema"] == "edgecomp.connected/1" and document["map"] is None
    assert document["connections"][1] == {
        "port": "/dev/ttyACM1",
        "board": None,
        "candidates": ["microbit"],
        "found": True,
        "description": "DAPLink",
    }


@pytest.mark.usefixtures("usb")
def test_the_command_follows_a_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "desk.toml").write_text('[[board]]\nname = "nucleo_l4r5zi"\nport = "/dev/ttyACM0"\n')
    assert execute(["boards", "--connected", "--map", "desk.toml"]) == 0
    said = capsys.readouterr().out
    assert "nucleo_l4r5zi" in said and "nucleo_f446re" not in said and "no hardware map" not in said


@pytest.mark.usefixtures("usb")
def test_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        (["--connected", "--available"], "give one of them"),
        (["--map", "x.toml"], "--map has no use without --connected"),
        (["--connected", "--map", "x.toml"], "x.toml: cannot be read"),
    ):
        assert execute(["boards", *arguments]) == 1
        assert message in capsys.readouterr().err


def test_nothing_plugged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(system, "comports", list)
    assert execute(["boards", "--connected"]) == 0
    assert "No board is plugged in" in capsys.readouterr().out

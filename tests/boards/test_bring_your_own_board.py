"""docs/bring_your_own_board.md, followed word by word, and the pages of docs/boards held against the boards."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from edgecomp.cli import execute
from edgecomp.target import load_target
from tests.boards.echo_firmware import REAL_BOARDS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "bring_your_own_board.md"
FILE_BLOCK = re.compile(r"^`([\w/.]+)`:\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEEDED = ("arm-none-eabi-gcc", "qemu-system-arm")


@pytest.mark.skipif(any(shutil.which(tool) is None for tool in NEEDED), reason=f"needs {' and '.join(NEEDED)}")
def test_the_page_leads_to_a_board_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(DOCS.parent / "examples")
    page = PAGE.read_text()
    steps = sorted([*FILE_BLOCK.finditer(page), *COMMAND_BLOCK.finditer(page)], key=lambda match: match.start())
    said: dict[str, str] = {}
    for step in steps:
        if step.re is FILE_BLOCK:
            Path(step[1]).write_text(step[2])
            continue
        for line in step[1].splitlines():
            program, *arguments = shlex.split(line)
            assert program == "edgecomp"
            assert execute(arguments) == 0, line
            said[line] = capsys.readouterr().out
    assert {path.name for path in Path("lm3s6965evb").iterdir()} == {"board.toml", "link.ld", "board.c"}
    emulated = next(text for line, text in said.items() if "--emulate" in line)
    assert "bit-exact" in emulated
    assert said[next(line for line in said if "--dry-run" in line)].startswith("openocd -f board/ek-lm3s6965.cfg")


def test_a_folder_that_is_there_is_not_copied_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["boards", "--copy", "stm32f405", str(tmp_path)]) == 1
    assert "exists; name a folder that does not" in capsys.readouterr().err
    assert execute(["boards", "--copy", "stm32f40", str(tmp_path / "new")]) == 1
    assert 'did you mean "stm32f405"?' in capsys.readouterr().err


@pytest.mark.parametrize("board", REAL_BOARDS)
def test_a_page_says_what_the_board_says(board: str) -> None:
    target = load_target(board)
    page = (DOCS / "boards" / f"{board}.md").read_text()
    facts = [f"`--target {board}`", target.core, f"{target.clock_hz / 1e6:g} MHz", target.verified, target.flash_command]
    facts += [f"{target.flash_bytes // 1024:,} KB of flash", f"{target.ram_bytes // 1024:,} KB of RAM", f"8N1 at {target.serial_baud} baud"]
    assert [fact for fact in facts if fact not in page] == []
    row = next(line for line in (DOCS / "boards" / "README.md").read_text().splitlines() if line.startswith(f"| [`{board}`]"))
    assert target.verified in row and f"{target.clock_hz / 1e6:g}" in row and f"{target.ram_bytes // 1024:,}" in row


@pytest.mark.parametrize("page", [PAGE, DOCS / "boards" / "README.md"])
def test_commands_of_the_pages_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in re.findall(r"^(?:    )?(edgecomp \w.*)$", page.read_text(), re.MULTILINE):
        arguments = shlex.split(line, comments=True)[1:]
        assert execute([arguments[0], "--help"]) == 0
        help_text = capsys.readouterr().out
        assert [option for option in arguments if option.startswith("--") and option not in help_text] == [], line

"""`edgecomp report`: files in, one file out, or one error."""

from __future__ import annotations

import json
import shutil
import webbrowser
from pathlib import Path

import pytest

from edgecomp.cli import execute

REPORTS = Path(__file__).parent / "reports"


@pytest.fixture
def run_json(tmp_path: Path) -> Path:
    return Path(shutil.copy(REPORTS / "digits_m4.json", tmp_path / "run.json"))


def test_the_page_takes_the_name_of_the_report(run_json: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["report", str(run_json)]) == 0
    page = run_json.with_suffix(".html")
    assert page.read_text().startswith("<!doctype html>")
    assert f"wrote {page}" in capsys.readouterr().out


def test_what_was_written_as_json(run_json: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "pages" / "cores.html"
    assert execute(["report", str(run_json), str(REPORTS / "digits_rv32.json"), "-o", str(page), "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["output"] == str(page) and found["bytes"] == page.stat().st_size
    assert [each["board"] for each in found["reports"]] == ["qemu_cortex_m4", "qemu_rv32imc"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.json", None, "No such file"),
        ("junk.json", b"\xff\xfe\x00", "UTF-8"),
        ("junk.json", b"hello", "not JSON"),
        ("skip.json", b'{"schema": "edgecomp.skip/1"}', "edgecomp.skip/1"),
    ],
)
def test_what_is_no_report_ends_in_one_error(
    name: str, content: bytes | None, says: str, run_json: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    page = tmp_path / "page.html"
    assert execute(["report", str(run_json), str(file), "-o", str(page)]) == 1
    said = capsys.readouterr().err
    assert says in said and str(file) in said and len(said.splitlines()) == 1
    assert not page.exists()


def test_a_report_is_never_overwritten(run_json: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = run_json.read_bytes()
    assert execute(["report", str(run_json), "-o", str(run_json)]) == 1
    assert "another name" in capsys.readouterr().err
    assert run_json.read_bytes() == before


@pytest.mark.parametrize("has_browser", [True, False])
def test_the_browser_is_shown_the_page(
    has_browser: bool, run_json: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[str] = []

    def show(address: str) -> bool:
        shown.append(address)
        return has_browser

    monkeypatch.setattr(webbrowser, "open", show)
    assert execute(["report", str(run_json), "--open"]) == 0
    assert shown == [run_json.with_suffix(".html").resolve().as_uri()]
    assert ("no browser" in capsys.readouterr().err) is not has_browser

"""`edgecomp compare`: gates, pairing, baselines, summaries, errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgecomp import cli
from tests.compare.conftest import Write


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.execute(["compare", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    ("limit", "changes", "words"),
    [
        (["--max-instructions", "+2%"], {"per_inference__instructions": 220_000}, ["instructions rose by 10.0 %", "204,000"]),
        (["--max-instructions", "210k"], {"per_inference__instructions": 210_001}, ["210,001", "210,000"]),
        (["--max-ram", "+0"], {"memory__ram_bytes": 10**6}, ["RAM rose", "1,000,000"]),
        (["--max-stack", "1KiB"], {"memory__stack_bytes": 2000}, ["stack rose", "1,024"]),
        (["--max-flash", "20k"], {}, ["flash", "20,000"]),
        (["--max-accuracy-loss", "0.5"], {"accuracy__target": 0.94}, ["accuracy fell by 1.00 points", "95.00 %", "94.00 %"]),
        (["--min-accuracy", "95.5"], {}, ["accuracy is 95.00 %", "95.5"]),
        (["--max-layer-instructions", "+10%"], {"layers__4__instructions": 6000}, ["of layer residual", "rose by 20.0 %"]),
        (["--max-instructions", "+2%"], {"per_inference__instructions": None}, ["none in the new run"]),
        (["--max-cycles", "+2%"], {}, ["--max-cycles", "judged nothing"]),
        (["--max-cycles", "+2%"], {"per_inference__cycles": 5}, ["the baseline has no figure"]),
        (["--same-outputs"], {"outputs_sha256": "0" * 64}, ["other bits"]),
        ([], {"bit_exact__equal": False}, ["outputs differ from the reference"]),
        (["--max-accuracy-loss", "0.5"], {"samples": 7}, ["20 samples", "7 samples"]),
    ],
)
def test_a_broken_limit_stops(
    write: Write, capsys: pytest.CaptureFixture[str], limit: list[str], changes: dict[str, Any], words: list[str]
) -> None:
    code, _, err = said(capsys, write("old.json"), write("new.json", **changes), *limit)
    assert code == 1
    assert all(word in err for word in words), err


@pytest.mark.parametrize(
    ("limit", "changes"),
    [
        (["--max-instructions", "+2%"], {}),
        (["--max-instructions", "+2%"], {"per_inference__instructions": 204_000}),
        (["--max-instructions", "-50%"], {"per_inference__instructions": 100_000}),
        (["--max-accuracy-loss", "0.5"], {"accuracy__target": 0.945}),
        (["--max-accuracy-loss", "0"], {"accuracy__target": 0.96}),
        (["--max-layer-instructions", "+10%"], {"layers__4__name": "renamed"}),
        (["--same-outputs", "--max-flash", "1MiB"], {}),
        ([], {"per_inference__instructions": 10**9}),
    ],
)
def test_limits_that_hold_pass(write: Write, capsys: pytest.CaptureFixture[str], limit: list[str], changes: dict[str, Any]) -> None:
    code, out, err = said(capsys, write("old.json"), write("new.json", **changes), *limit)
    assert (code, err) == (0, "")
    assert "instructions" in out


def test_a_limit_needs_only_one_run_that_has_the_figure(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    for folder, instructions in (("old", 100), ("new", 101)):
        write(f"{folder}/a.json", per_inference__instructions=instructions)
        write(f"{folder}/b.json", per_inference__instructions=None, target__board="other", per_inference__cycles=5)
    folders = write("old/c.txt").parent, write("new/c.txt").parent
    assert said(capsys, *folders, "--max-instructions", "+1%", "--max-cycles", "+0")[0] == 0
    code, _, err = said(capsys, *folders, "--max-instructions", "+0%", "--max-cycles", "+0")
    assert code == 1 and "digits on host: instructions" in err and "other" not in err


def test_runs_of_different_kinds_are_not_compared(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    old = write("old.json")
    for change, words in (
        ({"target__board": "nucleo"}, ["board 'host'", "'nucleo'"]),
        ({"model__name": "kws"}, ["model 'digits'", "'kws'"]),
    ):
        new = write("new.json", **change)
        code, _, err = said(capsys, old, new)
        assert code == 1 and all(word in err for word in (*words, "--allow-different")), err
        code, out, _ = said(capsys, old, new, "--allow-different", "--max-instructions", "+0")
        assert code == 0 and "baseline: digits on host" in out


def test_a_folder_is_paired_by_model_and_board(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = write("baseline/digits.host.json").parent
    write("baseline/digits.board.json", target__board="board", per_inference__instructions=5)
    write("baseline/manifest.json", schema="something.else/1")
    code, out, _ = said(
        capsys, baseline, write("new.json", target__board="board", per_inference__instructions=5), "--max-instructions", "+0"
    )
    assert code == 0 and "digits on host is in the baseline and was not run" in out
    code, _, err = said(capsys, baseline, write("new.json", target__board="third"), "--max-instructions", "+0")
    assert code == 1 and "no run of digits on third" in err and "--update" in err
    assert said(capsys, baseline, write("new.json", target__board="third"), "--max-instructions", "200k")[0] == 0


def test_two_runs_of_one_model_on_one_board_are_refused(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = said(capsys, write("old.json"), write("new/a.json"), write("new/b.json"))
    assert code == 1 and "a.json" in err and "b.json" in err


def test_update_writes_what_is_read_back(write: Write, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    new = write("new.json")
    code, _, err = said(capsys, tmp_path / "baseline", new)
    assert code == 1 and "--update" in err
    assert said(capsys, tmp_path / "baseline", new, "--update")[0] == 0
    assert [file.name for file in (tmp_path / "baseline").iterdir()] == ["digits.host.json"]
    assert said(capsys, tmp_path / "baseline", new, "--max-instructions", "+0", "--same-outputs")[0] == 0
    worse = write("worse.json", per_inference__instructions=300_000)
    assert said(capsys, tmp_path / "baseline", worse, "--update")[0] == 0
    assert said(capsys, tmp_path / "baseline", new, "--max-instructions", "-1%")[0] == 0
    other = write("other.json", target__board="other")
    assert said(capsys, tmp_path / "baseline", other, "--update")[0] == 0
    assert len(list((tmp_path / "baseline").iterdir())) == 2
    assert said(capsys, tmp_path / "one.json", other, "--update")[0] == 0
    assert json.loads((tmp_path / "one.json").read_text())["target"]["board"] == "other"


def test_update_takes_no_limits_and_no_wrong_run(write: Write, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = said(capsys, tmp_path / "baseline", write("new.json"), "--update", "--max-ram", "+0")
    assert code == 1 and "leave the limits out" in err
    code, _, err = said(capsys, tmp_path / "baseline", write("new.json", bit_exact__equal=False), "--update")
    assert code == 1 and "is no baseline" in err
    assert not (tmp_path / "baseline").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema": "edgecomp.run/0"}, ["'edgecomp.run/0'", "'edgecomp.run/1'", "edgecomp run"]),
        ({"schema": KeyError}, ["has no schema"]),
        ({"memory__stack_bytes": KeyError}, ["memory.stack_bytes is missing"]),
        ({"per_inference": KeyError}, ["per_inference", "missing"]),
        ({"layers__3__instructions": KeyError}, ["layers.3.instructions is missing"]),
        ({"per_inference__instructions": "many"}, ["per_inference.instructions is 'many'", "whole number"]),
        ({"accuracy__target": "good"}, ["accuracy.target is 'good'"]),
        ({"layers": {}}, ["layers is {}", "a list"]),
        ({"model": None}, ["model.name is missing"]),
        ({"model__name": 5}, ["model.name is 5"]),
    ],
)
def test_a_report_out_of_form_is_refused(
    write: Write, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], words: list[str]
) -> None:
    good, bad = write("good.json"), write("bad.json", **changes)
    for order in ((good, bad), (bad, good)):
        code, _, err = said(capsys, *order, "--max-instructions", "+2%")
        assert code == 1 and all(word in err for word in ("bad.json", *words)), err


def test_files_that_are_no_reports_are_refused(write: Write, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    good = write("good.json")
    (tmp_path / "empty").mkdir()
    for name, text, word in (("cut.json", '{"schema": "edgecomp.run/1"', "not JSON"), ("list.json", "[1]", "must be an object")):
        (tmp_path / name).write_text(text)
        code, _, err = said(capsys, good, tmp_path / name)
        assert code == 1 and name in err and word in err
    for path, word in ((tmp_path / "none.json", "cannot be read"), (tmp_path / "empty", "holds no report")):
        code, _, err = said(capsys, good, path)
        assert code == 1 and path.name in err and word in err


def test_summaries(write: Write, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = write("old.json"), write("new.json", per_inference__instructions=300_000, layers__4__instructions=9000, layers__4__name="a|b")
    summary = tmp_path / "job.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    options = ["--max-instructions", "+2%", "--markdown", tmp_path / "m.md", "--github-summary", "--json", tmp_path / "c.json"]
    assert said(capsys, *pair, *options)[0] == 1
    text = (tmp_path / "m.md").read_text()
    assert text.startswith("## edgecomp: 1 limit broken\n\n- :x: digits on host: instructions rose by 50.0 %")
    assert "| instructions | 200,000 | 300,000 | +50.00 % | +2% | :x: |" in text
    assert "a\\|b, instructions" in text and all(line.count(" | ") <= 6 for line in text.splitlines())
    assert summary.read_text() == text
    said(capsys, *pair, *options)
    assert summary.read_text() == text * 2
    document = json.loads((tmp_path / "c.json").read_text())
    assert document["schema"] == "edgecomp.compare/1" and document["passed"] is False
    (comparison,) = document["comparisons"]
    figure = next(figure for figure in comparison["figures"] if figure["name"] == "instructions")
    assert figure == {"name": "instructions", "title": "instructions", "baseline": 200_000, "new": 300_000} | {
        "limit": "+2%",
        "holds": False,
    }


def test_the_job_summary_needs_its_place(write: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    code, _, err = said(capsys, write("old.json"), write("new.json"), "--github-summary")
    assert code == 1 and "GITHUB_STEP_SUMMARY is not set" in err


def test_figures_are_whole_on_a_narrow_terminal(write: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "64")
    pair = write("old.json"), write("new.json", per_inference__instructions=1_234_567, layers__4__instructions=1_234_567)
    _, out, _ = said(capsys, *pair, "--max-instructions", "+2%")
    assert max(map(len, out.splitlines())) <= 64
    assert out.count("1,234,567") == 2 and "+517.28 %" in out and "broken" in out


def test_json_alone_is_on_standard_output(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, write("old.json"), write("new.json"), "--json", "-")
    assert code == 0 and json.loads(out)["passed"] is True and "instructions" in err

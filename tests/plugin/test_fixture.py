"""The fixture `edgecomp_board`: boards, results, skips, markers, artifacts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.plugin.conftest import Inner

pytest_plugins = ["pytester"]

INFERS = """
def test_infers(digits):
    result = digits.infer(X, Y)
    assert result.outputs.shape == (12, 10) and result.outputs.dtype == np.int8
    assert result.outputs_float.shape == (12, 10) and abs(result.outputs_float.sum(axis=1) - 1).max() < 0.1
    assert (result.classes == result.outputs.argmax(axis=1)).all()
    assert result.matches_reference
    result.assert_matches_reference()
    assert result.accuracy == (result.classes == Y).mean()
    assert result.ram_bytes >= digits.memory.arena_bytes > 0 and result.flash_bytes == digits.memory.flash_bytes
    assert result.layer("dense").macs > 0 and len(result.layers) == len(digits.layers)
    if digits.board.counts == "instructions":
        assert sum(layer.instructions for layer in result.layers) <= result.instructions
        assert result.stack_bytes > 0
    else:
        assert result.instructions is None and result.cycles is None
"""


def have(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


def test_one_test_runs_on_every_board(inner: Inner) -> None:
    have("qemu-system-arm", "arm-none-eabi-gcc")
    done = inner(INFERS, "-v", "--edgecomp-target", "host", "--edgecomp-target", "qemu_cortex_m4")
    done.assert_outcomes(passed=2)
    done.stdout.fnmatch_lines(["*test_infers?host? PASSED*", "*test_infers?qemu_cortex_m4? PASSED*"])


def test_the_ini_file_chooses_and_the_command_line_overrides(inner: Inner, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nedgecomp_target = host qemu_cortex_m4\n")
    assert "2 tests collected" in inner(INFERS, "--collect-only", "-q").stdout.str()
    done = inner(INFERS, "--collect-only", "-q", "--edgecomp-target", "qemu_rv32imc")
    assert "test_infers[qemu_rv32imc]" in done.stdout.str() and "1 test collected" in done.stdout.str()


def test_a_test_may_choose_its_board_itself(inner: Inner) -> None:
    tests = """
@pytest.mark.parametrize("edgecomp_board", ["host"], indirect=True)
def test_it(edgecomp_board):
    assert edgecomp_board.name == "host" and repr(edgecomp_board) == "<board host>"
"""
    inner(tests, "--edgecomp-target", "qemu_cortex_m4").assert_outcomes(passed=1)


def test_a_board_may_be_asked_for_while_a_test_runs(inner: Inner) -> None:
    tests = """
def test_it(request):
    board = request.getfixturevalue("edgecomp_board")
    assert board.load(MODEL, X, layout="nhwc", std=16, method="min-max").infer(X[:2]).matches_reference
"""
    path = str(Path(__file__).parents[2] / "examples/digits/digits.onnx")
    inner(tests.replace("MODEL", repr(path)), "--edgecomp-target", "host").assert_outcomes(passed=1)


def test_a_board_outside_the_project_is_a_folder(inner: Inner, pytester: pytest.Pytester) -> None:
    from edgecomp.paths import targets_dir

    shutil.copytree(targets_dir() / "host", pytester.path / "my_board")
    done = inner(INFERS, "-v", "--edgecomp-target", str(pytester.path / "my_board"))
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(["*test_infers?my_board? PASSED*"])


def test_an_unknown_board_ends_the_run(inner: Inner) -> None:
    done = inner(INFERS, "--edgecomp-target", "qemu_cortex_m44")
    assert done.ret != 0
    assert 'unknown board "qemu_cortex_m44" (did you mean "qemu_cortex_m4"?)' in done.stdout.str() + done.stderr.str()


@pytest.mark.parametrize("needed", [False, True])
def test_a_missing_tool_skips_with_the_cure_or_fails_where_boards_are_required(
    inner: Inner, monkeypatch: pytest.MonkeyPatch, needed: bool
) -> None:
    from edgecomp import doctor

    monkeypatch.setattr(doctor, "version_of", lambda tool: None if tool == "qemu-system-arm" else "1.0")
    monkeypatch.setattr(doctor, "_has_c_library", lambda compiler, flags: True)
    done = inner(INFERS, "-rs", "--edgecomp-target", "qemu_cortex_m4", *(["--edgecomp-require"] if needed else []))
    done.assert_outcomes(errors=1) if needed else done.assert_outcomes(skipped=1)
    done.stdout.fnmatch_lines(["*board qemu_cortex_m4 needs qemu-system-arm, which is not installed: *install qemu-system-arm*"])


def test_markers_choose_boards_and_counts(inner: Inner) -> None:
    tests = """
@pytest.mark.edgecomp_boards("nucleo_*", "qemu_*")
def test_name(edgecomp_board):
    pass

@pytest.mark.edgecomp_boards("h*t")
def test_pattern(edgecomp_board):
    pass

@pytest.mark.edgecomp_counts("instructions")
def test_counts(edgecomp_board):
    pass

def test_plain():
    pass
"""
    done = inner(tests, "-rs", "--strict-markers")
    done.assert_outcomes(passed=2, skipped=2)
    done.stdout.fnmatch_lines(["*only for boards nucleo_*, qemu_*, not host*", "*host counts nothing, not instructions*"])
    inner(tests, "-m", "edgecomp").assert_outcomes(passed=1, skipped=2, deselected=1)
    wrong = inner('@pytest.mark.edgecomp_counts("joules")\ndef test_it(edgecomp_board):\n    pass\n')
    assert wrong.ret != 0 and "must be one of instructions, cycles" in wrong.stdout.str() + wrong.stderr.str()


def test_a_wider_scope_serves_fixtures_of_a_module(inner: Inner, pytester: pytest.Pytester) -> None:
    tests = """
@pytest.fixture(scope="module")
def result(edgecomp_board, digits_path):
    return edgecomp_board.load(digits_path, X, layout="nhwc", std=16, method="min-max").infer(X)

@pytest.fixture(scope="module")
def digits_path():
    return MODEL

def test_one(result):
    assert result.matches_reference

def test_two(result):
    assert result.ram_bytes
"""
    tests = tests.replace("MODEL", repr(str(Path(__file__).parents[2] / "examples/digits/digits.onnx")))
    refused = inner(tests)
    refused.assert_outcomes(errors=2)
    assert "ScopeMismatch" in refused.stdout.str()
    pytester.makeini("[pytest]\nedgecomp_scope = module\n")
    inner(tests).assert_outcomes(passed=2)
    pytester.makeini("[pytest]\nedgecomp_scope = forever\n")
    done = inner(tests)
    assert done.ret != 0 and "function, class, module" in done.stdout.str() + done.stderr.str()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("edgecomp_board.load('none.onnx')", ["ModelError", "none.onnx"]),
        ("edgecomp_board.load(MODEL)", ["DataError", "a float model is calibrated on data", "calibration=x"]),
        ("edgecomp_board.load(MODEL, X[..., :3, 0])", ["DataError", "rows of shape 8x3"]),
        ("edgecomp_board.load(MODEL, X, layout='nhwc', std=16, method='min-max').infer(X[:, :2])", ["DataError", "rows of shape 2x8x1"]),
        ("edgecomp_board.load(MODEL, X, layout='nhwc', std=16, method='min-max').infer(X, Y + 5)", ["DataError", "y holds class 14"]),
    ],
)
def test_errors_are_one_message_at_the_line_of_the_test(inner: Inner, digits_onnx: Path, call: str, words: list[str]) -> None:
    done = inner(f"MODEL = {str(digits_onnx)!r}\ndef test_it(edgecomp_board):\n    {call}\n")
    done.assert_outcomes(failed=1)
    said = done.stdout.str()
    assert all(word in said for word in words), said
    assert "edgecomp/" not in said.partition("FAILURES")[2].partition("test_inner.py:")[0]  # no frame of ours


def test_a_model_is_proven_before_a_test_gets_it(inner: Inner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from edgecomp import reference

    right = reference.outputs
    monkeypatch.setattr(reference, "outputs", lambda *given: [array ^ 1 for array in right(*given)])
    monkeypatch.setattr("edgecomp.pytest_plugin.store._PROOFS", f"proofs-{tmp_path.name}")
    done = inner(INFERS)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*RunError: digits on host, random inputs: first in sample 0, element 0: the board computed *"])


def test_models_are_made_once(inner: Inner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from edgecomp.pipeline import Model
    from edgecomp.pytest_plugin import store

    counts = {"built": 0, "quantized": 0, "proven": 0}

    def counted(name: str, owner: object, function: str) -> None:
        original = getattr(owner, function)

        def call(*given: object, **named: object) -> object:
            counts[name] += 1
            return original(*given, **named)

        monkeypatch.setattr(owner, function, call)

    counted("built", store, "build_firmware")
    counted("quantized", Model, "quantize")
    counted("proven", store, "check")
    for kind in ("_CALIBRATIONS", "_PROOFS"):
        monkeypatch.setattr(store, kind, f"{kind}-{tmp_path.name}")
    twice = INFERS + INFERS.replace("test_infers", "test_infers_again")
    inner(twice).assert_outcomes(passed=2)
    assert counts == {"built": 1, "quantized": 1, "proven": 1}
    inner(twice).assert_outcomes(passed=2)
    assert counts == {"built": 2, "quantized": 1, "proven": 1}  # linking anew in each session is quick


def test_every_test_leaves_its_artifacts(inner: Inner, pytester: pytest.Pytester) -> None:
    tests = "def test_it(digits):\n    digits.infer(X[:3])\n    digits.infer(X[:5])\n    assert False\n"
    for _ in range(2):
        done = inner(tests, "--edgecomp-artifacts", "kept")
    folder = pytester.path / "kept" / "test_inner.py" / "test_it[host]"
    assert f"artifacts of this test: {folder}" in done.stdout.str()
    inside = folder / "digits.host"
    assert {file.name for file in inside.iterdir()} == {
        *("c", "firmware.elf", "firmware.map", "report.json", "report-2.json", "outputs.npz", "outputs-2.npz")
    }
    assert json.loads((inside / "report-2.json").read_text())["samples"] == 5
    assert np.load(inside / "outputs.npz")["target"].shape == (3, 10)
    assert (inside / "c" / "digits.h").exists() and "digits_run" in (inside / "firmware.map").read_text()


def test_without_a_folder_artifacts_are_pytest_s_temporary_files(inner: Inner, pytester: pytest.Pytester) -> None:
    inner("def test_it(digits):\n    digits.infer(X[:3])\n", f"--basetemp={pytester.path / 'base'}").assert_outcomes(passed=1)
    assert list((pytester.path / "base").glob("edgecomp/test_inner.py/test_it*/digits.host/report.json"))


def test_workers_share_what_is_made(pytester: pytest.Pytester, inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    inner(INFERS + INFERS.replace("test_infers", "test_infers_again"), "--collect-only")
    done = pytester.runpytest_subprocess("-n2", "--edgecomp-artifacts", "kept")
    done.assert_outcomes(passed=2)
    assert len(list((pytester.path / "kept").rglob("report.json"))) == 2

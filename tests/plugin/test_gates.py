"""`assert_matches_reference` and `assert_within`: what they say, and the baseline they write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgecomp import cli
from tests.plugin.conftest import Inner

pytest_plugins = ["pytester"]

GATED = """
def test_gated(digits):
    digits.infer(X, Y).assert_within("baseline", {limits})
"""


def test_a_difference_is_named(inner: Inner) -> None:
    tests = """
from dataclasses import replace
from edgecomp.report import BitExact, Difference

def test_it(digits):
    result = digits.infer(X)
    exact = BitExact(False, 120, Difference(7, 3, "pool", 17, 12, -5))
    wrong = replace(result, report=replace(result.report, bit_exact=exact))
    assert not wrong.matches_reference and "NOT as the reference" in repr(wrong)
    wrong.assert_matches_reference()
"""
    done = inner(tests)
    done.assert_outcomes(failed=1)
    line = "*digits on host differs from the reference: first in sample 7, layer 3 (pool), element 17: *computed -5, the reference 12"
    done.stdout.fnmatch_lines([line])


def test_absolute_limits_need_no_baseline(inner: Inner) -> None:
    done = inner("""
def test_holds(digits):
    digits.infer(X, Y).assert_within(max_flash="1MiB", max_ram=100_000, min_accuracy=0)

def test_broken(digits):
    digits.infer(X, Y).assert_within(max_flash="1KiB", max_ram=64, min_accuracy=101)

def test_relative(digits):
    digits.infer(X).assert_within(max_flash="+2%")

def test_unknown(digits):
    digits.infer(X).assert_within(max_speed=3)
""")
    done.assert_outcomes(passed=1, failed=3)
    done.stdout.fnmatch_lines(
        [
            "*AssertionError: limits are broken:",
            "*RAM: * bytes; at most 64 allowed (--max-ram 64)",
            "*flash: * bytes; at most 1,024 allowed (--max-flash 1KiB)",
            "*accuracy is * %; at least 101 wanted*",
            '*DataError: a limit such as "+2%" needs assert_within(baseline=...)*',
            "*DataError: assert_within has no limit 'max_speed'; allowed: max_instructions,*",
        ]
    )


def test_a_baseline_is_written_and_held(inner: Inner, pytester: pytest.Pytester) -> None:
    tests = GATED.format(limits='max_flash="+2%", max_arena="+0", max_accuracy_loss=0, same_outputs=True, max_instructions="+2%"')
    done = inner(tests)
    done.assert_outcomes(failed=1)
    assert "--edgecomp-update" in done.stdout.str()
    inner(tests, "--edgecomp-update").assert_outcomes(passed=1)
    baseline = pytester.path / "baseline" / "digits.host.json"
    inner(tests, "--edgecomp-runs", "runs").assert_outcomes(passed=1)  # the host counts no instructions, which is no regression
    assert cli.execute(["compare", str(baseline.parent), str(pytester.path / "runs"), "--max-flash", "+0", "--same-outputs"]) == 0
    document = json.loads(baseline.read_text())
    document["memory"]["flash_bytes"] //= 2
    document["model"]["name"] = "digits"
    baseline.write_text(json.dumps(document))
    done = inner(tests)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*digits on host: flash rose by 100.* % (*); at most * allowed (--max-flash +2%)"])


def test_a_baseline_without_the_board_names_the_cure(inner: Inner, pytester: pytest.Pytester) -> None:
    tests = GATED.format(limits='max_flash="+2%"')
    inner(tests, "--edgecomp-update").assert_outcomes(passed=1)
    file = pytester.path / "baseline" / "digits.host.json"
    document = json.loads(file.read_text())
    document["target"]["board"] = "other"
    file.write_text(json.dumps(document))
    done = inner(tests)
    done.assert_outcomes(failed=1)
    assert "has no run of digits on host: add it with `pytest --edgecomp-update`" in done.stdout.str()


def test_what_a_board_ought_to_count_and_did_not_is_a_failure(inner: Inner) -> None:
    done = inner("""
from dataclasses import replace

def test_it(digits):
    result = digits.infer(X)
    replace(result, unmeasured=frozenset()).assert_within(max_instructions=10**9)
""")
    done.assert_outcomes(failed=1)
    assert "--max-instructions 1000000000 judged nothing" in done.stdout.str()


def test_update_still_judges_what_needs_no_baseline(inner: Inner, tmp_path: Path) -> None:
    tests = GATED.format(limits='max_flash="+2%", max_ram=64')
    done = inner(tests, "--edgecomp-update")
    done.assert_outcomes(failed=1)
    assert "at most 64 allowed" in done.stdout.str() and "max-flash" not in done.stdout.str().partition("limits are broken")[2]

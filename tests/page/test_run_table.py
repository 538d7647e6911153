"""The table that `edgecomp run` prints, at the widths of terminals."""

from __future__ import annotations

import io
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from edgecomp.cli.run_report import bar, print_report
from edgecomp.report import Accuracy, BitExact, LayerFacts, Memory, ModelFacts, PerInference, RunReport, TargetFacts

REPORTS = Path(__file__).parent / "reports"


def part(kind: type, values: dict[str, Any]) -> Any:
    return kind(**{field.name: values.get(field.name) for field in fields(kind)})


def stored(file: str, **changes: Any) -> RunReport:
    content = json.loads((REPORTS / f"{file}.json").read_text())
    layers = tuple(part(LayerFacts, {**layer, **changes}) for layer in content["layers"])
    kinds = {"model": ModelFacts, "target": TargetFacts, "accuracy": Accuracy, "bit_exact": BitExact}
    kinds |= {"per_inference": PerInference, "memory": Memory}
    plain = {key: content[key] for key in ("samples", "outputs_sha256", "toolchain", "quantization")}
    return RunReport(**{name: part(kind, content[name]) for name, kind in kinds.items()}, **plain, layers=layers, transport=None)


def printed(report: RunReport, columns: int) -> list[str]:
    stream = io.StringIO()
    print_report(report, Console(file=stream, width=columns, highlight=False))
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("columns", [60, 80, 100, 160, 200])
@pytest.mark.parametrize("name", ["digits_m4", "masks", "older"])
def test_it_fits(name: str, columns: int) -> None:
    lines = printed(stored(name), columns)
    assert max(len(line.rstrip()) for line in lines) <= columns


def test_wide() -> None:
    lines = printed(stored("digits_m4"), 160)
    heading = lines[1].split()
    assert heading == ["#", "layer", "operator", "kernel", "MACs", "instructions", "per", "MAC", "est.", "cycles", "SQNR", "share"]
    (row,) = (line for line in lines if "residual_a+" in line)
    assert row.split()[3:] == ["conv2d", "arm_dsp", "82,944", "81,015", "0.98", "103,565", "34.6", "dB", "31.9%", "█" * 16]


def test_narrow() -> None:
    lines = printed(stored("digits_m4"), 80)
    assert lines[1].split() == ["#", "layer", "MACs", "instr.", "/MAC", "share"]
    at = next(at for at, line in enumerate(lines) if "residual_a+" in line)
    assert lines[at].split()[2:] == ["82.9", "k", "81.0", "k", "0.98", "31.9%", "█" * 16]
    assert lines[at + 1].strip() == "conv2d arm_dsp"


def test_what_was_left_out_is_told() -> None:
    for columns in (80, 160):
        lines = printed(stored("masks"), columns)
        assert "skipped" in lines[1] and any("40.8%" in line for line in lines)


def test_cycles_come_before_instructions() -> None:
    lines = printed(stored("digits_m4", cycles=1000), 160)
    assert "cycles" in lines[1] and "instructions" not in lines[1] and "10.0%" in lines[3]


def test_without_counts_products_stand_for_time() -> None:
    lines = printed(stored("digits_m4", instructions=None, estimated_cycles=None), 160)
    assert "per MAC" not in lines[1]
    assert any("39.7%" in line and "residual_a" in line for line in lines)


def test_names_are_no_markup() -> None:
    assert any("[red]x" in line for line in printed(stored("digits_m4", name="[red]x"), 160))


@pytest.mark.parametrize(("share", "shown"), [(0.0, ""), (1e-9, "▏"), (0.5, "██"), (0.55, "██▎"), (1.0, "████"), (7.0, "████")])
def test_bars_to_an_eighth(share: float, shown: str) -> None:
    assert bar(share, 4) == shown

"""The benchmark's table: shares of the dense network, and rows of other networks that stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import zero_prediction
from benchmarks.zero_prediction import METHODS, NETWORKS, Row, keep

DENSE = {"qemu_cortex_m4": 1000, "qemu_rv32imc": 2000}


def row(network: str, method: str, macs_saved: float) -> Row:
    return Row(network, method, 0.8, 0.5, macs_saved, {"qemu_cortex_m4": 900}, DENSE, 100)


def test_instructions_are_told_as_a_share_and_only_where_measured() -> None:
    assert row("cnn6", "auto for Cortex-M4", 0.25).markdown() == "| cnn6 | auto for Cortex-M4 | 80.00% | +0.50 | 25.0% | 10.0% |  |"


def test_a_new_run_leaves_other_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zero_prediction, "TABLE", tmp_path / "table.json")
    keep([row("resnet8", "dense", 0.0), row("cnn6", "perforated", 0.1)])
    keep([row("cnn6", "perforated", 0.2), row("cnn6", "dense", 0.0)])
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert [line.split(" | ")[:2] for line in lines[2:]] == [["| cnn6", "dense"], ["| cnn6", "perforated"], ["| resnet8", "dense"]]
    assert "20.0%" in lines[3]


def test_every_method_names_boards_of_the_table() -> None:
    assert NETWORKS
    for _, boards in METHODS.values():
        assert set(boards) <= set(zero_prediction.BOARDS)

"""Runs of several steps, runs that are taken up, losses, boards and plans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecomp.compress import sensitivity
from edgecomp.compress.budget import size_of
from edgecomp.compress.footprint import footprint
from edgecomp.compress.goals import fitting, wanted, within_loss
from edgecomp.compress.identity import digest
from edgecomp.compress.planner import best_recipe
from edgecomp.compress.recipe import Step
from edgecomp.compress.registry import METHODS
from edgecomp.compress.report import document, layers
from edgecomp.compress.run import Bench, Orders
from edgecomp.errors import DataError, FitError
from edgecomp.target import load_target

L1 = Step("prune-filters-l1")


class Stop(Exception):
    """What ends a run in the middle."""


def test_steps_go_on_from_one_another(digits_bench: Bench) -> None:
    result = digits_bench.run([replace(L1, keep_macs=0.8), replace(L1, keep_parameters=0.5)], Orders(epochs=0))
    first, second = result.steps
    assert first.after == second.before
    assert first.after.macs <= 0.8 * digits_bench.reference.macs
    assert second.after.parameters <= 0.5 * digits_bench.reference.parameters


def test_a_run_that_was_stopped_gives_the_same_network(digits_bench: Bench, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed (extra `edgecomp[train]`)")
    orders = Orders(keep_macs=0.6, epochs=3)
    whole = digits_bench.run([L1], orders)
    seen: list[tuple[str, int]] = []

    def stop(what: str, done: int, total: int) -> None:
        if what == "fine-tuning" and done > 0.7 * total:
            raise Stop

    def note(what: str, done: int, total: int) -> None:
        seen.append((what, done))

    kept = replace(orders, folder=tmp_path / "checkpoints")
    with pytest.raises(Stop):
        replace(digits_bench, watch=stop).run([L1], kept)
    again = replace(digits_bench, watch=note).run([L1], kept)
    assert digest(again.graph) == digest(whole.graph)
    batches = [done for what, done in seen if what == "fine-tuning"]
    assert batches[0] > max(batches) / 2  # two of three epochs were not trained again


def test_a_step_that_was_made_is_not_made_again(digits_bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = Orders(keep_macs=0.6, epochs=0, folder=tmp_path)
    first = digits_bench.run([L1], orders)
    monkeypatch.setattr("edgecomp.compress.filters_l1.compress", lambda graph, job: pytest.fail("made again"))
    assert digest(digits_bench.run([L1], orders).graph) == digest(first.graph)


def test_sensitivity_is_measured_once(digits_bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    first = digits_bench.run([L1], Orders(keep_macs=0.6, epochs=0))
    monkeypatch.setattr(sensitivity, "Judge", lambda *_: pytest.fail("measured again"))
    assert digest(digits_bench.run([L1], Orders(keep_macs=0.6, epochs=0)).graph) == digest(first.graph)
    digits_bench.run([L1], Orders(keep_macs=0.3, epochs=0))


def test_a_loss_is_kept(digits_bench: Bench) -> None:
    result, trials = within_loss(digits_bench, wanted([L1], Orders(epochs=0)), 5.0)
    assert 100 * (result.before.accuracy - result.after.accuracy) <= 5.0
    assert size_of(result.graph).macs < digits_bench.reference.macs
    assert len(trials) > 2


def test_a_size_that_loses_too_much_is_not_taken(digits_bench: Bench) -> None:
    result, trials = within_loss(digits_bench, wanted([L1], Orders(keep_macs=0.05, epochs=0)), 5.0)
    assert trials[0].macs <= 0.05 * digits_bench.reference.macs
    assert size_of(result.graph).macs > trials[0].macs


def test_a_loss_that_nothing_keeps_is_refused(digits_bench: Bench) -> None:
    spoilt = replace(digits_bench)
    object.__setattr__(spoilt, "quality", replace(digits_bench.quality, accuracy=2.0))
    with pytest.raises(DataError, match="--max-loss 1: no size that was tried keeps within it"):
        within_loss(spoilt, wanted([L1], Orders(epochs=0)), 1.0)


def test_a_network_is_made_to_fit_a_board(digits_bench: Bench) -> None:
    board = load_target("qemu_cortex_m4")
    whole = footprint(digits_bench.original, board)
    small = replace(board, name="small", flash_bytes=whole.flash_bytes - 3000, ram_bytes=whole.ram_bytes - 300)
    goal = fitting(digits_bench, [L1], Orders(epochs=0), small)
    result = digits_bench.run(goal.steps, goal.orders)
    found = footprint(result.graph, small)
    assert found.ram_bytes <= small.ram_bytes and found.flash_bytes <= small.flash_bytes
    assert size_of(result.graph).parameters > 0.2 * digits_bench.reference.parameters


def test_a_board_that_holds_nothing_is_refused(digits_bench: Bench) -> None:
    tiny = replace(load_target("qemu_cortex_m4"), name="tiny", flash_bytes=1000)
    with pytest.raises(FitError, match="--fit tiny: the least found takes"):
        fitting(digits_bench, [L1], Orders(epochs=0), tiny)


def test_a_plan_meets_the_size_and_is_the_best_of_those_tried(digits_bench: Bench) -> None:
    told: list[str] = []
    orders = Orders(keep_macs=0.6, epochs=0)
    steps = best_recipe(replace(digits_bench, say=told.append), orders)
    result = digits_bench.run(steps, orders)
    assert size_of(result.graph).macs <= 0.6 * digits_bench.reference.macs
    losses = [float(line.split("loss ")[1].split()[0]) for line in told]
    assert result.after.loss == pytest.approx(min(losses), abs=1e-3)
    assert all(step.method in METHODS for step in steps)


def test_a_plan_without_a_size_is_refused(digits_bench: Bench) -> None:
    with pytest.raises(DataError, match="a plan needs a size"):
        best_recipe(digits_bench, Orders())


def test_the_report_names_every_layer(digits_bench: Bench) -> None:
    result = digits_bench.run([replace(L1, layers=("residual_a",))], Orders(keep_parameters=0.8, epochs=0))
    found = {layer.name: layer for layer in layers(digits_bench.original, result.graph)}
    assert found["residual_a"].width_before == 24 and 1 <= (found["residual_a"].width_after or 0) < 24
    assert found["dense"].width_before == found["dense"].width_after == 10
    facts = document(digits_bench.original, result, (0.9, 0.8), (), load_target("qemu_cortex_m4"))
    assert facts["parameters"]["before"] == sum(t.data.size for t in digits_bench.original.tensors.values() if t.data is not None)
    assert facts["accuracy"] == {"before": 0.9, "after": 0.8}
    assert facts["board"]["flash_bytes"]["after"] < facts["board"]["flash_bytes"]["before"]
    assert sum(layer["macs"]["after"] for layer in facts["layers"]) == facts["macs"]["after"]


def test_the_same_seed_gives_the_same_network(digits_bench: Bench) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed (extra `edgecomp[train]`)")
    orders = Orders(keep_macs=0.6, epochs=1, seed=3)
    same, other = (digits_bench.run([L1], replace(orders, seed=seed)).graph for seed in (3, 4))
    assert digest(digits_bench.run([L1], orders).graph) == digest(same) != digest(other)
    assert np.isfinite(digits_bench.judging.quality(same).loss)

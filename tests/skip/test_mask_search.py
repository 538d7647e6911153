"""Searches of masks and thresholds on a made network: every mode answers, what is written is what was judged, and a search resumes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecomp import reference
from edgecomp.errors import DataError, UnsupportedError
from edgecomp.pipeline import QuantizedModel
from edgecomp.skip.apply import apply
from edgecomp.skip.evaluator import Evaluator, Trial
from edgecomp.skip.search import SearchSettings, evaluations_needed, real_inputs, search, source_of
from edgecomp.skip.search.candidates import promising, subset_sums
from edgecomp.skip.search.exhaustive import plain_choice
from edgecomp.skip.search.patterns import all_patterns, diagonal, parse_patterns, pattern_text
from edgecomp.skip.segments import NetworkSource, SegmentedNetwork
from edgecomp.skip.sites import Choice, Site, chosen, find_sites
from edgecomp.skip.spatial_layer import SpatialLayer, mask_bits
from edgecomp.skip.thresholds import calibrate, curves, cut_patches
from tests.skip.small_network import small_network

Small = tuple[QuantizedModel, np.ndarray]
BETAS = (0.005, 0.02, 0.08)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    quantized, x = small_network(tmp_path_factory.mktemp("masks"))
    random = np.random.default_rng(3)
    return quantized, np.concatenate([x, x + random.normal(0, 0.3, x.shape).astype(np.float32), x[::-1] * 0.9])


def settings_for(mode: str, **more: object) -> SearchSettings:
    options: dict[str, object] = {"max_loss": 15.0, "mode": mode, "betas": BETAS, "confidence": 0.6, **more}
    return SearchSettings(**options)  # type: ignore[arg-type]


MODES = {
    "uniform-layer": {},
    "uniform-patch": {},
    "uniform-filter": {"granularity": 2},
    "max-granularity": {"granularity": 2},
    "exhaustive-uniform-layer": {"layers": ("1", "2"), "patterns": (9, 6)},
}


@pytest.mark.parametrize(
    "mode", [pytest.param(mode, marks=pytest.mark.slow) if mode in ("uniform-filter", "max-granularity") else mode for mode in MODES]
)
def test_every_mode_saves_within_the_loss(small: Small, mode: str) -> None:
    quantized, x = small
    found = search(quantized, x, None, settings_for(mode, **MODES[mode]))
    assert found.rules
    assert found.macs_executed < found.macs_dense == quantized.qgraph.macs
    assert found.accuracy.dense - found.accuracy.skip <= 0.15 + 1e-9
    assert {layer.tensor for layer in found.layers if layer.enabled} == set(found.rules)
    executed = apply(found.quantized.qgraph, found.rules)
    assert executed.verify() is executed


def test_integers_agree_with_what_was_judged(small: Small) -> None:
    """The integer network under the rules executes the products, and says the classes, that the search measured on the QDQ graph."""
    quantized, x = small
    found = search(quantized, x, None, settings_for("uniform-layer"))
    qgraph = apply(found.quantized.qgraph, found.rules)
    buffers = found.quantized.buffers(found.quantized.samples(x))
    values = reference.evaluate(qgraph, [buffers], keep=lambda name: True)
    inputs = {port.tensor: buffers for port in qgraph.inputs} | dict(values)
    executed = sum(node.op.executed_macs(*(inputs[name] for name in node.inputs)) for node in qgraph.nodes)
    sites = find_sites(found.quantized, 2)
    evaluator = Evaluator(source_of(found.quantized, sites, None), sites, real_inputs(quantized, x), None)
    rules = [found.rules.get(site.tensor) for site in sites]
    choices = [
        None if rule is None else site.settled(Choice(rule.masks, ((rule.thresholds - site.offset + 0.5) * site.step).astype(np.float32)))
        for site, rule in zip(sites, rules, strict=True)
    ]
    outcome = evaluator.evaluate([Trial.plain(choices)])[0]
    evaluator.close()
    saved = sum(skipped / len(x) * site.position_macs for skipped, site in zip(outcome.skipped, sites, strict=True))
    assert executed / len(x) == pytest.approx(qgraph.macs - saved, rel=2e-3)


def test_accuracy_is_that_of_labels(small: Small) -> None:
    quantized, x = small
    sites = find_sites(quantized, 2)
    evaluator = Evaluator(source_of(quantized, sites, None), sites, real_inputs(quantized, x), None)
    labels = np.concatenate([rows.log_probabilities.argmax(1) for rows in evaluator.rows if rows.log_probabilities is not None])
    evaluator.close()
    labels[::4] = (labels[::4] + 1) % 4
    found = search(quantized, x, labels, settings_for("uniform-layer"))
    assert 0.5 < found.accuracy.dense < 1.0


def test_a_search_resumes_from_its_records(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quantized, x = small
    asked = settings_for("uniform-layer", records=str(tmp_path / "records.jsonl"))
    whole = search(quantized, x, None, asked)
    lines = (tmp_path / "records.jsonl").read_text().splitlines(keepends=True)
    assert {json.loads(line).get("pass") for line in lines} >= {None, "channel quantizer", "layer quantizer", "final"}
    (tmp_path / "records.jsonl").write_text("".join(lines[: len(lines) // 2]) + lines[len(lines) // 2][:20])
    ran: list[int] = []
    plain = Evaluator.evaluate

    def counted(self: Evaluator, trials: list[Trial], *more: object, **options: object) -> object:
        ran.append(len(trials))
        return plain(self, trials, *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Evaluator, "evaluate", counted)
    resumed = search(quantized, x, None, asked)
    assert sum(ran) < whole.evaluations
    assert resumed.accuracy == whole.accuracy
    assert all(np.array_equal(resumed.rules[name].thresholds, rule.thresholds) for name, rule in whole.rules.items())
    with pytest.raises(DataError, match="another search"):
        search(quantized, x, None, replace(asked, patch=3))


def test_no_loss_and_no_time_leave_the_network_dense(small: Small) -> None:
    quantized, x = small
    found = search(quantized, x, None, settings_for("uniform-layer", budget_seconds=1e-3))
    assert not found.rules
    assert found.macs_executed == found.macs_dense
    assert all(layer.reason for layer in found.layers)


def test_a_layer_that_costs_more_than_it_saves_gets_no_rule(small: Small) -> None:
    quantized, x = small
    sites = find_sites(quantized, 2)
    found = search(
        quantized, x, None, settings_for("uniform-layer"), saving=lambda tensor, rate, rule: rate if tensor == sites[1].tensor else -1.0
    )
    assert set(found.rules) <= {sites[1].tensor}


@pytest.mark.slow
def test_coupled_layers_change_together(small: Small) -> None:
    quantized, x = small
    found = search(quantized, x, None, settings_for("uniform-layer", couple=(("0", "1"),)))
    first, second = found.layers[:2]
    assert (first.enabled, first.beta) == (second.enabled, second.beta)


def test_layers_are_named_by_number_node_or_tensor(small: Small) -> None:
    sites = find_sites(small[0], 2)
    names = (sites[1].tensor, sites[1].layer, "1", sites[1].layer.split("+")[0])
    assert all(chosen(sites, [name]) == (sites[1],) for name in names)
    with pytest.raises(DataError, match="no convolution with a ReLU has this name"):
        chosen(sites, ["nowhere"])
    with pytest.raises(UnsupportedError, match="no zeros to predict"):
        chosen([], [])


def test_the_sum_of_a_residual_block_is_a_site(small: Small) -> None:
    assert any(("+" in site.layer and "Add" in site.layer) or site.offset for site in find_sites(small[0], 2))


def test_shared_states_give_what_plain_passes_give(small: Small) -> None:
    quantized, x = small
    sites = find_sites(quantized, 2)
    source = source_of(quantized, sites, None)
    evaluator = Evaluator(source, sites, real_inputs(quantized, x), None)
    trials = [
        Trial.plain([plain_choice(site, pattern) if index in group else None for index, site in enumerate(sites)])
        for group in ((0,), (0, 2), (1, 2), (2,), ())
        for pattern in (9, 1)
    ]
    together = evaluator.evaluate(trials)
    alone = [evaluator.evaluate([trial])[0] for trial in reversed(trials)][::-1]
    evaluator.close()
    for one, other in zip(together, alone, strict=True):
        assert (one.lost, one.samples) == (other.lost, other.samples)
        assert np.array_equal(one.skipped, other.skipped)


def test_a_network_runs_in_batches_only_where_it_may(small: Small) -> None:
    quantized, _ = small
    sites = find_sites(quantized, 2)
    network = SegmentedNetwork(NetworkSource(quantized.to_onnx(), tuple(site.spatial for site in sites)))
    assert network.in_batches


def test_thresholds_keep_the_energy_budget() -> None:
    quantized_site = _made_site()
    values = np.random.default_rng(0).normal(0, 40, (64, 4, 8, 8)).astype(np.float32)
    patches = cut_patches(quantized_site, values)
    found = calibrate(patches, np.full((1, 1, 1), diagonal(2), np.uint16), (0.0, 0.01, 0.1))
    assert found[0].lost == 0
    assert all(item.lost <= item.beta for item in found)
    assert found[0].skipped < found[1].skipped < found[2].skipped
    top = curves(patches, np.full((1, 1, 1), diagonal(2), np.uint16))
    assert np.all(np.diff(top.lost) >= -1e-12) and np.all(np.diff(top.thresholds) >= 0)


def _made_site() -> object:

    spatial = SpatialLayer("judged", 2, 4, 8, 8)
    return Site(0, "judged", "conv", spatial, 1000, np.ones(4, np.bool_), np.ones(4), 0.0, 1.0)


def test_patterns_in_all_their_forms() -> None:
    assert [len(all_patterns(patch)) for patch in (2, 3, 4)] == [14, 510, 65534]
    assert set(parse_patterns("10/01,0110,7", 2)) == {9, 6, 7}
    assert parse_patterns("diagonal", 3) == (0b100010001,)
    assert pattern_text(diagonal(3), 3) == "100/010/001"
    assert all(1 <= pattern.bit_count() <= 2 for pattern in all_patterns(2, (1, 2)))
    for wrong in ("15", "0", "10/0", "x"):
        with pytest.raises(DataError, match="--patterns"):
            parse_patterns(wrong, 2)


def test_the_best_of_many_patterns_are_found_without_trying_all() -> None:
    assert subset_sums(np.array([1.0, 10.0, 100.0, 1000.0])).tolist() == [1, 11, 101, 1111]
    corners = np.random.default_rng(1).choice([-1.0, 5.0], (16, 4, 4, 4)).astype(np.float32)
    values = corners.repeat(2, 2).repeat(2, 3)
    values[:, :, 1::2, 1::2] = np.random.default_rng(2).choice([-1.0, 5.0], (16, 4, 4, 4))  # this corner tells nothing of the others
    best = promising(cut_patches(_made_site(), values), all_patterns(2), 8)
    rank = {pattern: place for place, pattern in enumerate(best)}
    assert rank[9] < rank.get(6, len(best))  # the corner that tells nothing must be computed, and any one of the others
    assert all(mask_bits(np.array(pattern), 2)[[0, 1, 2]].any() for pattern in best[:2])


def test_how_many_trials_an_exhaustive_search_takes_is_known(small: Small) -> None:
    assert evaluations_needed(small[0], settings_for("exhaustive-uniform-layer", layers=("0", "1"))) == 15**2


@pytest.mark.parametrize(
    "wrong", [{"mode": "all"}, {"patch": 5}, {"max_loss": -1.0}, {"granularity": -1}, {"top": 0}, {"mode": "exhaustive-uniform-layer"}]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(DataError, match="--"):
        SearchSettings(**{"max_loss": 1.0, **wrong})  # type: ignore[arg-type]

"""Trials on a Dask cluster: a worker that dies takes nothing with it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from edgecomp.errors import ToolError
from edgecomp.skip.cluster import cluster_executor
from edgecomp.skip.evaluator import Evaluator, Trial
from edgecomp.skip.search import real_inputs, source_of
from edgecomp.skip.search.exhaustive import plain_choice
from edgecomp.skip.sites import find_sites
from tests.skip.small_network import small_network


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ToolError, match=r"edgecomp\[dask\]"), cluster_executor("tcp://127.0.0.1:1"):
        pass


@pytest.mark.slow
def test_a_worker_killed_half_way_loses_nothing(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="the extra edgecomp[dask] is not installed")
    quantized, x = small_network(tmp_path)
    x = np.tile(x, (16, 1, 1, 1))
    sites = find_sites(quantized, 2)
    source, samples = source_of(quantized, sites, None), real_inputs(quantized, x)
    trials = [Trial.plain([plain_choice(site, pattern) for site in sites]) for pattern in range(1, 15)]
    here = Evaluator(source, sites, samples, None)
    expected = here.evaluate(trials)
    here.close()
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        cluster_executor(cluster.scheduler_address) as executor,
    ):
        there = Evaluator(source, sites, samples, None, executor)
        victim = next(iter(cluster.workers.values()))
        submitted = 0
        plain = executor.submit

        def submit(*call: object, **options: object) -> object:
            nonlocal submitted
            submitted += 1
            if submitted == 3:
                victim.process.process._process.kill()
            return plain(*call, **options)  # type: ignore[arg-type]

        executor.submit = submit  # type: ignore[method-assign,assignment]
        found = there.evaluate(trials)
        assert submitted >= 3
    assert [outcome.samples for outcome in found] == [len(x)] * len(trials)
    for one, other in zip(found, expected, strict=True):
        assert (one.lost, one.gained) == (other.lost, other.gained)
        assert np.array_equal(one.skipped, other.skipped)

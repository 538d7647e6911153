"""Layers as chains of smaller ones: exact at full rank, better with more rank, within the budget, valid, and the same for the same seed."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest

from edgecomp.compress.bottleneck import _Bottleneck
from edgecomp.compress.budget import Budget, Size, size_of
from edgecomp.compress.decomposition import Layer, Structure, few
from edgecomp.compress.depthwise_separable import DepthwiseSeparable
from edgecomp.compress.judge import outputs
from edgecomp.compress.lowrank import mixes_channels
from edgecomp.compress.lowrank_nonlinear import _Nonlinear, auxiliary, low_rank_map
from edgecomp.compress.projection import Projection
from edgecomp.compress.ranks import Choice, chosen, descent
from edgecomp.compress.registry import method
from edgecomp.compress.residual import Residual
from edgecomp.compress.responses import watched
from edgecomp.compress.separable import Separable
from edgecomp.compress.stages import chain_size, stage_of
from edgecomp.compress.svd import fully_connected
from edgecomp.errors import DataError
from edgecomp.frontend.onnx_export import to_model
from edgecomp.graph import Graph
from tests.compress.small_networks import images, job, small_network

METHODS = ("svd", "separable", "lowrank", "lowrank-nonlinear", "depthwise-separable", "bottleneck")
X = images()
MAKERS = {
    "svd by weights": lambda: Projection("svd", fully_connected, None, 0),
    "svd by data": lambda: Projection("svd", fully_connected, X, 0),
    "lowrank": lambda: Projection("lowrank", mixes_channels, X, 0),
    "lowrank-nonlinear": lambda: _Nonlinear(X, 0),
    "separable by filters": lambda: Separable(None, 0),
    "separable by data": lambda: Separable(X, 0),
    "depthwise by filters": lambda: DepthwiseSeparable(None, 0),
    "depthwise by data": lambda: DepthwiseSeparable(X, 0),
    "bottleneck": lambda: _Bottleneck(X, 0),
    "residual": lambda: Residual(X, 0),
}


def _layers(decomposition: Structure, graph: Graph) -> list[Layer]:
    found = [Layer(graph, node, stage) for node in graph.nodes if (stage := stage_of(graph, node)) is not None]
    return [layer for layer in found if decomposition.takes(layer)]


def _error(graph: Graph, other: Graph) -> float:
    wanted = outputs(graph, X)
    return float(np.square(outputs(other, X) - wanted).mean() / wanted.var())


@pytest.mark.parametrize("name", [name for name in MAKERS if name != "residual"])
def test_nothing_is_lost_at_full_rank(name: str) -> None:
    graph, decomposition = small_network(), MAKERS[name]()
    layers = _layers(decomposition, graph)
    assert layers
    for layer in layers:
        rank = max(decomposition.energies(layer))
        whole = decomposition.placed(layer, rank, graph)
        assert _error(graph, whole) < 1e-5, layer.node.name


@pytest.mark.parametrize("name", MAKERS)
def test_energy_and_error_follow_the_rank(name: str) -> None:
    graph, decomposition = small_network(), MAKERS[name]()
    layer = _layers(decomposition, graph)[-1]
    energies = decomposition.energies(layer)
    assert list(energies.values()) == sorted(energies.values())
    ranks = sorted(energies)
    errors = [_error(graph, decomposition.placed(layer, rank, graph)) for rank in (ranks[0], ranks[len(ranks) // 2], ranks[-1])]
    assert errors[0] > errors[1] > errors[2]


@pytest.mark.parametrize("name", MAKERS)
def test_the_outline_has_the_size_of_what_is_placed(name: str) -> None:
    graph, decomposition = small_network(), MAKERS[name]()
    for layer in _layers(decomposition, graph):
        outline = chain_size(decomposition.outline(layer, 2), layer.input_shape)
        made = size_of(decomposition.placed(layer, 2, graph))
        assert made.macs - size_of(graph).macs == outline.macs - layer.size.macs
        assert made.parameters - size_of(graph).parameters == outline.parameters - layer.size.parameters


@pytest.mark.parametrize("name", METHODS)
def test_a_budget_is_met_and_the_file_is_valid(name: str) -> None:
    graph = small_network()
    what, share = ("keep_parameters", 0.7) if name == "svd" else ("keep_macs", 0.7)
    made = method(name).function()(graph, job(name, graph, budget={what: share}))
    before, after = size_of(graph), size_of(made)
    assert (after.parameters <= share * before.parameters) if name == "svd" else (after.macs <= share * before.macs)
    model = to_model(made)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert session.run(None, {"x": X[:1]})[0].shape == (1, 4)
    assert _error(graph, made) < 0.5


@pytest.mark.parametrize("name", METHODS)
def test_the_same_seed_makes_the_same_network(name: str) -> None:
    graph = small_network()
    what = {"keep_parameters": 0.7} if name == "svd" else {"keep_macs": 0.7}
    first, second = (method(name).function()(graph, job(name, graph, budget=what)) for _ in range(2))
    assert to_model(first).SerializeToString(deterministic=True) == to_model(second).SerializeToString(deterministic=True)


@pytest.mark.parametrize("name", METHODS)
def test_an_impossible_budget_says_the_least_possible(name: str) -> None:
    graph = small_network()
    with pytest.raises(DataError, match=r"at the least 0\.\d+ of the MACs"):
        method(name).function()(graph, job(name, graph, budget={"keep_macs": 0.001}))


def test_without_a_budget_each_layer_keeps_its_energy() -> None:
    graph = small_network()
    some, more = (method("lowrank").function()(graph, job("lowrank", graph, energy=energy)) for energy in (0.8, 0.99))
    assert size_of(some).macs < size_of(more).macs <= size_of(graph).macs
    assert _error(graph, some) > _error(graph, more)


def test_layers_that_may_not_change_stay() -> None:
    from dataclasses import replace

    graph = small_network()
    only = replace(job("lowrank", graph, energy=0.8), layers=("conv2",))
    made = method("lowrank").function()(graph, only)
    gone = {node.name for node in graph.nodes} - {node.name for node in made.nodes}
    assert gone == {"conv2"}


def test_fitting_to_data_is_better_than_to_filters() -> None:
    graph = small_network()
    made = {
        fit: method("separable").function()(graph, job("separable", graph, budget={"keep_macs": 0.6}, fit=fit))
        for fit in ("filters", "data")
    }
    assert _error(graph, made["data"]) < _error(graph, made["filters"])


def test_patches_are_what_the_layer_multiplies() -> None:
    graph = small_network()
    for node in graph.nodes:
        stage = stage_of(graph, node)
        if stage is not None:
            seen = watched(graph, graph, node, X, 0)
            found = seen.inputs @ stage.weights.reshape(len(stage.weights), -1).T + stage.bias
            np.testing.assert_allclose(found, seen.outputs, atol=1e-4)


def test_auxiliary_responses_are_the_best_of_a_fine_grid() -> None:
    random = np.random.default_rng(0)
    for low, high in ((0.0, np.inf), (0.0, 1.0), (-np.inf, np.inf)):
        near, goal = random.normal(0, 1, 50), np.clip(random.normal(0, 1, 50), low, high)
        grid = np.linspace(-4, 4, 4001)[:, None]
        for penalty in (0.01, 1.0):

            def cost(z: np.ndarray, goal: np.ndarray = goal, near: np.ndarray = near, penalty: float = penalty) -> np.ndarray:
                return (goal - np.clip(z, low, high)) ** 2 + penalty * (z - near) ** 2  # noqa: B023

            best = cost(auxiliary(goal, near, (low, high), penalty))
            assert (best <= cost(grid).min(0) + 1e-5).all()


def test_accounting_for_the_relu_is_better_behind_it() -> None:
    random = np.random.default_rng(0)
    given = random.normal(0, 1, (3000, 8)) @ random.normal(0, 1, (8, 8)) - 1.0

    def error(clamp: tuple[float, float]) -> float:
        second, first, bias = low_rank_map(given, given, clamp, 3)
        return float(np.square(np.maximum(given @ first.T @ second.T + bias, 0) - np.maximum(given, 0)).mean())

    assert error((0.0, np.inf)) < 0.9 * error((-np.inf, np.inf))


def test_the_descent_gives_up_the_least_energy_for_what_it_saves() -> None:
    whole = Size(100, 100)
    choices = {
        "easy": [Choice(0, whole, 1.0), Choice(2, Size(60, 60), 0.99), Choice(1, Size(30, 30), 0.9)],
        "hard": [Choice(0, whole, 1.0), Choice(1, Size(60, 60), 0.5)],
    }
    ranks = [(step["easy"].rank, step["hard"].rank) for step in descent(choices, lambda size: size.macs)]
    assert ranks == [(0, 0), (2, 0), (1, 0), (1, 1)]
    found = chosen("test", Size(200, 200), choices, Budget(Size(200, 200), keep_macs=0.65), 0.95)
    assert (found["easy"].rank, found["hard"].rank) == (1, 0)


def test_few_ranks_end_at_the_largest() -> None:
    assert few(3) == (1, 2, 3)
    assert few(1) == (1,)
    assert few(1000)[-1] == 1000 and len(few(1000)) <= 64


def test_no_torch_is_imported_without_epochs() -> None:
    code = (
        "import sys\n"
        "from tests.compress.small_networks import job, small_network\n"
        "from edgecomp.compress.registry import method\n"
        "graph = small_network()\n"
        f"for name in {METHODS!r}:\n"
        "    method(name).function()(graph, job(name, graph, energy=0.8))\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

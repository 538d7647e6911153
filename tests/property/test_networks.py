"""Random networks: integers stay close to float, files come back to the same bits, and the C computes what numpy computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import Phase, given, note, settings

from edgecomp.build import find_compiler
from edgecomp.errors import ToolError
from edgecomp.plan import plan
from edgecomp.target import load_target
from edgecomp.verify import RunOptions
from tests.property.checks import Trial
from tests.property.layers import LAYERS
from tests.property.networks import Drawn, networks, single_layers

LEAST_LAYER_DB = 22.0
LEAST_NETWORK_DB = 24.0
"""Of a network that does not cancel its own signal; see MARGIN_DB for those that do."""
MARGIN_DB = 6.0
"""How far the integers may stay behind the same quantization computed by ONNX Runtime in float."""
MOST_STEPS = 1.01
AMPLIFYING = frozenset({"matmul_activations", "positive_pointwise", "residual", "tensor_arithmetic"})
"""Layers of several operators, where a step in the first may be several at the end."""

NO_SHRINKING = (Phase.explicit, Phase.generate)  # a failing program takes a second to build; shrinking it would take minutes


def few(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return settings(max_examples=examples)


def check_layer(kind: str, net: Drawn, folder: Path) -> None:
    """One layer: close to float, within a step of the QDQ file, and the same when read back."""
    note(str(net))
    trial = Trial(net.proto, folder, net.seed)
    assert min(trial.sqnr_db()) >= LEAST_LAYER_DB
    assert trial.same_when_read_back()
    if kind in AMPLIFYING:
        assert min(trial.sqnr_from_qdq_db()) >= LEAST_LAYER_DB
    else:
        assert trial.steps_from_qdq().max() <= MOST_STEPS


def check_network(net: Drawn, folder: Path) -> Trial:
    """A whole network: as close to float as the QDQ file, the same when read back, and with a sound plan."""
    note(str(net))
    trial = Trial(net.proto, folder, net.seed)
    for found, due, apart in zip(trial.sqnr_db(), trial.qdq_sqnr_db(), trial.sqnr_from_qdq_db(), strict=True):
        assert found >= min(LEAST_NETWORK_DB, due - MARGIN_DB)
        assert apart >= min(LEAST_NETWORK_DB, due - MARGIN_DB)
    assert trial.same_when_read_back()
    plan(trial.quantized.qgraph, load_target("qemu_cortex_m4")).verify()
    return trial


def check_program(net: Drawn, folder: Path) -> None:
    """The network's C on this machine, every other one under sanitizers, equals the reference bit for bit."""
    trial = check_network(net, folder)
    options = RunOptions(profiled_samples=0, sanitize=net.seed % 2 == 1)
    report = trial.quantized.run("host", trial.x, options=options)
    assert report.bit_exact is not None
    assert report.bit_exact.equal, report.bit_exact.first_difference


@pytest.fixture
def host_compiler() -> str:
    """A C compiler for this machine."""
    try:
        return find_compiler(load_target("host"))
    except ToolError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("kind", sorted(LAYERS))
def test_single_layers(kind: str, tmp_path: Path) -> None:
    @few(10)
    @given(single_layers(kind))
    def holds(net: Drawn) -> None:
        check_layer(kind, net, tmp_path)

    holds()


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(LAYERS))
def test_many_single_layers(kind: str, tmp_path: Path) -> None:
    @few(150)
    @given(single_layers(kind))
    def holds(net: Drawn) -> None:
        check_layer(kind, net, tmp_path)

    holds()


@few(80)
@given(networks(heads=1, most_layers=6))
def test_networks(tmp_path: Path, net: Drawn) -> None:
    check_network(net, tmp_path)


@pytest.mark.slow
@few(600)
@given(networks(heads=2, most_layers=6))
def test_many_networks(tmp_path: Path, net: Drawn) -> None:
    check_network(net, tmp_path)


@settings(max_examples=24, phases=NO_SHRINKING)
@given(networks(heads=5, most_layers=3))
def test_programs(host_compiler: str, tmp_path: Path, net: Drawn) -> None:
    check_program(net, tmp_path)


@pytest.mark.slow
@settings(max_examples=120, phases=NO_SHRINKING)
@given(networks(heads=4, most_layers=5))
def test_many_programs(host_compiler: str, tmp_path: Path, net: Drawn) -> None:
    check_program(net, tmp_path)

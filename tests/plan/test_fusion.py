"""Fused networks give the same bits, and a plan takes them where they need less RAM."""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from edgecomp import reference
from edgecomp.fusion import READERS, fuse
from edgecomp.pipeline import foresee
from edgecomp.plan import lay_out
from edgecomp.plan.fused_forms import pays
from edgecomp.plan.planner import lay_out_as_given
from edgecomp.qgraph import QGraph
from edgecomp.qops import Add, Conv2DAdd, Conv2DMaxPool, MaxPool2D
from edgecomp.target import load_target
from tests.conftest import ROOT
from tests.plan.image_networks import Builder, block, networks

REAL_MODELS = Path(os.environ.get("EDGECOMP_REAL_MODELS", ROOT.parent / "shared" / "data")) / "models"
"""A folder with float ONNX files."""


def kinds(qgraph: QGraph) -> list[str]:
    return [type(node.op).__name__ for node in qgraph.nodes]


def outputs(qgraph: QGraph) -> Sequence[np.ndarray]:
    random = np.random.default_rng(1)
    size = prod(qgraph.tensors["in"].shape)
    return reference.outputs(qgraph, [random.integers(-128, 128, (5, size)).astype(np.int8)])


@settings(max_examples=150)
@given(networks())
def test_a_fused_network_gives_the_same_bits(qgraph: QGraph) -> None:
    fused = fuse(qgraph)
    for expected, found in zip(outputs(qgraph), outputs(fused), strict=True):
        np.testing.assert_array_equal(found, expected)
    before, after = (sum(node.op.work.macs for node in form.nodes) for form in (qgraph, fused))
    assert before == after
    for board in ("qemu_cortex_m4", "qemu_rv32imc"):
        lay_out_as_given(fused, load_target(board), "ram").verify()


@pytest.mark.parametrize("residual_first", [False, True])
def test_a_residual_sum_is_drawn_in(residual_first: bool) -> None:
    qgraph = block(residual_first)
    fused = fuse(qgraph)
    assert kinds(fused) == ["Conv2D", "Conv2D", "Conv2DAdd"]
    node = fused.nodes[-1]
    assert (node.layer, node.kind) == ("layer2+layer3", "Conv2D+Add")
    assert node.inputs == ("t1", "t0")
    assert "t2" not in fused.tensors
    for expected, found in zip(outputs(qgraph), outputs(fused), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_sum_stands_in_the_place_of_the_residual_only() -> None:
    plan = lay_out_as_given(fuse(block()), load_target("qemu_cortex_m4"), "ram")
    assert plan.steps[-1].overwrites == "t0"
    net = Builder(0, 8, 8, 4)
    x = net.conv("in", 6)
    onto_itself = fuse(net.graph(net.sum(net.conv(x, 6), x)))
    assert kinds(onto_itself) == ["Conv2D", "Conv2DAdd"]
    assert lay_out_as_given(onto_itself, load_target("qemu_cortex_m4"), "ram").steps[-1].overwrites is None


def test_what_must_stay_apart_does() -> None:
    net = Builder(0, 8, 8, 4)
    twice_read = net.conv("in", 4)
    pooled = net.pool(twice_read, 2, 2)
    kept = net.conv(net.sum(twice_read, twice_read), 4)
    dilated = net.pool(net.conv(net.pool(kept, 1, 1), 4), 2, 1, dilation=2)
    assert fuse(net.graph(pooled, kept, dilated)).nodes == net.graph(pooled, kept, dilated).nodes
    net = Builder(0, 8, 8, 4)
    broadcast = net.sum(net.conv("in", 4), net.pool(net.conv(net.pool("in", 8, 8), 1), 1, 1))
    assert kinds(fuse(net.graph(broadcast)))[-1] == "Add"


def test_of_a_sum_of_two_convolutions_the_later_is_drawn_in() -> None:
    net = Builder(0, 8, 8, 4)
    fused = fuse(net.graph(net.sum(net.conv("in", 4), net.conv("in", 4, 1))))
    assert kinds(fused) == ["Conv2D", "Conv2DAdd"]
    assert fused.nodes[-1].layer == "layer1+layer2"


def test_readers_can_be_chosen() -> None:
    net = Builder(0, 8, 8, 4)
    pooled = net.pool(net.conv("in", 4), 2, 2)
    qgraph = net.graph(net.sum(net.conv(pooled, 4), pooled))
    assert (Add, MaxPool2D) == READERS
    assert kinds(fuse(qgraph, {Add})) == ["Conv2D", "MaxPool2D", "Conv2DAdd"]
    assert kinds(fuse(qgraph, {MaxPool2D})) == ["Conv2DMaxPool", "Conv2D", "Add"]
    assert kinds(fuse(qgraph)) == ["Conv2DMaxPool", "Conv2DAdd"]


def bottleneck() -> QGraph:
    """A residual block that widens at its end, where the convolution's own output would be as large as the residual."""
    net = Builder(0, 16, 16, 8)
    x = net.conv("in", 64, 1)
    return net.graph(net.sum(net.conv(net.conv(x, 8, 1), 64, 1), x))


def test_a_bottleneck_needs_half_the_ram() -> None:
    qgraph = bottleneck()
    target = load_target("qemu_cortex_m4")
    plain, found = lay_out_as_given(qgraph, target, "ram"), lay_out(qgraph, target, "ram")
    assert any(isinstance(step.op, Conv2DAdd) for step in found.steps)
    assert found.memory_bytes < 0.65 * plain.memory_bytes


def test_a_plan_is_never_larger_for_a_fusion() -> None:
    net = Builder(0, 6, 6, 16)
    qgraph = net.graph(net.pool(net.conv("in", 2), 6, 6))  # the window needs all rows at once
    target = load_target("qemu_cortex_m4")
    plain, fused = (lay_out_as_given(form, target, "ram") for form in (qgraph, fuse(qgraph)))
    assert not pays(fused, plain)
    assert not any(isinstance(step.op, Conv2DMaxPool) for step in lay_out(qgraph, target, "ram").steps)


@pytest.mark.parametrize("name", ["cifar10_cnn6", "cifar10_keras_cnn"])
def test_the_arena_of_real_networks_falls(name: str) -> None:
    path = REAL_MODELS / f"{name}.onnx"
    if not path.is_file():
        pytest.skip(f"{name}.onnx is not in {REAL_MODELS}; EDGECOMP_REAL_MODELS names the folder with models/")
    qgraph, target = foresee(path), load_target("qemu_cortex_m4")
    plain, found = lay_out_as_given(qgraph, target, "ram"), lay_out(qgraph, target, "ram")
    assert found.arena_bytes < plain.arena_bytes
    assert any(isinstance(step.op, Conv2DMaxPool) for step in found.steps)

"""Fused networks give the same bits, and a plan takes them where they need less RAM."""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecomp import reference
from edgecomp.fusion import READERS, fuse
from edgecomp.pipeline import foresee
from edgecomp.plan import lay_out
from edgecomp.plan.fused_forms import pays
from edgecomp.plan.planner import lay_out_as_given
from edgecomp.qgraph import Port, QGraph, QNode, QOp, QTensor
from edgecomp.qops import Add, Conv2D, Conv2DAdd, Conv2DMaxPool, MaxPool2D
from edgecomp.qops.boxes import broadcast_box
from edgecomp.qops.rescale import add_weights
from edgecomp.target import load_target
from tests.conftest import ROOT

REAL_MODELS = Path(os.environ.get("EDGECOMP_REAL_MODELS", ROOT.parent / "shared" / "data")) / "models"
"""A folder with float ONNX files."""
Image = tuple[int, int, int]


class Builder:
    """Integer networks of convolutions, sums and pools over images [height, width, channels]."""

    def __init__(self, seed: int, *shape: int) -> None:
        self.random = np.random.default_rng(seed)
        self.shapes: dict[str, Image] = {"in": (shape[0], shape[1], shape[2])}
        self.nodes: list[QNode] = []

    def add_node(self, op: QOp, shape: Image, *inputs: str) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(QNode(f"layer{len(self.nodes)}", type(op).__name__, op, inputs, name))
        self.shapes[name] = shape
        return name

    def conv(self, source: str, channels: int, kernel: int = 3, stride: int = 1) -> str:
        """Same padding."""
        h, w, c = self.shapes[source]
        rows, columns = -(-h // stride), -(-w // stride)
        op = Conv2D(
            **self._window(h, w, rows, columns, kernel, stride, (kernel - 1) // 2), input_c=c, output_c=channels, groups=1,
            input_zero_point=-3, output_zero_point=5, clamp_min=-100, clamp_max=120,
            weights=self.random.integers(-127, 128, channels * kernel * kernel * c).astype(np.int8),
            bias=self.random.integers(-4000, 4000, channels).astype(np.int32),
            multiplier=self.random.integers(1 << 18, 1 << 21, channels).astype(np.int32), shift=0,
        )  # fmt: skip
        return self.add_node(op, (rows, columns, channels), source)

    def pool(self, source: str, kernel: int, stride: int, pad: int = 0, dilation: int = 1) -> str:
        h, w, c = self.shapes[source]
        rows, columns = ((size + 2 * pad - (kernel - 1) * dilation - 1) // stride + 1 for size in (h, w))
        geometry = self._window(h, w, rows, columns, kernel, stride, pad) | {"dilation_h": dilation, "dilation_w": dilation}
        return self.add_node(MaxPool2D(**geometry, input_c=c, clamp_min=-128, clamp_max=110), (rows, columns, c), source)

    def sum(self, a: str, b: str) -> str:
        size = (prod(self.shapes[a]),)
        other = (prod(self.shapes[b]),)
        op = Add(*broadcast_box(size, other), *add_weights(0.02, 0.03, -3, 4, 0.05, 1), -128, 127)
        return self.add_node(op, self.shapes[a], a, b)

    def graph(self, *outputs: str) -> QGraph:
        tensors = {name: QTensor(name, (prod(shape),), 1.0, 0) for name, shape in self.shapes.items()}
        ports = [Port(name, name, (prod(self.shapes[name]),), (0,)) for name in ("in", *outputs)]
        return QGraph("network", tensors, tuple(self.nodes), (ports[0],), tuple(ports[1:])).verify()

    @staticmethod
    def _window(h: int, w: int, rows: int, columns: int, kernel: int, stride: int, pad: int) -> dict[str, int]:
        sizes = {"input_h": h, "input_w": w, "output_h": rows, "output_w": columns, "pad_top": pad, "pad_left": pad}
        each = {"kernel": kernel, "stride": stride, "dilation": 1}
        return sizes | {f"{name}_{axis}": value for name, value in each.items() for axis in "hw"}


@st.composite
def networks(draw: st.DrawFn) -> QGraph:
    """Layers of which each reads one of the last tensors; sums join equal shapes."""
    net = Builder(draw(st.integers(0, 999)), draw(st.integers(4, 9)), draw(st.integers(4, 9)), draw(st.integers(1, 5)))
    names = ["in"]
    for _ in range(draw(st.integers(2, 6))):
        source = draw(st.sampled_from(names[-2:]))
        kind = draw(st.sampled_from(["conv", "conv", "sum", "sum", "pool"]))
        partners = [name for name in names if net.shapes[name] == net.shapes[source]]
        if kind == "sum":
            names.append(net.sum(*draw(st.permutations([source, draw(st.sampled_from(partners))]))))
        elif kind == "pool" and min(net.shapes[source][:2]) >= 3:
            names.append(net.pool(source, draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(0, 1))))
        else:
            channels = draw(st.sampled_from([net.shapes[source][2], draw(st.integers(1, 6))]))
            names.append(net.conv(source, channels, draw(st.sampled_from([1, 3])), draw(st.sampled_from([1, 1, 2]))))
    return net.graph(*draw(st.sampled_from([names[-1:], names[-2:]])))


def kinds(qgraph: QGraph) -> list[str]:
    return [type(node.op).__name__ for node in qgraph.nodes]


def outputs(qgraph: QGraph) -> Sequence[np.ndarray]:
    random = np.random.default_rng(1)
    size = prod(qgraph.tensors["in"].shape)
    return reference.outputs(qgraph, [random.integers(-128, 128, (5, size)).astype(np.int8)])


def block(residual_first: bool = False) -> QGraph:
    """x -> conv -> conv, plus x."""
    net = Builder(0, 8, 8, 4)
    x = net.conv("in", 6)
    branch = net.conv(net.conv(x, 6), 6)
    return net.graph(net.sum(x, branch) if residual_first else net.sum(branch, x))


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
    assert found.ram_bytes < plain.ram_bytes
    assert found.arena_bytes < plain.arena_bytes
    assert any(isinstance(step.op, Conv2DMaxPool) for step in found.steps)

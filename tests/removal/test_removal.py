"""Planted channels that cannot matter are found, operator by operator; those that matter stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from edgecomp import reference
from edgecomp.build import build, find_compiler
from edgecomp.emit import emit
from edgecomp.errors import ToolError
from edgecomp.plan import plan
from edgecomp.qgraph import QGraph
from edgecomp.qops.boxes import merge_axes
from edgecomp.qops.copy import Copy
from edgecomp.removal import Removed, remove_work
from edgecomp.run import execute
from edgecomp.target import load_target
from tests.removal.builder import LAYERS, Drawn, Net, samples


def removed_from(before: QGraph) -> tuple[QGraph, Removed]:
    """The smaller network, proved to compute the same."""
    after, removed = remove_work(before)
    for wanted, found in zip(*(reference.outputs(qgraph, samples(before)) for qgraph in (before, after)), strict=True):
        np.testing.assert_array_equal(found, wanted)
    return after, removed


def gone(removed: Removed) -> dict[str, set[int]]:
    """The channels that went, by tensor."""
    return {layer.tensor: {*layer.constant, *layer.unread} for layer in removed.layers}


def test_a_zero_filter_folds_into_a_pointwise_convolution() -> None:
    net = Net(4, 4, 3)
    a = net.conv(net.conv("x", 8, zero=[1, 5], relu=False), 4, 1, relu=False)
    before = net.finish(a)
    after, removed = removed_from(before)
    assert gone(removed) == {"t0": {1, 5}}
    (layer,) = removed.layers
    assert sorted(layer.constant) == [1, 5] and not layer.unread and layer.channels == 8
    assert after.nodes[0].op.output_c == after.nodes[1].op.input_c == 6
    assert removed.macs_after == 4 * (9 * 3 * 6 + 6 * 4)  # 2 x 2 positions
    assert removed.parameters_before - removed.parameters_after == 2 * (27 + 1) + 2 * 4
    assert removed.share == pytest.approx(1 - (9 * 3 * 6 + 6 * 4) / (9 * 3 * 8 + 8 * 4))


def test_the_zero_point_folds_into_a_padded_convolution() -> None:
    net = Net(4, 4, 3)
    removed = removed_from(net.finish(net.conv(net.conv("x", 8, off=[2, 3]), 4, 3, 1, 1)))[1]
    assert gone(removed) == {"t0": {2, 3}}
    assert removed.layers[0].constant == {2: net.zero("t0"), 3: net.zero("t0")}


def test_another_constant_stays_where_padding_is_multiplied() -> None:
    net = Net(4, 4, 3, seed=3)
    first = net.conv("x", 8, zero=[2], relu=False)
    before = net.finish(net.conv(first, 4, 3, 1, 1))
    values = reference.evaluate(before, samples(before), keep=lambda name: True)["t0"].reshape(-1, 8)
    assert np.ptp(values[:, 2].astype(int)) == 0 and values[0, 2] != net.zero(first)
    after, removed = removed_from(before)
    assert after is before and removed.share == 0 and removed.layers == ()


def test_another_constant_folds_where_the_taps_on_padding_are_zero() -> None:
    net = Net(4, 4, 3, seed=3)
    second = net.conv(net.conv("x", 8, zero=[2], relu=False), 4, 3, 1, 1)
    weights = net.nodes[1].op.weights
    weights[:, [0, 0, 0, 1, 1, 2, 2, 2], [0, 1, 2, 0, 2, 0, 1, 2], 2] = 0
    assert gone(removed_from(net.finish(second))[1]) == {"t0": {2}}


def test_a_constant_folds_at_full_strides_without_padding() -> None:
    net = Net(4, 4, 3, seed=3)
    before = net.finish(net.conv_transpose(net.conv("x", 8, zero=[2], relu=False), 4, 2, 2, 0))
    assert gone(removed_from(before)[1]) == {"t0": {2}}


def test_a_constant_stays_where_outputs_lie_beyond_the_input() -> None:
    net = Net(4, 4, 3, seed=3)
    before = net.finish(net.conv_transpose(net.conv("x", 8, zero=[2], relu=False), 4, 2, 2, 0, beyond=1))
    assert removed_from(before)[0] is before


def test_a_window_in_padding_alone_is_no_constant() -> None:
    before = through(lambda net, x: net.max_pool(x, 1, 1, 1))
    values = reference.evaluate(before, samples(before), keep=lambda name: True)["t1"].reshape(-1, 4)
    assert np.ptp(values[:, 1].astype(int)) > 0
    assert removed_from(before)[0] is before


def test_unread_channels_go() -> None:
    net = Net(4, 4, 3)
    removed = removed_from(net.finish(net.conv(net.conv("x", 6), 4, 3, 1, 1, unread=[0, 3])))[1]
    assert gone(removed) == {"t0": {0, 3}}
    assert removed.layers[0].unread == (0, 3) and not removed.layers[0].constant


def test_what_only_unread_channels_read_goes_too() -> None:
    net = Net(4, 4, 3)
    second = net.conv(net.conv("x", 6, 1), 5, 1)
    weights = net.nodes[1].op.weights
    weights[:4, :, :, 1] = 0  # channel 1 is read by filter 4 alone
    before = net.finish(net.conv(second, 4, 1, unread=[4]))
    assert gone(removed_from(before)[1]) == {"t0": {1}, "t1": {4}}


def test_filters_that_read_constants_alone_are_constant_in_turn() -> None:
    net = Net(4, 4, 3)
    first = net.conv("x", 6, off=[0, 1])
    second = net.conv(first, 5, 3, 1, 1)
    net.nodes[1].op.weights[3, :, :, 2:] = 0  # filter 3 reads channels 0 and 1 alone
    before = net.finish(net.conv(second, 4, 1))
    assert gone(removed_from(before)[1]) == {"t0": {0, 1}, "t1": {3}}


def through(add: Callable[[Net, str], str], channels: int = 4) -> QGraph:
    """A convolution whose channel 1 is off, a layer, and a pointwise convolution."""
    net = Net(4, 4, 3, seed=5)
    layer = add(net, net.conv("x", channels, off=[1]))
    return net.finish(net.conv(layer, 3, 1))


SAME_CHANNELS: dict[str, Callable[[Net, str], str]] = {
    "depthwise": lambda net, x: net.depthwise(x, off=[1]),
    "depthwise of a constant": lambda net, x: net.depthwise(x, relu=False),
    "max pool": lambda net, x: net.max_pool(x, 3, 1, 1),
    "average pool": lambda net, x: net.average_pool(x, 3, 2, 1),
    "average pool over padding": lambda net, x: net.average_pool(x, 3, 2, 1, True),
    "global average": lambda net, x: net.global_average(x),
    "rows' means": lambda net, x: net.row_means(x),
    "table": lambda net, x: net.lut(x),
    "prelu, one slope": lambda net, x: net.prelu(x, 1),
    "prelu, a slope a channel": lambda net, x: net.prelu(x, 4),
    "prelu, a slope a column and channel": lambda net, x: net.prelu(x, 8),
    "nearest": lambda net, x: net.resize(x, bilinear=False),
    "bilinear": lambda net, x: net.resize(x, bilinear=True),
    "pad": lambda net, x: net.padded(x, (1, 0, 0), (0, 2, 0)),
    "flip": lambda net, x: net.flipped(x, 0),
    "transpose of positions": lambda net, x: net.transposed(x, (1, 0, 2)),
    "add a row": lambda net, x: net.add(x, net.constant((1, 1, 1, 4))),
    "add a number": lambda net, x: net.add(net.constant((1,)), x),
    "add an array": lambda net, x: net.add(x, net.constant((1, 2, 2, 4))),
    "times a row": lambda net, x: net.mul(x, net.constant((4,))),
    "add to itself": lambda net, x: net.add(x, x),
    "concat of rows": lambda net, x: net.concat([x, x], 1),
}
VARYING = {"pad", "add an array"}
"""Their channel need not be constant at all positions."""


@pytest.mark.parametrize("layer", sorted(SAME_CHANNELS))
def test_a_dead_channel_is_dropped_through(layer: str) -> None:
    before = through(SAME_CHANNELS[layer])
    found = gone(removed_from(before)[1])
    if layer in VARYING and not found:
        values = reference.evaluate(before, samples(before), keep=lambda name: True)[before.nodes[-2].output]
        assert np.ptp(values.reshape(-1, 4)[:, 1].astype(int)) > 0
        return
    assert found == {"t0": {1}, before.nodes[-2].output: {1}}


def test_filters_of_a_depthwise_convolution_with_a_multiplier_go_together() -> None:
    before = through(lambda net, x: net.depthwise(x, filters=2, off=[2, 3]))
    after, removed = removed_from(before)
    assert gone(removed) == {"t0": {1}, "t1": {2, 3}}
    assert after.nodes[1].op.channel_multiplier == 2


def test_one_dead_filter_of_each_input_lowers_the_multiplier() -> None:
    net = Net(4, 4, 3)
    before = net.finish(net.conv(net.depthwise("x", filters=2, off=[0, 3, 5]), 3, 1))
    after, removed = removed_from(before)
    assert gone(removed) == {"t0": {0, 3, 5}}
    assert after.nodes[0].op.channel_multiplier == 1


def test_channels_side_by_side() -> None:
    before = through(lambda net, x: net.concat([x, net.conv("x", 3, off=[0])]))
    after, removed = removed_from(before)
    assert gone(removed) == {"t0": {1}, "t1": {0}, "t2": {1, 4}}
    assert list(after.nodes[2].op.inner) == [3, 2]


@pytest.mark.parametrize(("start", "size", "dropped"), [(0, 3, {"t0": {1, 3}, "t1": {1}}), (2, 2, {"t0": {0, 1}})])
def test_slices_of_channels(start: int, size: int, dropped: dict[str, set[int]]) -> None:
    assert gone(removed_from(through(lambda net, x: net.sliced(x, start, size)))[1]) == dropped


def test_padding_of_channels() -> None:
    before = through(lambda net, x: net.padded(x, (0, 0, 2), (0, 0, 1)))
    assert gone(removed_from(before)[1]) == {"t0": {1}, "t1": {0, 1, 3, 6}}


def test_a_copy_keeps_something_to_copy() -> None:
    """Channels 2 and 3, constant, between others: the first of them stays, though a filling that is read would do."""
    net = Net(4, 4, 3)
    x = net.conv("x", 4, off=[2, 3])
    dims, input_steps, output_steps = merge_axes((4, 2), (4, 1), (4, 1))
    moved = net.copy(x, Copy(dims, 2, input_steps, 1, output_steps, 16, net.zero(x) + 1), (1, 2, 2, 4))
    padded = net.conv(moved, 3, 3, 1, 1)  # multiplies padding, which is not the filling
    after, removed = removed_from(net.finish(net.concat([padded, net.conv(x, 3, 1)])))
    assert gone(removed) == {"t0": {3}, "t1": {2}}
    assert after.nodes[1].op.fill_count == 12


def test_a_flattened_channel_is_many_columns() -> None:
    net = Net(4, 4, 3)
    hidden = net.dense(net.conv("x", 4, off=[1]), 6, relu=True, off=[2])
    after, removed = removed_from(net.finish(net.dense(hidden, 3)))
    assert gone(removed) == {"t0": {1}, "t1": {2}}
    assert (after.nodes[1].op.input_n, after.nodes[1].op.output_n, after.nodes[2].op.input_n) == (12, 5, 5)


def test_positions_of_a_dense_layer_keep_the_channel() -> None:
    net = Net(4, 4, 3)
    before = net.finish(net.dense(net.dense(net.conv("x", 4, off=[1]), 5, rows=4, relu=True, off=[0]), 3, rows=4))
    assert gone(removed_from(before)[1]) == {"t0": {1}, "t1": {0}}


def test_groups_lose_equally_many_or_go_whole() -> None:
    net = Net(4, 4, 3)
    grouped = net.conv(net.conv("x", 12, off=[0, 4, 5, 8, 9, 10, 11]), 6, 3, 1, 1, groups=3, off=[4, 5])
    after, removed = removed_from(net.finish(net.conv(grouped, 3, 1)))
    assert gone(removed) == {"t0": {0, 4, 8, 9, 10, 11}, "t1": {4, 5}}
    assert after.nodes[1].op.groups == 2 and after.nodes[1].op.input_c == 6


def test_both_operands_of_a_sum_must_lose_the_channel() -> None:
    net = Net(4, 4, 3)
    trunk, branch = net.conv("x", 4, 1, off=[0, 1]), net.conv("x", 4, 1, off=[1, 2])
    before = net.finish(net.conv(net.add(trunk, branch), 3, 3, 1, 1, unread=[1]))
    assert gone(removed_from(before)[1]) == {"t0": {1}, "t1": {1}, "t2": {1}}


@pytest.mark.parametrize("join", [Net.add, Net.mul])
def test_a_branch_of_constants_becomes_a_row_in_flash(join: Callable[[Net, str, str], str]) -> None:
    net = Net(4, 4, 3)
    trunk = net.conv("x", 4, 1)
    branch = net.conv(net.conv(trunk, 8, 3, 1, 1), 4, 1, zero=range(4))
    after, removed = removed_from(net.finish(net.conv(join(net, trunk, branch), 3, 1)))
    assert [node.output for node in after.nodes] == ["t0", "t3", "t4"]
    assert {"t1", "t2"} <= {layer.tensor for layer in removed.layers if layer.count == layer.channels}
    (row,) = (tensor for tensor in after.tensors.values() if tensor.data is not None)
    assert row.bytes <= 4


def test_the_row_takes_no_name_that_is_there() -> None:
    net = Net(4, 4, 3)
    trunk, branch = net.conv("x", 4, 1), net.conv("x", 4, 1, zero=range(4))
    taken = net.name(f"{branch}__constant", (4,), np.array([1, 2, 3, 4], np.int8))
    after = removed_from(net.finish(net.conv(net.add(net.add(trunk, branch), taken), 3, 1)))[0]
    assert len([tensor for tensor in after.tensors.values() if tensor.data is not None]) == 2


def test_a_branch_times_zero_needs_no_input() -> None:
    net = Net(4, 4, 3)
    zero = net.name("zero", (4,), np.full(4, 9, np.int8), 9)
    before = net.finish(net.conv(net.mul(net.conv("x", 4, 1), zero), 3, 3, 1, 1))
    after, removed = removed_from(before)
    assert removed.layers[-1].constant == dict.fromkeys((1, 2, 3), 5)  # one channel stays
    assert after.nodes[-1].op.input_c == 1


@pytest.mark.parametrize("layer", ["softmax", "log_softmax", "attention", "shuffle_channels"])
def test_operators_that_mix_channels_keep_them(layer: str) -> None:
    mix = LAYERS.get(layer, lambda net, x: net.transposed(x, (2, 0, 1)))
    before = through(mix)
    assert removed_from(before)[0] is before


def test_inputs_and_outputs_keep_their_shapes() -> None:
    net = Net(4, 4, 3)
    inner = net.conv("x", 6, off=[0, 5], unread=[1])
    before = net.finish(net.conv(inner, 4, 3, 1, 1, zero=[0], off=[1]), inner)
    after = removed_from(before)[0]
    assert [after.tensors[port.tensor].shape for port in (*after.inputs, *after.outputs)] == [(1, 4, 4, 3), (1, 2, 2, 4), (1, 2, 2, 6)]


def test_half_of_the_channels_dead_is_the_network_at_half_its_width() -> None:
    def build(width: int, dead: Sequence[int]) -> QGraph:
        net = Net(8, 8, 3)
        x = net.conv("x", width, 3, 1, 1, off=dead)
        for _ in range(3):
            inner = net.conv(net.depthwise(x, off=dead), width, 1, off=dead)
            x = net.add(x, net.conv(inner, width, 3, 1, 1, off=dead))
        return net.finish(net.dense(net.global_average(x), 10))

    removed = removed_from(build(16, range(1, 16, 2)))[1]
    assert removed.macs_after == build(8, ()).macs
    assert 0.68 < removed.share < 0.75


def test_a_network_without_dead_channels_is_left_alone() -> None:
    net = Net(4, 4, 3)
    before = net.finish(net.conv(net.conv("x", 8), 4, 1))
    after, removed = remove_work(before)
    assert after is before
    assert (removed.macs_before, removed.macs_after, removed.share, removed.layers) == (before.macs, before.macs, 0.0, ())


def test_tensors_that_lost_channels_no_longer_lie_as_the_float_network() -> None:
    net = Net(4, 4, 3)
    after = removed_from(net.finish(net.conv(net.conv("x", 8, off=[2]), 4, 1)))[0]
    assert after.tensors["t0"].permutation is None and after.tensors["t0"].shape == (1, 2, 2, 7)
    assert after.tensors["t1"].permutation is not None


def test_the_largest_constants_fold_into_the_largest_bias() -> None:
    """`remove_work` proves the accumulators of what it returns to fit 32 bits."""
    net = Net(2, 2, 4)
    second = net.dense(net.conv("x", 64, 1, zero=range(60), relu=False), 3)
    net.nodes[0].op.bias[:60] = 1 << 24  # at the upper clamp
    op = net.nodes[1].op
    op.weights[:] = 127
    op.bias[:] = (1 << 31) - 1 - 128 * 127 * op.input_n
    after = removed_from(net.finish(second))[0]
    assert after.nodes[1].op.input_n <= 4


@pytest.mark.parametrize("seed", range(3))
def test_the_program_computes_the_same(seed: int, tmp_path: Path) -> None:
    """C on this machine from the smaller network, against the reference of the whole one."""
    target = load_target("host")
    try:
        find_compiler(target)
    except ToolError as error:
        pytest.skip(str(error))
    names = ("conv", "depthwise", "residual", "channel_concat", "dead_branch", "grouped", "gate", "pad", "average_pool")
    before = Drawn(names[seed:], (5, 4, 6), seed, True).build()
    after, removed = removed_from(before)
    assert removed.share > 0
    (inputs,) = samples(before)
    layout = plan(after, target)
    firmware = build(emit(layout), target, tmp_path)
    size = sum(after.tensors[port.tensor].bytes for port in after.outputs)
    found = execute(firmware, target, inputs.view(np.uint8), size, len(layout.steps), timeout_s=60, profiled_samples=0).outputs
    np.testing.assert_array_equal(found.view(np.int8), np.concatenate(reference.outputs(before, [inputs]), axis=1))

"""Early termination of sums: exact rules, and predictions found under an accuracy budget.

Akhlaghi et al., "SnaPEA: Predictive Early Activation for Reducing Computation in Deep Convolutional Neural Networks", 2018. The search
has its three passes: kernels (which products come first, and the threshold after them), layers alone, and all layers together (`climb`).

No core gains today: ends are tested product by product, which takes about 13 instructions a product on RV32IM and 15 on Cortex-M0, where
whole blocks of the dense kernels take 1.5 and 2.2. A kernel that shares one order among four pixels would take at least 3.75 on RV32IM
(offset, weight and sum of addresses, then a load, a product and a sum a pixel), and gain where 60 % of the products are left out: more than
was found in any layer. So the rules save products, and `search` on a target says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from edgecomp.graph import Array
from edgecomp.qgraph import IntArray, QGraph, QNode
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv2d_early import Conv2DEarly
from edgecomp.qops.requantize import requantize
from edgecomp.removal.analysis import analyze
from edgecomp.skip.budget import Budget, Found, Search
from edgecomp.skip.climb import Ladder, climb
from edgecomp.skip.measured_gain import Board, paying
from edgecomp.skip.rules import Early
from edgecomp.target import Target

if TYPE_CHECKING:
    from edgecomp.pipeline import QuantizedModel

PREFIX_SHARES = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2)
"""How many of its products a kernel may compute before it predicts."""
LOST_ENERGY = (0.001, 0.003, 0.01, 0.03, 0.06, 0.1, 0.2, 0.4)
"""Levels of a layer: energy that predictions may take from a channel's output, as a part of the mean energy of the layer's channels."""
PROFILED_SAMPLES = 32
PROFILED_POSITIONS = 6000
ORDERED_SAMPLES = 8


def operator(conv: Conv2D, rule: Early) -> Conv2DEarly:
    """The convolution that follows the rule."""
    return Conv2DEarly.ordered(conv, rule.order, rule.exact_from, rule.prefix, rule.thresholds)


def provable(qgraph: QGraph) -> tuple[QNode, ...]:
    """The convolutions whose inputs are zero or above for any input of the network: only there are exact ends exact."""
    ranges = analyze(qgraph).ranges
    return tuple(
        node for node in qgraph.nodes
        if type(node.op) is Conv2D and int(ranges[node.inputs[0]].low.min()) >= node.op.input_zero_point
    )  # fmt: skip


def exact_rules(qgraph: QGraph, values: Mapping[str, IntArray] | None = None) -> dict[str, Early]:
    """A rule for every convolution whose inputs are proved to be zero or above; outputs keep their bits.

    Weights that raise a sum come first, then those that lower it, and the sum ends at the lower clamp; where `values` (int8 [N, size] by
    tensor, a few samples) show that more is saved at the upper clamp, it is the other way round. Layers that save nothing have no rule.
    """
    rules = {}
    for node in provable(qgraph):
        assert isinstance(node.op, Conv2D)
        x = None if values is None else values.get(node.inputs[0])
        rule = _exact_rule(node.op, None if x is None else x[:ORDERED_SAMPLES])
        if rule is not None:
            rules[node.output] = rule
    return rules


def _exact_rule(conv: Conv2D, x: IntArray | None) -> Early | None:
    """The rule of one layer; None where it saves nothing on samples `x`."""
    if x is None:
        return _ordered(conv, np.ones(_taps(conv)), None)
    means = _mean_inputs(conv, x)
    falling, rising = _ordered(conv, means, None), _ordered(conv, means, None, rising=True)
    executed = [_executed(conv, rule, x) for rule in (falling, rising)]
    upwards = np.asarray(executed[1] < executed[0])
    order = np.where(upwards[:, None], rising.order, falling.order)
    exact_from = np.where(upwards, rising.exact_from, falling.exact_from)
    saves = int(np.minimum(executed[0], executed[1]).sum()) < len(x) * conv.work.macs
    return Early(order, exact_from, falling.prefix, falling.thresholds) if saves else None


def _executed(conv: Conv2D, rule: Early, x: IntArray) -> IntArray:
    """Products by channel [output_c] over samples `x`."""
    total: IntArray = np.sum(list(operator(conv, rule).executed_by_channel(x)), axis=0, dtype=np.int64)
    return total


def _taps(conv: Conv2D) -> int:
    return conv.kernel_h * conv.kernel_w * (conv.input_c // conv.groups)


def _mean_inputs(conv: Conv2D, x: IntArray) -> Array:
    """What each product of a channel [output_c, taps] multiplies on average."""
    empty = operator(conv, _ordered(conv, np.ones(_taps(conv)), None))
    means = np.mean([patches.mean(axis=1) for patches in empty.patches(x)], axis=0)
    each: Array = np.repeat(means, conv.output_c // conv.groups, axis=0)
    return each


def _ordered(conv: Conv2D, means: Array, first: Array | None, thresholds: IntArray | None = None, rising: bool = False) -> Early:
    """A rule with the products `first` (bool [output_c, taps]) before all others, a prefix of that length, and then the exact order.

    Largest mean products come first in each group.
    """
    weights = np.asarray(conv.weights, np.int64).reshape(conv.output_c, -1)
    size = np.abs(weights) * means
    size = size / max(float(size.max()), 1e-9) * 0.5  # below one, the distance between groups
    sign = np.sign(weights) * (-1 if rising else 1)
    group = np.select([sign > 0, sign < 0], [1, 2], 3)
    if first is not None:
        group = np.where(first, 0, group)
    order = np.argsort(group - size, axis=1, kind="stable")
    prefix = np.zeros(conv.output_c, np.int64) if first is None else first.sum(axis=1)
    exact_from = (group <= 1).sum(axis=1)
    return Early(order, exact_from, prefix, np.zeros(conv.output_c, np.int64) if thresholds is None else thresholds)


@dataclass(frozen=True, eq=False)
class _Level:
    """A layer's rule at one level, and the products an inference that it is expected to leave."""

    rule: Early | None
    expected_macs: float


def _levels(conv: Conv2D, x: IntArray, seed: int) -> list[_Level]:
    """The kernel pass: the exact rule, then one rule for each of LOST_ENERGY, on the layer's inputs `x`."""
    exact = _exact_rule(conv, x)
    executed: Array = np.full(conv.output_c, conv.work.macs / conv.output_c)
    if exact is not None:
        few = x[:ORDERED_SAMPLES]
        executed = _executed(conv, exact, few) / len(few)
    levels = [_Level(exact, float(np.sum(executed)))]
    if conv.clamp_min != conv.output_zero_point:
        return levels
    candidates = _candidates(conv, x, seed)
    for energy in LOST_ENERGY:
        levels.append(_level(conv, candidates, energy, executed))
    return levels


@dataclass(frozen=True, eq=False)
class _Candidate:
    """One choice of first products: sorted sums after them [rows, output_c], and the output energy lost up to each."""

    means: Array
    first: Array
    sums: IntArray
    lost: Array
    mean_energy: float


def _candidates(conv: Conv2D, x: IntArray, seed: int) -> list[_Candidate]:
    """For each of PREFIX_SHARES, what predictions after so many products would lose."""
    means = _mean_inputs(conv, x)
    plain = operator(conv, _ordered(conv, means, None))
    rows = _sampled(np.concatenate(list(plain.patches(x)), axis=1), seed)
    outputs = _outputs(conv, plain, rows).astype(np.float64) - conv.output_zero_point
    energy = outputs**2
    weights = np.asarray(conv.weights, np.int64).reshape(conv.output_c, -1)
    size = np.abs(weights) * means
    found = []
    for count in sorted({max(1, round(share * plain.taps)) for share in PREFIX_SHARES}):
        first = _largest(size, count)
        part = Conv2DEarly.ordered(conv, *_members(_ordered(conv, means, first)))
        sums = _sums(part, np.where(first, weights, 0), rows)
        order = np.argsort(sums, axis=0, kind="stable")
        lost = np.cumsum(np.take_along_axis(energy, order, axis=0), axis=0)
        found.append(_Candidate(means, first, np.take_along_axis(sums, order, axis=0), lost, float(energy.mean()) * len(sums)))
    return found


def _members(rule: Early) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    return rule.order, rule.exact_from, rule.prefix, rule.thresholds


def _largest(size: Array, count: int) -> Array:
    """The largest of each of `count` groups of a channel's products that follow one another in size, bool [output_c, taps]."""
    order = np.argsort(-size, axis=1, kind="stable")
    starts = np.arange(count) * size.shape[1] // count
    chosen = np.zeros(size.shape, bool)
    np.put_along_axis(chosen, order[:, starts], True, axis=1)
    return chosen


def _sampled(patches: IntArray, seed: int) -> IntArray:
    """At most PROFILED_POSITIONS of the rows [groups, rows, taps]."""
    if patches.shape[1] <= PROFILED_POSITIONS:
        return patches
    picked = np.random.default_rng(seed).choice(patches.shape[1], PROFILED_POSITIONS, replace=False)
    return patches[:, np.sort(picked)]


def _sums(op: Conv2DEarly, weights: IntArray, rows: IntArray) -> IntArray:
    """start + products [rows, output_c] of rows [groups, rows, taps] with weights [output_c, taps]."""
    by_group = weights.reshape(op.groups, -1, op.taps).astype(np.float64)
    products = [rows[group].astype(np.float64) @ by_group[group].T for group in range(op.groups)]
    sums: IntArray = np.concatenate(products, axis=1).astype(np.int64) + np.asarray(op.start, np.int64)
    return sums


def _outputs(conv: Conv2D, op: Conv2DEarly, rows: IntArray) -> IntArray:
    """What the convolution makes of rows [groups, rows, taps]."""
    sums = _sums(op, np.asarray(conv.weights, np.int64).reshape(conv.output_c, -1), rows)
    return requantize(sums, conv.multiplier, conv.shift, conv.output_zero_point, conv.clamp_min, conv.clamp_max)


def _level(conv: Conv2D, candidates: Sequence[_Candidate], energy: float, executed: Array) -> _Level:
    """For each kernel the candidate with the fewest products whose lost energy stays within the level; none where exact ends save more."""
    best = executed.copy()
    positions = conv.output_h * conv.output_w
    first = np.zeros(candidates[0].first.shape, bool)
    thresholds = np.zeros(conv.output_c, np.int64)
    for candidate in candidates:
        rows = len(candidate.sums)
        last_of_ties = np.vstack([candidate.sums[1:] > candidate.sums[:-1], np.ones((1, conv.output_c), bool)])
        allowed = last_of_ties & (candidate.lost <= energy * candidate.mean_energy)
        predicted = np.where(allowed.any(axis=0), rows - allowed[::-1].argmax(axis=0), 0)
        share, count = predicted / rows, candidate.first.sum(axis=1)
        expected = positions * (share * count + (1 - share) * np.maximum(executed / positions, count))
        better = expected < best
        at = np.maximum(predicted - 1, 0)
        best = np.where(better, expected, best)
        thresholds = np.where(better, np.take_along_axis(candidate.sums, at[None], axis=0)[0], thresholds)
        first = np.where(better[:, None], candidate.first, first)
    return _Level(_ordered(conv, candidates[0].means, first, thresholds), float(best.sum()))


def search(
    quantized: QuantizedModel,
    x: Array,
    y: IntArray | None,
    budget: Budget | None = None,
    predictive: bool = True,
    target: Target | None = None,
) -> Found:
    """Rules for raw data `x` [N, ...] and classes `y` [N] (None: the dense network's own) within the budget.

    Not `predictive`: the exact rules, with what they save. On a `target` only rules stay that take fewer instructions there; `reasons` say
    of the others how many products they would have saved.

    Raises:
        DataError: the network has several inputs, there are too few rows, or the budget names what is no convolution.
    """
    running = Search(quantized, x, y, budget or Budget())
    wanted = {node.output for node in running.convolutions()}
    nodes = [node for node in provable(running.dense) if node.output in wanted]
    if predictive:
        rules = _predictive_rules(running, nodes)
    else:
        values = {node.inputs[0]: running.chooser.value(node.inputs[0], ORDERED_SAMPLES) for node in nodes}
        rules = {name: rule for name, rule in exact_rules(running.dense, values).items() if name in wanted}
    found = running.found("early-predictive" if predictive else "early-exact", rules)
    if target is None:
        return found
    kept, off = paying(Board(running.dense, target, running.counted), rules, found.macs_saved_by_layer)
    return running.found(found.mode, kept, off)


def _predictive_rules(running: Search, nodes: Sequence[QNode]) -> dict[str, Early]:
    levels = {node.output: _levels_of(running, node) for node in nodes}
    ladders = []
    for name, each in levels.items():
        macs = [level.expected_macs for level in each]
        ladders.append(Ladder(name, macs, macs, partial(_rule_at, each)))
    state = climb(running, ladders)
    rules = {name: _rule_at(each, state[name]) for name, each in levels.items()}
    return {name: rule for name, rule in rules.items() if rule is not None}


def _rule_at(levels: Sequence[_Level], level: int) -> Early | None:
    return levels[level].rule


def _levels_of(running: Search, node: QNode) -> list[_Level]:
    assert isinstance(node.op, Conv2D)
    return _levels(node.op, running.chooser.value(node.inputs[0], PROFILED_SAMPLES), running.budget.seed)

"""What the rules of a network come to, in words, rates and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from edgecomp import reference
from edgecomp.graph import Array
from edgecomp.qgraph import IntArray, QGraph
from edgecomp.qops.conv2d import Conv2D
from edgecomp.skip.apply import apply
from edgecomp.skip.rules import Early, Perforated, Rule, Spatial, ZeroInput
from edgecomp.skip.search.patterns import pattern_text

if TYPE_CHECKING:
    from edgecomp.pipeline import QuantizedModel

NAMES: Mapping[type[Rule], str] = {
    Spatial: "spatial",
    ZeroInput: "zero inputs",
    Early: "early termination",
    Perforated: "perforation",
}


@dataclass(frozen=True)
class Rates:
    """On some samples: the share of a layer's products left out, and of its outputs made zero that would not be."""

    zero_rate: float
    false_zero_rate: float


def rates(quantized: QuantizedModel, buffers: IntArray) -> dict[str, Rates]:
    """By the name of the tensor, for each rule; `buffers` [N, size] are model inputs."""
    graph = quantized.qgraph
    ruled = [node for node in graph.nodes if node.output in quantized.rules]
    if not ruled:
        return {}
    names = {name for node in ruled for name in (node.output, *node.inputs)}
    values = {port.tensor: buffers for port in graph.inputs} | dict(reference.evaluate(graph, [buffers], keep=names.__contains__))
    found = {}
    for node in ruled:
        inputs = [_values_of(graph, values, name, len(buffers)) for name in node.inputs]
        dense = apply_dense(quantized, node.output).evaluate(*inputs).reshape(len(buffers), -1)
        got = values[node.output].reshape(len(buffers), -1)
        zero = graph.tensors[node.output].zero_point
        false = float(np.mean((got == zero) & (dense != zero)))
        found[node.output] = Rates(1.0 - node.op.executed_macs(*inputs) / (len(buffers) * node.op.work.macs), false)
    return found


def apply_dense(quantized: QuantizedModel, tensor: str) -> Conv2D:
    """The operator that computes a tensor without any rule."""
    rule = quantized.rules[tensor]
    joined = quantized.dense if not isinstance(rule, Spatial) else apply(quantized.dense, {tensor: _never(rule)})
    op = next(node.op for node in joined.nodes if node.output == tensor)
    assert isinstance(op, Conv2D)
    return op


def _never(rule: Spatial) -> Spatial:
    """The rule that predicts nothing."""
    return replace(rule, thresholds=np.full_like(np.asarray(rule.thresholds), np.iinfo(np.int32).min))


def _values_of(graph: QGraph, values: Mapping[str, IntArray], name: str, count: int) -> IntArray:
    data = graph.tensors[name].data
    return values[name] if data is None else np.broadcast_to(data.reshape(1, -1), (count, data.size))


def mask_text(rule: Rule) -> str:
    """What a rule leaves out."""
    match rule:
        case Spatial():
            found = [pattern_text(int(mask), rule.patch) for mask in np.unique(rule.masks)]
            return found[0] if len(found) == 1 else f"{len(found)} patterns over {' x '.join(map(str, rule.masks.shape))} targets"
        case ZeroInput():
            return "inputs that are zero"
        case Early():
            return "sums that end early"
        case Perforated():
            computed = int(np.count_nonzero(rule.source.reshape(-1) == np.arange(rule.source.size)))
            return f"{computed} of {rule.source.size} positions"


def threshold_text(rule: Rule) -> str | None:
    """What decides it, or None where nothing does."""
    match rule:
        case Spatial():
            return f"accumulators {int(np.min(rule.thresholds))}..{int(np.max(rule.thresholds))}"
        case ZeroInput():
            return f"{rule.span} steps above zero" if rule.span else None
        case Early():
            return f"after {int(np.max(rule.prefix))} products at most" if np.any(rule.prefix) else None
        case _:
            return None


def places(rule: Spatial | Perforated) -> Array:
    """Shares 0..1 of what is always computed at each place of the map, [height, width]; of one patch where all have the same mask."""
    if isinstance(rule, Perforated):
        source = np.asarray(rule.source)
        own: Array = (source == np.arange(source.size).reshape(source.shape)).astype(float)
        return own
    masks = np.asarray(rule.masks, np.uint16)
    bits = (masks[..., None] >> np.arange(rule.patch**2) & 1).reshape(*masks.shape, rule.patch, rule.patch)
    over = bits.mean(axis=2)  # channels
    whole: Array = over.transpose(0, 2, 1, 3).reshape(over.shape[0] * rule.patch, over.shape[1] * rule.patch)
    return whole

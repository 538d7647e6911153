"""The integer network under rules: each named convolution becomes the operator that leaves work out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgecomp.errors import ModelError
from edgecomp.fusion import fuse
from edgecomp.qgraph import QGraph, QNode, QOp
from edgecomp.qops.add import Add
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv2d_add import Conv2DAdd
from edgecomp.qops.conv2d_add_spatial import Conv2DAddSpatial
from edgecomp.qops.conv2d_early import Conv2DEarly
from edgecomp.qops.conv2d_perforated import Conv2DPerforated
from edgecomp.qops.conv2d_spatial import Conv2DSpatial
from edgecomp.qops.conv2d_zero_input import Conv2DZeroInput
from edgecomp.skip.rules import Early, Perforated, Rule, Rules, Spatial, ZeroInput


def apply(qgraph: QGraph, rules: Rules, source: str = "the network") -> QGraph:
    """Replace the operators that compute the named tensors; without rules the network itself.

    A rule on a residual sum draws the convolution before it into the sum, on whose value it is judged.

    Raises:
        ModelError: a rule fits no operator of this network; `source` names the file.
    """
    if not rules:
        return qgraph
    sums = {node.output for node in qgraph.nodes if isinstance(node.op, Add)}
    joined = fuse(qgraph, (Add,), apart=sums - rules.keys())
    nodes = {node.output: node for node in joined.nodes}
    unknown = [tensor for tensor in rules if tensor not in nodes]
    if unknown:
        raise ModelError(f"{source}: rules for {unknown}, which the network does not compute; run edgecomp skip on it again")
    changed = {tensor: _with_rule(nodes[tensor], rule, joined, source) for tensor, rule in rules.items()}
    return replace(joined, nodes=tuple(changed.get(node.output, node) for node in joined.nodes)).verify()


def _with_rule(node: QNode, rule: Rule, qgraph: QGraph, source: str) -> QNode:
    op = None
    try:
        op = _operator(node.op, rule, qgraph.tensors[node.output].zero_point)
        if op is not None:
            op.verify()
    except (ValueError, IndexError, TypeError) as error:
        raise ModelError(f"{source}: the rule for {node.output!r} does not fit {node.layer!r}: {error}; run edgecomp skip again") from error
    if op is None:
        raise ModelError(f"{source}: no {type(rule).__name__} rule for {node.layer!r} ({node.op.kernel}); run edgecomp skip again")
    return replace(node, op=op)


def _operator(op: QOp, rule: Rule, zero_point: int) -> QOp | None:
    """What computes `op` under the rule; None where the rule is not for such an operator."""
    if isinstance(op, Conv2DAdd):
        return Conv2DAddSpatial.of(op, rule, zero_point) if isinstance(rule, Spatial) else None
    if type(op) is not Conv2D:
        return None
    match rule:
        case Spatial():
            return Conv2DSpatial.of(op, rule)
        case ZeroInput():
            bias = np.asarray(op.bias, np.int64) + rule.bias_shift if rule.bias_shift.size else op.bias
            density = min(max(round(100 * rule.density), 0), 100)
            return Conv2DZeroInput(**op.convolution_members | {"bias": bias}, zero_span=rule.span, density_percent=density)
        case Early():
            return Conv2DEarly.ordered(op, rule.order, rule.exact_from, rule.prefix, rule.thresholds)
        case Perforated():
            return Conv2DPerforated.following(op, rule.source)

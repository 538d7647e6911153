"""Where zeros may be predicted in a network: convolutions with a ReLU, and residual sums with a ReLU that a convolution ends in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edgecomp.errors import DataError, UnsupportedError
from edgecomp.fusion import fuse
from edgecomp.graph import Array
from edgecomp.pipeline import QuantizedModel
from edgecomp.qgraph import IntArray, QGraph, QNode
from edgecomp.qops.add import Add
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv2d_add import Conv2DAdd
from edgecomp.skip.rules import Spatial
from edgecomp.skip.spatial_layer import SpatialLayer

NOTHING_BELOW = np.float32(-1e9)
"""A real threshold under which no value lies: nothing of the channel is predicted."""


@dataclass(frozen=True, eq=False)
class Choice:
    """What one layer is searched with: uint16 masks [rows or 1, columns or 1, channels or 1] and real thresholds [channels]."""

    masks: IntArray
    thresholds: Array

    @cached_property
    def key(self) -> str:
        """Identifies the content."""
        content = repr(self.masks.shape).encode() + self.masks.astype(np.uint16).tobytes() + self.thresholds.astype(np.float32).tobytes()
        return hashlib.sha256(content).hexdigest()[:24]


@dataclass(frozen=True, eq=False)
class Site:
    """One place. `tensor` is the integer tensor the rule is judged on, `layer` the ONNX nodes that end in it.

    `macs` of one inference; `kept` [channels] are the channels of the quantized file that the integer network still has. A real value y
    at the place is y / `step` + `offset` as an accumulator, per channel; the output is zero up to half of `output_step`.
    """

    index: int
    tensor: str
    layer: str
    spatial: SpatialLayer
    macs: int
    kept: Array
    step: Array
    offset: float
    output_step: float

    @property
    def position_macs(self) -> float:
        """Products behind one output of one channel."""
        return self.macs / (int(self.kept.sum()) * self.spatial.height * self.spatial.width)

    def accumulators(self, thresholds: Array) -> IntArray:
        """Real thresholds as int32 accumulators: the largest that are not above them."""
        limits = np.iinfo(np.int32)
        found = np.floor(thresholds.astype(np.float64) / self.step + self.offset)
        result: IntArray = np.clip(found, limits.min, limits.max).astype(np.int32)
        return result

    def settled(self, choice: Choice) -> Choice:
        """The choice with thresholds halfway between accumulators, so that rounding in float decides nothing; removed channels are left."""
        accumulators = self.accumulators(choice.thresholds)
        real = ((accumulators + 0.5 - self.offset) * self.step).astype(np.float32)
        return Choice(choice.masks, np.where(self.kept, real, NOTHING_BELOW))

    def rule(self, choice: Choice) -> Spatial:
        """The rule for the integer network's channels."""
        masks = choice.masks if choice.masks.shape[2] == 1 else np.ascontiguousarray(choice.masks[:, :, self.kept])
        return Spatial(self.spatial.patch, masks.astype(np.uint16), self.accumulators(choice.thresholds)[self.kept])


def find_sites(quantized: QuantizedModel, patch: int) -> tuple[Site, ...]:
    """All places of a network, in the order in which it computes them, cut into patches of `patch` x `patch`."""
    whole, reduced = (fuse(qgraph, (Add,)) for qgraph in (quantized.lowered, quantized.qgraph))
    by_output = {node.output: node for node in reduced.nodes}
    graph = quantized.scheme.graph
    order = {name: position for position, node in enumerate(graph.nodes) for name in node.outputs}
    found = []
    for node in whole.nodes:
        left = by_output.get(node.output)
        if left is None or node.output not in order or node.output in graph.outputs or not _ends_in_zero(whole, node):
            continue
        found.append((order[node.output], node, left))
    sites = []
    for index, (_, node, left) in enumerate(sorted(found, key=lambda item: item[0])):
        sites.append(_site(quantized, index, patch, node, left))
    return tuple(sites)


def _ends_in_zero(qgraph: QGraph, node: QNode) -> bool:
    """Whether the node is a convolution, with a sum or without, whose least output is real zero."""
    zero = qgraph.tensors[node.output].zero_point
    if isinstance(node.op, Conv2DAdd):
        return node.op.sum_clamp_min == zero
    return type(node.op) is Conv2D and node.op.clamp_min == zero


def _site(quantized: QuantizedModel, index: int, patch: int, node: QNode, left: QNode) -> Site:
    op, reduced = node.op, left.op
    assert isinstance(op, Conv2D) and isinstance(reduced, Conv2D)
    output = quantized.lowered.tensors[node.output]
    kept = np.ones(op.output_c, np.bool_)
    for removed in quantized.removed.layers:
        if removed.tensor == node.output:
            kept[[*removed.constant, *removed.unread]] = False
    if isinstance(op, Conv2DAdd):
        step = np.full(op.output_c, output.scale / 2.0**op.sum_right_shift)
        offset = output.zero_point * 2.0**op.sum_right_shift + (2.0**op.sum_right_shift) / 2
    else:
        step = output.scale * np.broadcast_to(op.multiplier, op.output_c).astype(np.float64) * 2.0 ** (op.shift - 31)
        offset = 0.0
    spatial = SpatialLayer(_judged(quantized, node.output), patch, op.output_c, op.output_h, op.output_w)
    return Site(index, node.output, node.layer, spatial, reduced.work.macs, kept, step, offset, output.scale)


def _judged(quantized: QuantizedModel, name: str) -> str:
    """The tensor before the ReLU and Clip nodes that end in tensor `name`."""
    graph = quantized.scheme.graph
    while (producer := graph.producers[name]) and getattr(producer.op, "clamp", None) is not None:
        name = str(producer.inputs[0])
    return name


def chosen(sites: Sequence[Site], wanted: Sequence[str]) -> tuple[Site, ...]:
    """The sites named by tensor, by ONNX node, or by their number; all of them where nothing is named.

    Raises:
        DataError: a name is of none.
    """
    if not sites:
        raise UnsupportedError("no zeros to predict: found no convolution that ends in a ReLU; allowed: Conv + Relu, Conv + Add + Relu")
    names: Mapping[str, Site] = {
        name: site for site in sites for name in (site.tensor, site.layer, *site.layer.split("+"), str(site.index))
    }
    unknown = [name for name in wanted if name not in names]
    if unknown:
        listed = ", ".join(f"{site.index} ({site.layer.split('+')[0]})" for site in sites)
        raise DataError(f"--layers {','.join(unknown)}: no convolution with a ReLU has this name; there are {listed}")
    return (
        tuple(sorted({names[name].index: names[name] for name in wanted}.values(), key=lambda site: site.index)) if wanted else tuple(sites)
    )

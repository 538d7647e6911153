"""What a channel contributes on average stays when the channel goes: its mean, through the weights that read it, goes into the bias behind.

J. Ye, X. Lu, Z. Lin, J. Z. Wang, "Rethinking the Smaller-Norm-Less-Informative Assumption in Channel Pruning of Convolution Layers",
ICLR 2018, section 4.2, where the channels that go are constant; here they are taken for their mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

import numpy as np

from edgecomp.compress.channels import Channels, Kept, keep_channels
from edgecomp.compress.job import Samples
from edgecomp.compress.layer_weights import layer, weights
from edgecomp.graph import Array, Graph, Node, Tensor
from edgecomp.ops.conv import Conv
from edgecomp.ops.conv_transpose import ConvTranspose
from edgecomp.ops.gemm import Gemm
from edgecomp.quant.floating import FloatModel

ROWS = 250
"""From which means are taken."""


@dataclass(frozen=True, eq=False)
class Cutter:
    """Takes channels out of a graph; means are those of some rows."""

    found: Channels
    samples: Samples

    @cached_property
    def means(self) -> Mapping[str, Array]:
        """The mean of each channel that a layer reads, by tensor, over rows and all other axes."""
        names = {str(layer(self.found.graph, name).inputs[0]) for group in self.found.groups for name in group.readers}
        ordered = [name for name in self.found.places if name in names]
        total = {name: np.zeros(len(self.found.places[name].labels)) for name in ordered}
        rows = self.samples.first(ROWS).x
        for chunk in FloatModel(self.found.graph, ordered).run(rows):
            for name, values in chunk.items():
                total[name] += _sums(self.found, name, values)
        return {name: value / len(rows) for name, value in total.items()}

    def cut(self, kept: Kept) -> Graph:
        """The graph with what stays (see `channels.keep_channels`).

        Raises:
            DataError: a tensor would have no channel left.
        """
        changed: dict[str, tuple[Node, Tensor]] = {}
        gone = _gone(self.found, kept)
        for name in dict.fromkeys(name for group in self.found.groups if group.name in kept for name in group.readers):
            node = layer(self.found.graph, name)
            source = str(node.inputs[0])
            lost = np.where(gone[self.found.places[source].labels], self.means[source], 0.0)
            if np.any(lost) and isinstance(node.op, (Conv, ConvTranspose, Gemm)):
                changed[name] = _with_bias(self.found.graph, node, contribution(self.found.graph, node, lost))
        graph = self.found.graph.rebuilt(
            [changed[node.name][0] if node.name in changed else node for node in self.found.graph.nodes],
            [tensor for _, tensor in changed.values()],
        )
        return keep_channels(replace(self.found, graph=graph), kept)


def contribution(graph: Graph, node: Node, values: Array) -> Array:
    """What constant inputs, one a channel, add to each output channel of a layer, borders aside: float64 [outputs]."""
    data, op = weights(graph, node).astype(np.float64), node.op
    if isinstance(op, Gemm):
        product: Array = data @ values if op.transB else values @ data
        return product
    taps = data.reshape(*data.shape[:2], -1).sum(2)
    assert isinstance(op, (Conv, ConvTranspose))
    by_group = values.reshape(op.group, -1)
    if isinstance(op, ConvTranspose):  # [I, O / group]; an output meets one tap in every `strides`
        met: Array = np.einsum("gi,gio->go", by_group, taps.reshape(op.group, -1, taps.shape[1])).reshape(-1) / prod(op.strides)
        return met
    result: Array = np.einsum("gi,goi->go", by_group, taps.reshape(op.group, -1, taps.shape[1])).reshape(-1)
    return result


def _gone(found: Channels, kept: Kept) -> Array:
    """Which channels go, bool by number."""
    gone = np.zeros(1 + max(int(place.labels.max()) for place in found.places.values()), bool)
    for name, indices in kept.items():
        group = found.by_name[name]
        stays = group.must_stay.copy()
        stays[indices] = True
        gone[found.numbers[name][~stays]] = True
    return gone


def _with_bias(graph: Graph, node: Node, added: Array) -> tuple[Node, Tensor]:
    """A layer with more bias, in a constant of its own."""
    name = node.inputs[2] if len(node.inputs) > 2 else None
    old = graph.constant(name)
    own = name is not None and graph.sole_consumer(name) is node
    tensor = name if name is not None and own else f"{node.outputs[0]}__bias"
    dtype = graph.tensors[node.outputs[0]].dtype
    data = ((0.0 if old is None else old.astype(np.float64)) + added).astype(dtype)
    return replace(node, inputs=(node.inputs[0], node.inputs[1], tensor)), Tensor(tensor, data.shape, dtype, data)


def _sums(found: Channels, name: str, values: Array) -> Array:
    """The sum over rows of each channel's mean; values [n, *sample shape]."""
    shape = found.graph.tensors[name].shape
    whole = values.reshape(len(values), *shape).astype(np.float64)
    axis = 1 + found.places[name].axis
    others = tuple(at for at in range(1, whole.ndim) if at != axis)
    result: Array = whole.mean(axis=others).sum(axis=0)
    return result

"""Bias correction for zero prediction: what is predicted to be zero would have been zero or more, so means fall; biases take that back.

For each place in order, the mean of every channel is measured on the calibration samples with the predictions before it, all earlier
corrections in place, and the difference from the dense network is added (the correction of Nagel et al., "Data-free quantization through
weight equalization and bias correction", 2019, section 4.2, with another cause). In the quantized file it is a change of the bias.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgecomp.graph import Array, Graph, Node
from edgecomp.ops.base import Operator
from edgecomp.ops.conv import Conv
from edgecomp.ops.gemm import Gemm
from edgecomp.pipeline import QuantizedModel
from edgecomp.skip.evaluator import Rows, Trial, advance, batch_rows, network_of
from edgecomp.skip.evaluator import memory as states_in_memory
from edgecomp.skip.segments import NetworkSource, SegmentedNetwork, State
from edgecomp.skip.sites import Choice, Site


@dataclass(frozen=True, eq=False)
class DenseMeans:
    """Mean of each channel in the dense network, [channels] a site and of the head."""

    sites: tuple[Array, ...]
    head: Array | None


def dense_means(source: NetworkSource, rows: Rows) -> DenseMeans:
    """Means on the calibration samples."""
    walk = _Walk(network_of(source), source, rows)
    trial = Trial.plain([None] * len(source.layers))
    found = []
    for layer in range(len(source.layers)):
        found.append(walk.means(source.layers[layer].tensor))
        walk.advance(trial, layer)
    return DenseMeans(tuple(found), walk.means(source.head[0]) if source.head else None)


def correct(
    source: NetworkSource, rows: Rows, choices: Sequence[Choice | None], dense: DenseMeans, correctable: Sequence[Array | None]
) -> Trial:
    """The choices with their corrections. `correctable` [channels] bool a site says which biases may change; None where none may."""
    walk = _Walk(network_of(source), source, rows)
    count = len(choices)
    first = next((index for index, choice in enumerate(choices) if choice is not None), count)
    shifts: list[Array | None] = [None] * count
    trial = Trial(tuple(choices), tuple(shifts))
    for layer in range(count):
        may = correctable[layer]
        if layer > first and may is not None:
            shifts[layer] = np.where(may, dense.sites[layer] - walk.means(source.layers[layer].tensor), 0).astype(np.float32)
            trial = Trial(tuple(choices), tuple(shifts))
        walk.advance(trial, layer)
    if source.head is None or dense.head is None or first == count:
        return trial
    return replace(trial, head_shift=(dense.head - walk.means(source.head[0])).astype(np.float32))


def site_values(source: NetworkSource, rows: Rows, trial: Trial, indices: Sequence[int]) -> Iterator[tuple[int, Array]]:
    """(position, values before the ReLU [samples, channels, height, width], corrected) of some sites with the predictions before them."""
    walk = _Walk(network_of(source), source, rows)
    for layer in range(max(indices, default=-1) + 1):
        if layer in indices:
            values = np.concatenate([state[source.layers[layer].tensor] for state in walk.states])
            shift = trial.shifts[layer]
            yield layer, values if shift is None else values + shift[:, None, None]
        walk.advance(trial, layer)


class _Walk:
    """All calibration samples on their way through the network, layer by layer."""

    def __init__(self, network: SegmentedNetwork, source: NetworkSource, rows: Rows) -> None:
        self.network = network
        self.origin = (source.digest, rows.name, "walk")
        size = batch_rows(network)
        self.batches = [rows.samples[start : start + size] for start in range(0, len(rows.samples), size)]
        self.states = [self._kept((index,), lambda batch=batch: network.start(batch)) for index, batch in enumerate(self.batches)]

    def _kept(self, name: tuple[object, ...], compute: object) -> State:
        key = (self.origin, name)
        state = states_in_memory.get(key)
        if state is None:
            state = compute()  # type: ignore[operator]
            states_in_memory.put(key, state)
        return state

    def advance(self, trial: Trial, layer: int) -> None:
        """Pass one Spatial layer; states of the dense network stay in memory."""
        dense = all(choice is None for choice in trial.choices[: layer + 1])
        for index, state in enumerate(self.states):
            if dense:
                self.states[index] = self._kept((index, layer), lambda state=state: advance(self.network, state, trial, layer))
            else:
                self.states[index] = advance(self.network, state, trial, layer)

    def means(self, tensor: str) -> Array:
        """Of each channel of a tensor of the states."""
        axes = tuple(axis for axis in range(self.states[0][tensor].ndim) if axis != 1)
        sums = sum(state[tensor].sum(axes, dtype=np.float64) for state in self.states)
        count = sum(state[tensor].size // state[tensor].shape[1] for state in self.states)
        result: Array = np.asarray(sums / count, np.float32)
        return result


def bias_of(graph: Graph, tensor: str, integers: Mapping[str, Array], outputs: int) -> str | None:
    """The bias that moves `tensor` along its channels: that of the convolution or Gemm which computes it, or of one added to it."""
    node = graph.producers.get(tensor)
    if node is None:
        return None
    if isinstance(node.op, (Conv, Gemm)):
        name = node.inputs[2] if len(node.inputs) > 2 else None
        fits = name is not None and name in integers and integers[name].shape == (outputs,) and len(graph.consumers[name]) == 1
        return name if fits else None
    if type(node.op).__name__ != "Add":
        return None
    for name in reversed(node.inputs):
        if name is not None and isinstance(getattr(graph.producers.get(name), "op", None), Conv) and graph.sole_consumer(name) is node:
            return bias_of(graph, name, integers, outputs)
    return None


def in_file(quantized: QuantizedModel, tensor: str) -> str:
    """The name that a tensor of the scheme has before its QuantizeLinear in the QDQ file."""
    is_output = tensor in quantized.scheme.graph.outputs and tensor in quantized.scheme.quants
    return f"{tensor}_float" if is_output else tensor


def head_of(quantized: QuantizedModel, sites: Sequence[Site]) -> tuple[str, int] | None:
    """The tensor of the last Gemm, if it is behind all sites and its bias can be corrected, and its channels."""
    graph = quantized.scheme.graph
    order = {name: position for position, node in enumerate(graph.nodes) for name in node.outputs}
    weighted = [node for node in graph.nodes if isinstance(node.op, Operator) and node.op.has_weights]
    last: Node | None = weighted[-1] if weighted else None
    if last is None or not isinstance(last.op, Gemm) or any(order[site.spatial.tensor] > order[last.outputs[0]] for site in sites):
        return None
    name = last.outputs[0]
    channels = graph.tensors[name].shape[-1]
    return (name, channels) if bias_of(graph, name, quantized.scheme.integers, channels) is not None else None


def corrected(quantized: QuantizedModel, sites: Sequence[Site], trial: Trial, head: tuple[str, int] | None) -> QuantizedModel:
    """The quantized network with the corrections of a trial in its biases, rounded to their steps."""
    scheme = quantized.scheme
    integers = dict(scheme.integers)
    moved = [(site.spatial.tensor, site.spatial.channels, shift) for site, shift in zip(sites, trial.shifts, strict=True)]
    if head is not None:
        moved.append((*head, trial.head_shift))
    for tensor, channels, shift in moved:
        if shift is None:
            continue
        bias = bias_of(scheme.graph, tensor, integers, channels)
        assert bias is not None  # only what can be corrected is
        limits = np.iinfo(np.int32)
        changed = integers[bias] + np.rint(shift.astype(np.float64) / scheme.quants[bias].scale.astype(np.float64))
        integers[bias] = np.clip(changed, limits.min, limits.max).astype(np.int32)
    return replace(quantized, scheme=replace(scheme, integers=integers))

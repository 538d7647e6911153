"""A network with Spatial layers, cut before each of them, so that what does not depend on a mask is not computed again.

`SegmentedNetwork` holds one ONNX Runtime session a segment. A `State` is all that later segments read, for some samples; it depends
on the masks of the layers before it only, so trials that agree up to a layer share the state there.

Before each Spatial layer, and behind the `head` that ends in the outputs, a value a channel is added, an input of the graph as well:
a correction of that node's bias.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, helper, numpy_helper

from edgecomp.errors import ModelError
from edgecomp.graph import Array
from edgecomp.ops.quantize_linear import DequantizeLinear
from edgecomp.qgraph import IntArray
from edgecomp.skip.spatial_layer import SpatialLayer, insert_spatial

PROOF_ROWS = 3
State = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class NetworkSource:
    """What a worker needs to build the sessions: a QDQ file, the layers in the order in which the file computes them, and the tensor

    [1, channels] or [1, channels, height, width] behind all layers whose bias is corrected, with its channels, where there is one.
    """

    model: bytes
    layers: tuple[SpatialLayer, ...]
    head: tuple[str, int] | None = None

    @cached_property
    def digest(self) -> str:
        """Identifies the content."""
        return hashlib.sha256(self.model + repr((self.layers, self.head)).encode()).hexdigest()


class SegmentedNetwork:
    """Segment 0 ends at the first layer's tensor, segment i begins with Spatial layer i - 1, the last one ends at the model's outputs."""

    def __init__(self, source: NetworkSource, threads: int = 1) -> None:
        """Build the sessions.

        Raises:
            ModelError: ONNX Runtime refuses the network.
        """
        self.layers = source.layers
        model = ModelProto.FromString(source.model)
        fold_constants(model)
        self.head = source.head[0] if source.head else None
        points = [(layer.tensor, layer.channels) for layer in self.layers]
        for tensor, channels in points + ([source.head] if source.head else []):
            insert_shift(model, tensor, channels)
        shifted = [replace(layer, tensor=f"{layer.tensor}__shifted") for layer in self.layers]
        whole = insert_spatial(model, shifted, false_zeros=False)
        name_batch_axis(whole)
        self.no_shifts = {shift_name(tensor): np.zeros(channels, np.float32) for tensor, channels in points}
        self.no_head_shift = {shift_name(source.head[0]): np.zeros(source.head[1], np.float32)} if source.head else {}
        self.spatial = shifted
        self.input = whole.graph.input[0].name
        self.output = whole.graph.output[0].name
        types = _element_types(whole)
        self.segments = [_Segment(part, whole, types, threads) for part in _parts(whole, self.layers, self.head)]

    @cached_property
    def in_batches(self) -> bool:
        """Whether samples may run together: the network keeps its batch axis. Proved on made samples."""
        shape = self.segments[0].input_shape(self.input)[1:]
        samples = np.random.default_rng(0).standard_normal((PROOF_ROWS, *shape)).astype(np.float32) * 64
        try:
            together = self.run(samples)
        except Exception:  # ONNX Runtime's exceptions share no public base
            return False
        alone = np.concatenate([self.run(samples[row : row + 1]) for row in range(PROOF_ROWS)])
        return together.shape == alone.shape and np.allclose(together, alone, rtol=1e-3, atol=1e-3 + 0.02 * np.abs(alone).max())

    def start(self, samples: Array) -> State:
        """The state before the first Spatial layer. `samples` [N, *input shape], real values."""
        return self.segments[0].run({self.input: samples})

    def step(
        self, state: State, layer: int, masks: IntArray | None, thresholds: Array, shift: Array | None, head_shift: Array | None = None
    ) -> State:
        """The state before layer `layer` + 1, or the outputs; the predicted zeros of `layer` are in it under `zeros(layer)`.

        `masks` None is dense; a shift None adds nothing. `head_shift` is read by the last step.
        """
        spatial, name = self.spatial[layer], shift_name(self.layers[layer].tensor)
        feeds = spatial.dense() if masks is None else spatial.feeds(masks, thresholds)
        feeds[name] = self.no_shifts[name] if shift is None else shift.astype(np.float32)
        if layer + 1 == len(self.layers):
            feeds |= {key: none if head_shift is None else head_shift.astype(np.float32) for key, none in self.no_head_shift.items()}
        return self.segments[layer + 1].run({**state, **feeds})

    def zeros(self, layer: int) -> str:
        """The name of a layer's statistic in a state, float32 [channels, rows, columns]."""
        return self.spatial[layer].zeros

    def run(self, samples: Array) -> Array:
        """The dense model's first output [N, ...]."""
        state = self.start(samples)
        for layer in range(len(self.layers)):
            state = self.step(state, layer, None, np.zeros(0), None)
        return state[self.output]


def shift_name(tensor: str) -> str:
    """The graph input with what is added to each channel of a tensor, float32 [channels]."""
    return f"{tensor}__shift"


def insert_shift(model: ModelProto, tensor: str, channels: int) -> None:
    """Add a graph input to `tensor` along its axis 1; all that read the tensor now read the sum, `<tensor>__shifted`."""
    graph = model.graph
    position, producer = next((index, node) for index, node in enumerate(graph.node) if tensor in node.output)
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name == tensor:
                node.input[index] = f"{tensor}__shifted"
    inputs, before = [shift_name(tensor)], []
    if producer.op_type != "Gemm":
        shape = numpy_helper.from_array(np.array([1, -1, 1, 1], np.int64), f"{tensor}__shift_shape")
        graph.initializer.append(shape)
        before.append(helper.make_node("Reshape", [inputs[0], shape.name], [f"{tensor}__shift_map"]))
        inputs = [f"{tensor}__shift_map"]
    before.append(helper.make_node("Add", [tensor, *inputs], [f"{tensor}__shifted"]))
    following = list(graph.node[position + 1 :])
    del graph.node[position + 1 :]
    graph.node.extend([*before, *following])
    graph.input.append(helper.make_tensor_value_info(shift_name(tensor), 1, [channels]))


@dataclass(frozen=True, eq=False)
class _Part:
    """Nodes, what they read from before them, what they write for later, and what only later nodes read, such as a shortcut."""

    nodes: tuple[NodeProto, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    carried: frozenset[str]


class _Segment:
    """A part as a session of its own."""

    def __init__(self, part: _Part, whole: ModelProto, types: Mapping[str, int], threads: int) -> None:
        import onnxruntime

        self.part = part
        read = {name for node in part.nodes for name in node.input}
        known = {value.name: value for value in (*whole.graph.input, *whole.graph.output)}

        def described(names: Sequence[str]) -> list[Any]:
            return [known.get(name) or helper.make_tensor_value_info(name, types[name], None) for name in names]

        constants = [constant for constant in whole.graph.initializer if constant.name in read]
        graph = helper.make_graph(list(part.nodes), "segment", described(part.inputs), described(part.outputs), constants)
        model = helper.make_model(graph, opset_imports=list(whole.opset_import), ir_version=whole.ir_version)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        options.add_session_config_entry("session.disable_quant_qdq", "1")  # a fused integer kernel rounds otherwise
        try:
            self.session: Any = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exceptions share no public base
            raise ModelError(f"ONNX Runtime cannot run a part of the network: {str(error).splitlines()[0]}") from error

    def input_shape(self, name: str) -> tuple[Any, ...]:
        """Of an input of the session."""
        return next(tuple(value.shape) for value in self.session.get_inputs() if value.name == name)

    def run(self, values: Mapping[str, Array]) -> State:
        found = self.session.run(list(self.part.outputs), {name: values[name] for name in self.part.inputs})
        carried = {name: values[name] for name in self.part.carried if name in values}
        return {**carried, **dict(zip(self.part.outputs, found, strict=True))}


def _element_types(model: ModelProto) -> Mapping[str, int]:
    """ONNX element type of every tensor."""
    from onnx import shape_inference

    inferred = shape_inference.infer_shapes(model).graph
    return {value.name: value.type.tensor_type.elem_type for value in (*inferred.value_info, *inferred.input, *inferred.output)}


def _parts(model: ModelProto, layers: Sequence[SpatialLayer], head: str | None) -> list[_Part]:
    """The network cut behind the layers' tensors; the last part also gives the head's tensor."""
    nodes = list(model.graph.node)
    written = {name: index for index, node in enumerate(nodes) for name in node.output}
    ends = [written[layer.tensor] + 1 for layer in layers]
    if ends != sorted(set(ends)):
        raise ValueError("layers must come in the order in which the network computes them")
    constants = {constant.name for constant in model.graph.initializer}
    bounds = [0, *ends, len(nodes)]
    last_read: dict[str, int] = {value.name: len(nodes) for value in model.graph.output}
    if head is not None:
        last_read[head] = len(nodes)
    for index, node in enumerate(nodes):
        last_read.update({name: max(index, last_read.get(name, 0)) for name in node.input if name})
    parts = []
    for start, stop in pairwise(bounds):
        read = dict.fromkeys(name for node in nodes[start:stop] for name in node.input if name and name not in constants)
        inputs = tuple(name for name in read if written.get(name, -1) < start)
        outputs = tuple(name for node in nodes[start:stop] for name in node.output if last_read.get(name, -1) >= stop)
        carried = frozenset(name for name, last in last_read.items() if last >= stop and written.get(name, start) < start)
        parts.append(_Part(tuple(nodes[start:stop]), inputs, outputs, carried))
    return parts


def fold_constants(model: ModelProto) -> None:
    """Put dequantized weights in the place of integers and their DequantizeLinear nodes."""
    constants = {constant.name: constant for constant in model.graph.initializer}
    kept = []
    for node in model.graph.node:
        if node.op_type != "DequantizeLinear" or node.input[0] not in constants:
            kept.append(node)
            continue
        axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1)
        values = DequantizeLinear(axis=axis).evaluate(*(numpy_helper.to_array(constants[name]) for name in node.input))[0]
        model.graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), node.output[0]))
    del model.graph.node[:]
    model.graph.node.extend(kept)


def name_batch_axis(model: ModelProto) -> None:
    """Let the leading axis of one sample be of any length, where nodes do not fix it in another way than by a Reshape."""
    graph = model.graph
    statistics = {value.name for value in graph.output[1:]}
    for value in [graph.input[0], *(value for value in graph.output if value.name not in statistics)]:
        shape = value.type.tensor_type.shape
        if shape.dim and shape.dim[0].dim_value == 1:
            shape.dim[0].dim_param = "samples"
    made = ("__spatial_", "__shift_")
    targets = {node.input[1] for node in graph.node if node.op_type == "Reshape" and not any(part in node.output[0] for part in made)}
    for constant in graph.initializer:
        values = numpy_helper.to_array(constant)
        if constant.name in targets and values.size > 1 and values[0] == 1:
            constant.CopyFrom(numpy_helper.from_array(np.concatenate([np.zeros(1, values.dtype), values[1:]]), constant.name))
    del graph.value_info[:]

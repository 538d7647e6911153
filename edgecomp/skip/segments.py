"""A network with Spatial layers, cut behind each of them, so that what does not depend on a mask is not computed again.

`SegmentedNetwork` holds one ONNX Runtime session a segment. A `State` is all that later segments read, for some samples; it depends
on the masks of the layers before it only, so trials that agree up to a layer share the state there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, helper, numpy_helper

from edgecomp.errors import ModelError
from edgecomp.graph import Array
from edgecomp.ops.quantize_linear import DequantizeLinear
from edgecomp.skip.spatial_layer import SpatialLayer, insert_spatial

PROOF_ROWS = 3
State = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class NetworkSource:
    """What a worker needs to build the sessions: a QDQ file and the layers, in the order in which the file computes them."""

    model: bytes
    layers: tuple[SpatialLayer, ...]

    @cached_property
    def digest(self) -> str:
        """Identifies the content."""
        return hashlib.sha256(self.model + repr(self.layers).encode()).hexdigest()


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
        whole = insert_spatial(model, self.layers, false_zeros=False)
        name_batch_axis(whole)
        self.input = whole.graph.input[0].name
        self.output = whole.graph.output[0].name
        types = _element_types(whole)
        self.segments = [_Segment(part, whole, types, threads) for part in _parts(whole, self.layers)]

    @cached_property
    def in_batches(self) -> bool:
        """Whether samples may run together: the network keeps its batch axis. Proved on made samples."""
        shape = self.segments[0].input_shape(self.input)[1:]
        samples = np.random.default_rng(0).standard_normal((PROOF_ROWS, *shape)).astype(np.float32) * 64
        feeds = [layer.dense() for layer in self.layers]
        try:
            together = self.run(samples, feeds)
        except Exception:  # ONNX Runtime's exceptions share no public base
            return False
        alone = np.concatenate([self.run(samples[row : row + 1], feeds) for row in range(PROOF_ROWS)])
        return together.shape == alone.shape and np.allclose(together, alone, rtol=1e-3, atol=1e-3 + 0.02 * np.abs(alone).max())

    def start(self, samples: Array) -> State:
        """The state before the first Spatial layer. `samples` [N, *input shape], real values."""
        return self.segments[0].run({self.input: samples})

    def step(self, state: State, layer: int, feeds: Mapping[str, Array]) -> State:
        """The state before layer `layer` + 1, or the outputs; the predicted zeros of `layer` are in it under its name `zeros`."""
        return self.segments[layer + 1].run({**state, **feeds})

    def run(self, samples: Array, feeds: Sequence[Mapping[str, Array]]) -> Array:
        """The model's first output [N, ...] with masks and thresholds `feeds`, one mapping a layer."""
        state = self.start(samples)
        for layer, values in enumerate(feeds):
            state = self.step(state, layer, values)
        return state[self.output]


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
        graph = helper.make_graph(
            list(part.nodes),
            "segment",
            *([known.get(name) or helper.make_tensor_value_info(name, types[name], None) for name in names] for names in (part.inputs, part.outputs)),
            [constant for constant in whole.graph.initializer if constant.name in read],
        )
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


def _parts(model: ModelProto, layers: Sequence[SpatialLayer]) -> list[_Part]:
    """The network cut behind the layers' tensors."""
    nodes = list(model.graph.node)
    written = {name: index for index, node in enumerate(nodes) for name in node.output}
    ends = [written[layer.tensor] + 1 for layer in layers]
    if ends != sorted(set(ends)):
        raise ValueError("layers must come in the order in which the network computes them")
    constants = {constant.name for constant in model.graph.initializer}
    bounds = [0, *ends, len(nodes)]
    last_read: dict[str, int] = {value.name: len(nodes) for value in model.graph.output}
    for index, node in enumerate(nodes):
        last_read.update({name: max(index, last_read.get(name, 0)) for name in node.input if name})
    parts = []
    for start, stop in zip(bounds, bounds[1:], strict=False):
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
    targets = {node.input[1] for node in graph.node if node.op_type == "Reshape" and "__spatial_" not in node.output[0]}
    for constant in graph.initializer:
        values = numpy_helper.to_array(constant)
        if constant.name in targets and values.size > 1 and values[0] == 1:
            constant.CopyFrom(numpy_helper.from_array(np.concatenate([np.zeros(1, values.dtype), values[1:]]), constant.name))
    del graph.value_info[:]

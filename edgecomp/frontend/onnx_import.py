"""From ONNX to `Graph`: one walk over the nodes of a model with static shapes.

Names are kept, constants are computed, shapes and axes become fields of the operators. QuantizeLinear and DequantizeLinear stay
where they are, also on constants, since they say how the model is quantized.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from edgecomp.errors import EdgecompError, ModelError, UnsupportedError
from edgecomp.frontend.model_file import read_model
from edgecomp.frontend.rewrites import CONTROL_FLOW, rewrite_for
from edgecomp.frontend.slimming import fold_unknown_constants
from edgecomp.frontend.static_shapes import fix_input_shapes, infer_shapes, with_batch_of_one
from edgecomp.graph import Array, Graph, Node, Shape, Tensor
from edgecomp.ops import OPERATORS
from edgecomp.ops.base import OnnxNode
from edgecomp.ops.element_types import is_floating
from edgecomp.ops.quantize_linear import DequantizeLinear, QuantizeLinear
from edgecomp.ops.split import Split

ONNX_DOMAINS = ("", "ai.onnx")
MICROSOFT_OPERATORS = ("QuantizeLinear", "DequantizeLinear", "Gelu")
"""Operators that ONNX Runtime's tools write in domain com.microsoft with ONNX's meaning."""

OLDEST_OPSET = 7
USUAL_OPSET = 17
MAX_PROBLEMS = 5
MALFORMED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What reading or sampling a node raises whose attributes or inputs are not what ONNX says they are."""

EMPTY: Mapping[str, Shape] = {}


def load_graph(path: str | Path, shapes: Mapping[str, Shape] = EMPTY) -> Graph:
    """The network in an ONNX file.

    Args:
        shapes: shapes of inputs whose dimensions the file leaves open, by input name.

    Raises:
        ModelError: the file cannot be read, a dimension is unknown, or a weight is not finite.
        UnsupportedError: operators that edgecomp does not have; all are named, up to `MAX_PROBLEMS`.
    """
    path = Path(path)
    graph = from_model(read_model(path), path.stem, shapes)
    if not graph.inputs or not graph.outputs:
        raise ModelError(f"{path}: has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; allowed: at least one of each")
    return graph


def from_model(model: ModelProto, name: str, shapes: Mapping[str, Shape] = EMPTY, keep_batch: bool = False) -> Graph:
    """The network of an ONNX model in memory; the model itself is not changed.

    Args:
        name: the network's name, used in messages and generated code.
        shapes: shapes of inputs whose dimensions the model leaves open, by input name.
        keep_batch: keep a fixed batch greater than 1; by default it becomes 1.

    Raises:
        ModelError, UnsupportedError: as `load_graph`.
    """
    _refuse_broken_text(model, name)
    model = _modern(model, name)
    _drop_initializer_inputs(model.graph)
    _refuse_foreign(model, name)
    fix_input_shapes(model, name, shapes)
    if not keep_batch and not shapes:
        model = with_batch_of_one(model, name)
    if any(node.op_type not in OPERATORS for node in model.graph.node):
        model = fold_unknown_constants(infer_shapes(model, name))
    _refuse_unknown(model.graph, name)
    return _Walk(infer_shapes(model, name), name).graph()


def _refuse_broken_text(model: ModelProto, name: str) -> None:
    """Raise for names that are no UTF-8, which protobuf hands out as bytes."""
    graph = model.graph
    named = [item.name for items in (graph.input, graph.output, graph.value_info, graph.initializer) for item in items]
    noted = [text for entry in model.metadata_props for text in (entry.key, entry.value)]
    if not all(isinstance(text, str) for text in (*named, *noted)):
        raise ModelError(f"{name}: a name is no UTF-8; the file is damaged: export or copy it again")
    for index, node in enumerate(model.graph.node):
        if not all(isinstance(text, str) for text in (node.op_type, node.name, node.domain, *node.input, *node.output)):
            raise ModelError(f"{name}: node {index} holds text that is no UTF-8; the file is damaged: export or copy it again")


def _modern(model: ModelProto, name: str) -> ModelProto:
    """A copy without local functions.

    Raises:
        ModelError: the opset is too old. ONNX's own converter is no help there: it aligns broadcast operands wrongly.
    """
    if _opset(model) < OLDEST_OPSET:
        raise ModelError(
            f"{name}: found opset {_opset(model)}; allowed: {OLDEST_OPSET} and later; export the model with opset {USUAL_OPSET}"
        )
    if model.functions:
        from onnx import inliner

        return inliner.inline_local_functions(model)
    copy = ModelProto()
    copy.CopyFrom(model)
    return copy


def _opset(model: ModelProto) -> int:
    """Version of the default operator set."""
    return max((entry.version for entry in model.opset_import if entry.domain in ONNX_DOMAINS), default=USUAL_OPSET)


def _drop_initializer_inputs(graph: GraphProto) -> None:
    """Old files list weights among the inputs; a weight is no input."""
    weights = {tensor.name for tensor in graph.initializer}
    for value in [value for value in graph.input if value.name in weights]:
        graph.input.remove(value)


def _refuse_foreign(model: ModelProto, name: str) -> None:
    """Raise for operators of other domains and for nodes that hold graphs."""
    problems = []
    for index, node in enumerate(model.graph.node):
        label = f"node {node.name or f'{node.op_type}_{index}'!r} ({node.op_type})"
        if any(attribute.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS) for attribute in node.attribute):
            problems.append(f"{label}: found a graph inside the node; allowed: one flat graph; rewrite: {CONTROL_FLOW}")
        elif node.domain not in ONNX_DOMAINS and not (node.domain == "com.microsoft" and node.op_type in MICROSOFT_OPERATORS):
            problems.append(
                f"{label}: found domain {node.domain!r}; allowed: operators of ONNX itself; rewrite: {rewrite_for(node.op_type)}"
            )
    _raise_problems(name, problems)


def _refuse_unknown(graph: GraphProto, name: str) -> None:
    """Raise for operators that are not in the registry."""
    _raise_problems(
        name,
        [
            f"node {node.name or f'{node.op_type}_{index}'!r} ({node.op_type}): found operator {node.op_type}; "
            f"allowed: the operators that `edgecomp ops` lists; rewrite: {rewrite_for(node.op_type)}"
            for index, node in enumerate(graph.node)
            if node.op_type not in OPERATORS
        ],
    )


def _raise_problems(name: str, problems: list[str]) -> None:
    if not problems:
        return
    shown = problems[:MAX_PROBLEMS]
    if len(problems) > MAX_PROBLEMS:
        shown.append(f"and {len(problems) - MAX_PROBLEMS} more")
    raise UnsupportedError(f"{name}: " + "\n  ".join(shown))


class _Walk:
    """The network while it is being read."""

    def __init__(self, model: ModelProto, name: str) -> None:
        self.model = model
        self.name = name
        self.opset = _opset(model)
        self.tensors: dict[str, Tensor] = {}
        self.nodes: list[Node] = []
        self.problems: list[str] = []
        self.names: set[str] = set()
        self.inferred = {value.name: value for value in (*model.graph.value_info, *model.graph.output)}
        self.read = {name for node in model.graph.node for name in node.input} | {value.name for value in model.graph.output}

    def graph(self) -> Graph:
        """The finished network."""
        source = self.model.graph
        for value in source.input:
            tensor = value.type.tensor_type
            shape = tuple(dim.dim_value for dim in tensor.shape.dim)
            self.tensors[value.name] = Tensor(value.name, shape, _element_type(tensor.elem_type))
        for initializer in source.initializer:
            self._add_constant(initializer.name, _to_array(initializer, self.name))
        for index, node in enumerate(source.node):
            self._add_node(node, index)
        _raise_problems(self.name, self.problems)
        metadata = {entry.key: entry.value for entry in self.model.metadata_props}
        inputs, outputs = (tuple(value.name for value in values) for values in (source.input, source.output))
        unwritten = [output for output in outputs if output not in self.tensors]
        if unwritten:
            raise ModelError(f"{self.name}: outputs {unwritten} are written by no node; correct the model")
        graph = Graph(self.name, self.tensors, tuple(self.nodes), inputs, outputs, metadata).rebuilt(self.nodes)
        _refuse_infinite(graph)
        return graph

    def _add_constant(self, name: str, value: Array) -> None:
        value = value.astype(np.float32) if is_floating(value.dtype) else value
        self.tensors[name] = Tensor(name, value.shape, value.dtype.name, value)

    def _add_node(self, proto: NodeProto, index: int) -> None:
        """Read one node; compute it if all it reads is constant."""
        source = self._describe(proto, index)
        unread = [name for name in source.inputs if name is not None and name not in self.tensors]
        if unread:
            if not self.problems:
                raise ModelError(
                    f"{self.name}: node {source.name!r} reads {unread[0]!r}, which nothing before it writes; correct the model"
                )
            return
        try:
            op, inputs = OPERATORS[source.op_type].from_onnx(source)
            self._place(source, Node(source.name, op, inputs, source.outputs))
        except UnsupportedError as error:
            self.problems.append(str(error))
            self._declare(source, {})
        except EdgecompError as error:
            raise ModelError(f"{self.name}: {error}") from error
        except MALFORMED as error:
            raise ModelError(f"{self.name}: node {source.name!r} ({source.op_type}) is malformed ({error!r}); check the model") from error

    def _place(self, source: OnnxNode, node: Node) -> None:
        """Append a node, or its results where all it reads is constant."""
        if not isinstance(node.op, (QuantizeLinear, DequantizeLinear)) and all(
            self._value(name) is not None for name in node.inputs if name
        ):
            results = node.op.evaluate(*(self._value(name) for name in node.inputs))
            for name, value in zip(node.outputs, results, strict=False):
                self._add_constant(name, value)
            return
        self._declare(source, {} if self._shaped(source) else self._sample(node))
        self.nodes.append(node)

    def _describe(self, proto: NodeProto, index: int) -> OnnxNode:
        inputs = tuple(name or None for name in proto.input)
        outputs = list(proto.output)
        while len(outputs) > 1 and outputs[-1] not in self.read and OPERATORS[proto.op_type] is not Split:
            outputs.pop()
        return OnnxNode(
            name=self._unique_name(proto, index),
            op_type=proto.op_type,
            opset=self.opset,
            inputs=inputs,
            outputs=tuple(outputs),
            attributes=self._attributes(proto),
            shapes={name: self.tensors[name].shape for name in inputs if name in self.tensors},
            constants={name: value for name in inputs if name and (value := self._value(name)) is not None},
        )

    def _attributes(self, proto: NodeProto) -> dict[str, Any]:
        try:
            return {attribute.name: helper.get_attribute_value(attribute) for attribute in proto.attribute}
        except ValueError as error:
            raise ModelError(f"{self.name}: node {proto.name!r} ({proto.op_type}) has an attribute that cannot be read: {error}") from error

    def _unique_name(self, proto: NodeProto, index: int) -> str:
        wished = proto.name or f"{proto.op_type}_{index}"
        name = next(name for n in count() if (name := f"{wished}_{n}" if n else wished) not in self.names)
        self.names.add(name)
        return name

    def _value(self, name: str | None) -> Array | None:
        return self.tensors[name].data if name in self.tensors else None

    def _shaped(self, source: OnnxNode) -> bool:
        """Whether ONNX inferred the static shapes of all outputs."""
        return all(
            name in self.inferred
            and self.inferred[name].type.tensor_type.HasField("shape")
            and all(dim.dim_value > 0 for dim in self.inferred[name].type.tensor_type.shape.dim)
            for name in source.outputs
        )

    def _sample(self, node: Node) -> Mapping[str, Array]:
        """Outputs computed from zeros, for their shapes, where ONNX cannot infer them."""
        feeds = [None if name is None else self._zeros(self.tensors[name]) for name in node.inputs]
        with np.errstate(all="ignore"):
            return dict(zip(node.outputs, node.op.evaluate(*feeds), strict=False))

    def _zeros(self, tensor: Tensor) -> Array:
        return np.zeros(tensor.shape, tensor.dtype) if tensor.data is None else tensor.data

    def _declare(self, source: OnnxNode, sampled: Mapping[str, Array]) -> None:
        """Declare the node's outputs with the shapes that ONNX inferred, or that a sample has."""
        for name in source.outputs:
            if name in sampled:
                self.tensors[name] = Tensor(name, sampled[name].shape, sampled[name].dtype.name)
            elif name in self.inferred:
                tensor = self.inferred[name].type.tensor_type
                self.tensors[name] = Tensor(name, tuple(dim.dim_value for dim in tensor.shape.dim), _element_type(tensor.elem_type))


def _element_type(element_type: int) -> str:
    """numpy's name of an ONNX element type; all floating types are float32 here."""
    try:
        dtype = helper.tensor_dtype_to_np_dtype(element_type or TensorProto.FLOAT)
    except KeyError:
        raise ModelError(f"element type {element_type} is none that ONNX has; the file is damaged: export or copy it again") from None
    return "float32" if is_floating(dtype) else dtype.name


def _to_array(tensor: TensorProto, name: str) -> Array:
    try:
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as error:  # KeyError: a type that ONNX does not have
        raise ModelError(f"{name}: tensor {tensor.name!r} cannot be read ({error}); export the model again") from error


def _refuse_infinite(graph: Graph) -> None:
    """Raise for weights that are NaN or infinite."""
    for tensor in graph.tensors.values():
        if tensor.data is None or not np.issubdtype(tensor.data.dtype, np.floating):
            continue
        wrong = np.argwhere(~np.isfinite(tensor.data))
        if len(wrong):
            place, value = tuple(int(i) for i in wrong[0]), tensor.data[tuple(wrong[0])]
            readers = ", ".join(repr(node.name) for node in graph.consumers.get(tensor.name, ()))
            raise ModelError(
                f"{graph.name}: tensor {tensor.name!r} (read by {readers or 'no node'}) holds {len(wrong)} values that are not finite, "
                f"the first {value} at {list(place)}; allowed: finite weights; train or export the model again"
            )

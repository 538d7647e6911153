"""From `Graph` to ONNX: opset 17, names and metadata kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, ValueInfoProto, helper, numpy_helper

from edgecomp.frontend.older_opset import without_newer_operators
from edgecomp.graph import Array, Graph, Node, Tensor
from edgecomp.ops.base import Operator
from edgecomp.ops.quantize_linear import DequantizeLinear, QuantizeLinear

OPSET = 17
IR_VERSION = 8
MICROSOFT_DOMAIN = "com.microsoft"
WIDE_TYPES = ("int16", "uint16")
"""Types that QuantizeLinear takes in opset 21 and later, or in ONNX Runtime's own domain."""


def to_model(graph: Graph, all_outputs: bool = False) -> ModelProto:
    """The network as ONNX. Reading it back gives the same function.

    Args:
        all_outputs: make the output of every node an output of the model, after the model's own, in the order of the nodes.
    """
    wanted = list(graph.outputs)
    if all_outputs:
        wanted += [name for node in graph.nodes for name in node.outputs if name not in graph.outputs]
    graph = without_newer_operators(graph)
    initializers = {name: tensor.data for name, tensor in graph.tensors.items() if tensor.data is not None}
    nodes = [_node(graph, node, initializers) for node in graph.nodes]
    proto = helper.make_graph(
        nodes,
        graph.name,
        [_value_info(graph.tensors[name]) for name in graph.inputs],
        [_value_info(graph.tensors[name]) for name in wanted],
        [numpy_helper.from_array(np.asarray(value, order="C"), name) for name, value in initializers.items()],
    )
    domains = {"": OPSET} | ({MICROSOFT_DOMAIN: 1} if any(node.domain for node in nodes) else {})
    opsets = [helper.make_opsetid(domain, version) for domain, version in domains.items()]
    model = helper.make_model(proto, opset_imports=opsets, ir_version=IR_VERSION, producer_name="edgecomp")
    helper.set_model_props(model, dict(graph.metadata))
    return model


def _node(graph: Graph, node: Node, initializers: dict[str, Array]) -> NodeProto:
    """One node; its fields that are inputs in ONNX are added to `initializers`."""
    op = node.op
    if not isinstance(op, Operator):
        raise TypeError(f"node {node.name!r}: {node.kind} is no ONNX operator")
    call = op.to_onnx()
    inputs = [name or "" for name in node.inputs]
    for index, value in enumerate(call.constants):
        name = "" if value is None else next(_free_names(f"{node.outputs[0]}__{call.op_type.lower()}_{index}", graph, initializers))
        if value is not None:
            initializers[name] = value
        inputs.append(name)
    while inputs and not inputs[-1]:
        inputs.pop()
    domain = MICROSOFT_DOMAIN if _is_wide(graph, node) else ""
    return helper.make_node(call.op_type, inputs, list(node.outputs), name=node.name, domain=domain or None, **_attributes(call.attributes))


def _attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as onnx.helper takes them: an empty sequence has no type and is left out."""
    return {name: value for name, value in attributes.items() if not (isinstance(value, Sequence) and not value)}


def _free_names(stem: str, graph: Graph, taken: dict[str, Array]) -> Iterator[str]:
    """Names that no tensor has, beginning with the stem."""
    suffix = 0
    while True:
        name = f"{stem}_{suffix}" if suffix else stem
        if name not in graph.tensors and name not in taken:
            yield name
        suffix += 1


def _is_wide(graph: Graph, node: Node) -> bool:
    if isinstance(node.op, QuantizeLinear):
        return node.op.dtype in WIDE_TYPES
    name = node.inputs[0]
    return isinstance(node.op, DequantizeLinear) and name is not None and graph.tensors[name].dtype in WIDE_TYPES


def _value_info(tensor: Tensor) -> ValueInfoProto:
    return helper.make_tensor_value_info(tensor.name, helper.np_dtype_to_tensor_dtype(np.dtype(tensor.dtype)), tensor.shape)

"""The shapes of pools with ceil_mode, which ONNX infers wrongly before opset 22.

A window that would start in the padding at the end is left out: opset 22 says so, and ONNX Runtime and PyTorch do so in every opset.
For inference alone, such pools are written with explicit padding that gives the right number of windows without ceil_mode.
"""

from __future__ import annotations

from onnx import ModelProto, NodeProto, helper, shape_inference

from edgecomp.graph import Shape
from edgecomp.ops.spatial import extent, output_sizes

POOLS = ("MaxPool", "AveragePool")
RIGHT_SINCE_OPSET = 22


def with_floor_windows(model: ModelProto) -> ModelProto:
    """A model of the same shapes whose pools have no ceil_mode; the model itself where it has none."""
    opset = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=RIGHT_SINCE_OPSET)
    if opset >= RIGHT_SINCE_OPSET or not any(_has_ceil_mode(node) for node in model.graph.node):
        return model
    copy = ModelProto()
    copy.CopyFrom(model)
    del copy.graph.value_info[:]  # a file may hold what was inferred wrongly
    for node in copy.graph.node:
        if not _has_ceil_mode(node):
            continue
        shape = _shape_of(copy, node.input[0])
        if shape:
            _write_padding(node, shape[2:])
    return copy


def _has_ceil_mode(node: NodeProto) -> bool:
    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return node.op_type in POOLS and bool(values.get("ceil_mode")) and values.get("auto_pad", b"NOTSET") == b"NOTSET"


def _shape_of(model: ModelProto, name: str) -> Shape:
    """Static shape of a tensor; empty where it is unknown."""
    inferred = shape_inference.infer_shapes(model, data_prop=True).graph
    for value in (*inferred.value_info, *inferred.input, *inferred.output):
        if value.name == name:
            sizes = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
            return sizes if all(sizes) else ()
    return ()


def _write_padding(node: NodeProto, sizes: Shape) -> None:
    """Replace ceil_mode of one node by padding at the end that makes room for as many windows."""
    rank = len(sizes)
    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    kernel = tuple(values.get("kernel_shape", ()))
    strides, dilations = (tuple(values.get(name, (1,) * rank)) for name in ("strides", "dilations"))
    pads = tuple(values.get("pads", (0,) * (2 * rank)))
    if not len(kernel) == len(strides) == len(dilations) == len(pads) // 2 == rank:
        return
    counts = output_sizes(sizes, kernel, strides, dilations, pads, ceil_mode=True)
    reach = [(counts[a] - 1) * strides[a] + extent(kernel[a], dilations[a]) for a in range(rank)]
    ends = [max(reach[a] - sizes[a] - pads[a], 0) for a in range(rank)]
    kept = [a for a in node.attribute if a.name not in ("ceil_mode", "pads")]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute("pads", [*pads[:rank], *ends])])

"""Static shapes for a model's inputs: dynamic batch becomes 1, everything else must be known."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np
from onnx import ModelProto, ValueInfoProto, helper, numpy_helper, shape_inference

from edgecomp.errors import ModelError
from edgecomp.frontend.ceil_windows import with_floor_windows
from edgecomp.graph import Shape

LARGEST_TENSOR = 1 << 26
"""Elements of a tensor, far beyond any microcontroller: a file that says more is broken."""

BATCH_NOTE = "edgecomp.note.batch"
"""Metadata key: which batch size the file had before it became 1."""


def fix_input_shapes(model: ModelProto, name: str, shapes: Mapping[str, Shape]) -> None:
    """Write static shapes into the model's inputs, in place; drop the declared shapes that follow from them.

    Args:
        name: the model's name, for messages.
        shapes: shapes the user gave, by input; they replace what the file says.

    Raises:
        ModelError: a dimension stays unknown, or a given shape does not fit.
    """
    inputs = {value.name: value for value in model.graph.input}
    for given in shapes:
        if given not in inputs:
            raise ModelError(f"{name}: a shape is given for {given!r}, which is no input; inputs: {', '.join(inputs)}")
    for value in inputs.values():
        if not value.type.HasField("tensor_type"):
            raise ModelError(f"{name}: input {value.name!r} is not a tensor; export the model with tensor inputs")
        _set_shape(value, _given_shape(value, name, shapes[value.name]) if value.name in shapes else _own_shape(value, name))
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    stale = [value for value in model.graph.value_info if not _is_static(value)]
    for value in stale:
        model.graph.value_info.remove(value)


def _given_shape(value: ValueInfoProto, name: str, given: Shape) -> Shape:
    rank = len(value.type.tensor_type.shape.dim)
    if value.type.tensor_type.HasField("shape") and len(given) != rank:
        raise ModelError(f"{name}: input {value.name!r} has {rank} dimensions, the shape given for it has {len(given)}: {list(given)}")
    if any(size <= 0 for size in given):
        raise ModelError(f"{name}: input {value.name!r}: found shape {list(given)}; allowed: sizes of at least 1")
    return given


def _own_shape(value: ValueInfoProto, name: str) -> Shape:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        raise ModelError(f"{name}: input {value.name!r} has no shape; give it with --shape {value.name}=1,3,32,32")
    sizes: list[int] = []
    for axis, dim in enumerate(tensor.shape.dim):
        if dim.dim_value > 0:
            sizes.append(dim.dim_value)
        elif axis == 0:
            sizes.append(1)
        else:
            known = [str(d.dim_value) if d.dim_value > 0 else "1" if i == 0 else "?" for i, d in enumerate(tensor.shape.dim)]
            label = f" ({dim.dim_param})" if dim.dim_param else ""
            raise ModelError(
                f"{name}: input {value.name!r} has a dynamic dimension {axis}{label}; only dimension 0 (the batch) may be dynamic; "
                f"fix it with --shape {value.name}={','.join(known)}, a number for each ?"
            )
    return tuple(sizes)


def _set_shape(value: ValueInfoProto, shape: Shape) -> None:
    value.CopyFrom(helper.make_tensor_value_info(value.name, value.type.tensor_type.elem_type, shape))


def _is_static(value: ValueInfoProto) -> bool:
    return all(dim.dim_value > 0 for dim in value.type.tensor_type.shape.dim)


def infer_shapes(model: ModelProto, name: str) -> ModelProto:
    """The model with the shapes of all tensors that ONNX can infer.

    Raises:
        ModelError: the shapes contradict one another.
    """
    try:
        floor = with_floor_windows(model)
        inferred = shape_inference.infer_shapes(floor, strict_mode=True, data_prop=True)
    except (shape_inference.InferenceError, TypeError, ValueError, RuntimeError, MemoryError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"{name}: its shapes do not fit together: {reason}; correct the model or the --shape given") from error
    if floor is not model:  # the nodes as they came, with the shapes that are right
        del inferred.graph.node[:]
        inferred.graph.node.extend(model.graph.node)
    _refuse_giants(inferred, name)
    return inferred


def _refuse_giants(model: ModelProto, name: str) -> None:
    graph = model.graph
    shapes = {value.name: _shape(value) for value in (*graph.input, *graph.value_info, *graph.output)}
    shapes |= {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for tensor, shape in shapes.items():
        if prod(shape) > LARGEST_TENSOR or min(shape, default=0) < 0:
            raise ModelError(
                f"{name}: tensor {tensor!r} has shape {list(shape)}; allowed: up to {LARGEST_TENSOR:,} elements; check the model"
            )


def with_batch_of_one(model: ModelProto, name: str) -> ModelProto:
    """A model whose inputs and outputs share a fixed batch > 1, with batch 1 instead and a note in its metadata.

    The model comes back unchanged where its inputs and outputs have no common first dimension, or do not follow when it changes.
    """
    batches = {_shape(value)[:1] for value in model.graph.input}
    batch = batches.pop()[0] if len(batches) == 1 and batches != {()} else 1
    if batch <= 1 or any(len(_shape(value)) < 2 for value in model.graph.input):  # the only axis is no batch
        return model
    before = [_shape(value) for value in infer_shapes(model, name).graph.output]
    single = ModelProto()
    single.CopyFrom(model)
    del single.graph.value_info[:]
    for value in single.graph.input:
        _set_shape(value, (1, *_shape(value)[1:]))
    _shrink_reshapes(single, batch)
    try:
        after = [_shape(value) for value in infer_shapes(single, name).graph.output]
    except ModelError:
        return model
    if not all(old[:1] == (batch,) and new == (1, *old[1:]) for old, new in zip(before, after, strict=True)):
        return model
    entry = single.metadata_props.add()
    entry.key, entry.value = BATCH_NOTE, f"batch {batch} of the file became 1"
    return single


def _shape(value: ValueInfoProto) -> Shape:
    return tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)


def _shrink_reshapes(model: ModelProto, batch: int) -> None:
    """Shapes written into Reshape nodes that begin with the batch begin with 1."""
    wanted = {node.input[1] for node in model.graph.node if node.op_type == "Reshape" and len(node.input) > 1}
    tensors = [tensor for tensor in model.graph.initializer if tensor.name in wanted]
    tensors += [
        a.t
        for node in model.graph.node
        if node.op_type == "Constant" and node.output[0] in wanted
        for a in node.attribute
        if a.HasField("t")
    ]
    for tensor in tensors:
        shape = numpy_helper.to_array(tensor)
        if shape.ndim == 1 and shape.size and shape[0] == batch:
            changed = np.concatenate([[1], shape[1:]]).astype(np.int64)
            tensor.CopyFrom(numpy_helper.from_array(changed, tensor.name))

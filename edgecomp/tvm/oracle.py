"""A second opinion on the integer network: rebuilt in TVM's Relax and run on this computer, it must equal the reference bit for bit.

Convolutions, pools and products are TVM's own operators; nothing of the numpy reference is used but the operators' parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from edgecomp.errors import ToolError, UnsupportedError
from edgecomp.qgraph import IntArray, QGraph
from edgecomp.tvm.installation import require_tvm

Progress = Callable[[int, int], None]

PREDICTED = "its predictions depend on sums before they are rescaled"
UNCOVERED: Mapping[str, str] = {
    "conv2d_add_spatial_s8": PREDICTED,
    "conv2d_max_pool_spatial_s8": PREDICTED,
    "conv2d_spatial_s8": PREDICTED,
    "conv2d_early_s8": "its predictions depend on parts of sums",
    "conv2d_perforated_s8": "TVM has no convolution at chosen positions",
}
"""Kernel -> why the oracle has no opinion on it."""

WORTH_OPTIMISING_MACS = 2_000_000_000
"""Work from which TVM's slower compilation pays for itself."""


def rebuilders() -> Mapping[str, Callable[..., Any]]:
    """Kernel -> function of the operator and its inputs' Relax expressions, flat int8, that gives the output's.

    Raises:
        ToolError: TVM is missing.
    """
    require_tvm()
    from edgecomp.tvm import fused, moving, pointwise, sliding

    return {
        "conv2d_s8": sliding.conv2d,
        "conv2d_add_s8": fused.conv2d_add,
        "conv2d_max_pool_s8": fused.conv2d_max_pool,
        "conv2d_zero_input_s8": sliding.conv2d_zero_input,
        "depthwise_conv2d_s8": sliding.depthwise_conv2d,
        "conv_transpose2d_s8": sliding.conv_transpose2d,
        "max_pool2d_s8": sliding.max_pool2d,
        "avg_pool2d_s8": sliding.avg_pool2d,
        "fully_connected_s8": pointwise.fully_connected,
        "matmul_s8": pointwise.matmul,
        "add_s8": pointwise.add,
        "mul_s8": pointwise.mul,
        "lut_s8": pointwise.lut,
        "prelu_s8": pointwise.prelu,
        "softmax_s8": pointwise.softmax,
        "log_softmax_s8": pointwise.log_softmax,
        "copy_s8": moving.copy,
        "concat_s8": moving.concat,
        "resize_nearest_s8": moving.resize_nearest,
        "resize_bilinear_s8": moving.resize_bilinear,
    }


def rebuild(qgraph: QGraph) -> Any:
    """The integer network as a `tvm.IRModule`: `main` takes and gives flat int8 buffers, one a port; several outputs as a tuple.

    Raises:
        ToolError: TVM is missing.
        UnsupportedError: the oracle does not know an operator.
    """
    known = rebuilders()
    from tvm import relax
    from tvm.relax import op

    missing = sorted({node.op.kernel for node in qgraph.nodes} - known.keys())
    if missing:
        raise UnsupportedError(f"{qgraph.name}: TVM's second opinion does not cover {missing}: {[UNCOVERED.get(k, '') for k in missing]}")
    sizes = {name: int(np.prod(tensor.shape)) for name, tensor in qgraph.tensors.items()}
    values = {port.tensor: relax.Var(f"in_{i}", relax.TensorType([sizes[port.tensor]], "int8")) for i, port in enumerate(qgraph.inputs)}
    inputs = list(values.values())
    for name, tensor in qgraph.tensors.items():
        if tensor.data is not None:
            values[name] = relax.const(np.asarray(tensor.data, np.int8).reshape(-1), "int8")
    builder = relax.BlockBuilder()
    with builder.function("main", inputs):
        with builder.dataflow():
            for node in qgraph.nodes:
                result = known[node.op.kernel](node.op, *(values[name] for name in node.inputs))
                values[node.output] = builder.emit(op.reshape(result, [sizes[node.output]]))
            outputs = [values[port.tensor] for port in qgraph.outputs]
            result = builder.emit_output(outputs[0] if len(outputs) == 1 else relax.Tuple(outputs))
        builder.emit_func_output(result)
    return builder.finalize()


def evaluate(qgraph: QGraph, buffers: Sequence[IntArray], progress: Progress | None = None) -> list[IntArray]:
    """Output buffers int8 [N, size], one array a port, for input buffers int8 [N, size], one array a port.

    Raises:
        ToolError: TVM is missing, or fails to compile the network.
        UnsupportedError: the oracle does not know an operator.
    """
    module = rebuild(qgraph)
    import tvm
    from tvm import relax

    level = 3 if qgraph.macs * len(buffers[0]) > WORTH_OPTIMISING_MACS else 0
    try:
        program = relax.build(module, target=tvm.target.Target({"kind": "llvm", "opt-level": level}))
    except Exception as error:  # its passes raise errors of many kinds
        raise ToolError(f"{qgraph.name}: TVM cannot compile the integer network for this computer: {error}") from error
    machine = relax.VirtualMachine(program, tvm.cpu())
    rows = []
    for done, sample in enumerate(zip(*buffers, strict=True), start=1):
        results = machine["main"](*(tvm.runtime.tensor(np.ascontiguousarray(values, np.int8)) for values in sample))
        rows.append([values.numpy() for values in ([results] if len(qgraph.outputs) == 1 else results)])
        if progress:
            progress(done, len(buffers[0]))
    return [np.stack(column) for column in zip(*rows, strict=True)]

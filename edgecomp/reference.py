"""The integer network in numpy: the oracle that every kernel, core and board must equal bit for bit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from edgecomp.qgraph import IntArray, QGraph, QOp

CHUNK_BYTES = 64 << 20  # of live buffers; bounds memory and keeps caches warm
Progress = Callable[[int, int], None]


def evaluate(qgraph: QGraph, inputs: Sequence[IntArray], keep: Callable[[str], bool] | None = None) -> Mapping[str, IntArray]:
    """Run samples through the network. `inputs`: one [N, size] array of buffers a port; returns [N, size] by tensor name.

    Only the outputs are returned, and the tensors for which `keep` holds.
    """
    count = len(inputs[0])
    values: dict[str, IntArray] = {port.tensor: array for port, array in zip(qgraph.inputs, inputs, strict=True)}
    last_use = {name: index for index, node in enumerate(qgraph.nodes) for name in node.inputs}
    wanted = {port.tensor for port in qgraph.outputs}
    for index, node in enumerate(qgraph.nodes):
        arguments = [_argument(qgraph, values, name, count) for name in node.inputs]
        values[node.output] = node.op.evaluate(*arguments).reshape(count, -1)
        for name in node.inputs:
            if last_use[name] == index and name not in wanted and not (keep and keep(name)):
                values.pop(name, None)
    return {name: array for name, array in values.items() if name in wanted or (keep and keep(name))}


def _argument(qgraph: QGraph, values: Mapping[str, IntArray], name: str, count: int) -> IntArray:
    data = qgraph.tensors[name].data
    return values[name] if data is None else np.broadcast_to(data.reshape(1, -1), (count, data.size))


def chunks(qgraph: QGraph, count: int) -> Iterator[slice]:
    """Slices of samples small enough for CHUNK_BYTES of feature maps."""
    per_sample = sum(tensor.bytes for tensor in qgraph.tensors.values() if tensor.data is None) * 12  # widened copies
    size = max(1, min(512, CHUNK_BYTES // max(per_sample, 1)))
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def outputs(qgraph: QGraph, inputs: Sequence[IntArray], progress: Progress | None = None) -> list[IntArray]:
    """Output buffers [N, size], one array a port, computed in chunks on all cores."""
    count = len(inputs[0])
    pieces = list(chunks(qgraph, count))
    parts: list[Mapping[str, IntArray]] = []
    # One thread a chunk and none inside: products are small, and threads that wait for one another cost more than they bring.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        futures = [pool.submit(evaluate, qgraph, [array[piece] for array in inputs]) for piece in pieces]
        try:
            for future, piece in zip(futures, pieces, strict=True):
                parts.append(future.result())
                if progress:
                    progress(piece.stop, count)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [np.concatenate([part[port.tensor] for part in parts]) for port in qgraph.outputs]


def executed_macs(qgraph: QGraph, inputs: Sequence[IntArray]) -> Mapping[str, float]:
    """Products of one inference on average over the samples, by output tensor, for each node; what is predicted or zero is left out."""
    varying = {node.output for node in qgraph.nodes if type(node.op).executed_macs is not QOp.executed_macs}
    needed = {name for node in qgraph.nodes if node.output in varying for name in node.inputs}
    count = len(inputs[0])
    totals = {node.output: 0.0 for node in qgraph.nodes if node.output in varying}
    for piece in chunks(qgraph, count) if varying else ():
        given = [array[piece] for array in inputs]
        values = {port.tensor: array for port, array in zip(qgraph.inputs, given, strict=True)}
        values |= evaluate(qgraph, given, keep=needed.__contains__)
        for node in qgraph.nodes:
            if node.output in varying:
                totals[node.output] += node.op.executed_macs(*(_argument(qgraph, values, name, len(given[0])) for name in node.inputs))
    return {node.output: totals[node.output] / count if node.output in varying else float(node.op.work.macs) for node in qgraph.nodes}

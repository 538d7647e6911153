"""A name for exactly one integer network: equal hashes mean equal bits."""

from __future__ import annotations

import hashlib

import numpy as np

from edgecomp.qgraph import QGraph, parameters


def fingerprint(qgraph: QGraph) -> str:
    """SHA-256, 64 hex digits, over operators, parameters, constants and connections; names do not count."""
    digest = hashlib.sha256()
    numbers: dict[str, int] = {}

    def say(*parts: object) -> None:
        digest.update(("|".join(map(str, parts)) + "\n").encode())

    def number(tensor: str) -> int:
        if tensor not in numbers:
            numbers[tensor] = len(numbers)
            data = qgraph.tensors[tensor].data
            if data is not None:
                digest.update(data.tobytes())
        return numbers[tensor]

    for port in qgraph.inputs:
        say("input", number(port.tensor), port.shape, port.permutation)
    for node in qgraph.nodes:
        say(node.op.kernel, *(number(name) for name in node.inputs), number(node.output))
        for name, ctype in parameters(type(node.op)).items():
            value = getattr(node.op, name)
            say(name, None if value is None else np.shape(value))
            digest.update(b"" if value is None else np.asarray(value, ctype.name.removesuffix("_t")).tobytes())
    for port in qgraph.outputs:
        tensor = qgraph.tensors[port.tensor]
        say("output", number(port.tensor), port.shape, port.permutation, float(tensor.scale).hex(), tensor.zero_point)
    return digest.hexdigest()

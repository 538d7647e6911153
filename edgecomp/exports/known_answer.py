"""One input whose outputs the reference has computed: what an exported example compares its own with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgecomp import reference
from edgecomp.qgraph import IntArray, QGraph

_KNUTH = 2654435761
"""Multiplicative hashing (Knuth, The Art of Computer Programming 3, section 6.4): neighbours get bytes far apart."""


@dataclass(frozen=True, eq=False)
class KnownAnswer:
    """Buffers as they lie in the arena, one flat array an input and an output."""

    inputs: tuple[IntArray, ...]
    outputs: tuple[IntArray, ...]
    source: str
    """Where the input comes from, in words."""


def known_answer(qgraph: QGraph, inputs: Sequence[IntArray] | None = None, source: str = "") -> KnownAnswer:
    """What the network answers to `inputs`, one buffer [size] a port; to made-up ones that touch every value where none are given."""
    if inputs is None:
        inputs, source = [_made_up(qgraph, index) for index in range(len(qgraph.inputs))], "made-up values"
    outputs = reference.outputs(qgraph, [buffer[np.newaxis] for buffer in inputs])
    return KnownAnswer(tuple(inputs), tuple(buffer[0] for buffer in outputs), source)


def _made_up(qgraph: QGraph, index: int) -> IntArray:
    """Bytes -128 to 127 in an order that repeats nothing soon; the same on every machine."""
    tensor = qgraph.tensors[qgraph.inputs[index].tensor]
    dtype = np.dtype(tensor.dtype)
    places = np.arange(tensor.bytes // dtype.itemsize, dtype=np.uint64) + np.uint64(index + 1)
    hashed = (places * np.uint64(_KNUTH) >> np.uint64(24)) & np.uint64(255)
    return (hashed.astype(np.int64) - 128).astype(dtype)

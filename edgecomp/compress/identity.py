"""Hashes that say whether a network or data are the same as before."""

from __future__ import annotations

import hashlib

import numpy as np

from edgecomp.compress.job import Samples
from edgecomp.frontend.onnx_export import to_model
from edgecomp.graph import Graph


def digest(graph: Graph) -> str:
    """A hash of a network."""
    return hashlib.sha256(to_model(graph).SerializeToString(deterministic=True)).hexdigest()


def data_digest(samples: Samples) -> str:
    """A hash of rows and classes."""
    found = hashlib.sha256(np.ascontiguousarray(samples.x).data)
    if samples.y is not None:
        found.update(np.ascontiguousarray(samples.y).data)
    return found.hexdigest()

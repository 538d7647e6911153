"""A report of a run, as `edgecomp run --json` writes it, to be changed by tests."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgecomp
from edgecomp.data.samples import Preprocessing

Report = dict[str, Any]
Write = Callable[..., Path]


@pytest.fixture(scope="session")
def host_report(digits_onnx: Path) -> Report:
    """Of the digit classifier on the host, with counts as a board in QEMU would give them."""
    x = np.random.default_rng(0).integers(0, 17, (20, 8, 8, 1)).astype(np.uint8)
    quantized = edgecomp.load(digits_onnx).quantize(x, preprocessing=Preprocessing("nhwc", (0.0,), (16.0,)), method="min-max")
    document = json.loads(json.dumps(quantized.run("host", x, np.zeros(20, int)).to_json()))
    document["memory"]["stack_bytes"] = 600
    document["per_inference"]["instructions"] = 200_000
    for layer in document["layers"]:
        layer["instructions"] = 1000 * (layer["index"] + 1)
    document["accuracy"]["target"] = 0.95
    return document


@pytest.fixture
def report(host_report: Report) -> Report:
    return copy.deepcopy(host_report)


@pytest.fixture
def write(tmp_path: Path, report: Report) -> Write:
    """Writes the report under a name; keyword arguments change values, `__` between the keys of their path."""

    def to_file(name: str, **changes: Any) -> Path:
        document = copy.deepcopy(report)
        for path, value in changes.items():
            *parents, key = path.split("__")
            inner: Any = document
            for part in parents:
                inner = inner[int(part)] if isinstance(inner, list) else inner[part]
            if value is KeyError:
                del inner[key]
            else:
                inner[key] = value
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document))
        return file

    return to_file

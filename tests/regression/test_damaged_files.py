"""Files with damaged bytes are taken or refused with an error of ours, never with a traceback."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edgecomp
from edgecomp.data.samples import load_samples
from edgecomp.errors import DataError, EdgecompError
from tests.golden.tiny import SIZE, tiny_model

Damage = list[tuple[str, float, bytes]]


def damages() -> st.SearchStrategy[Damage]:
    """A few bytes replaced, put in, or taken out, at places given as shares of the file."""
    kind = st.sampled_from(["replace", "replace", "insert", "remove"])
    return st.lists(st.tuples(kind, st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)), min_size=1, max_size=5)


def damaged(content: bytes, damage: Damage) -> bytes:
    changed = bytearray(content)
    for kind, share, some in damage:
        at = int(share * len(changed))
        changed[at : at + (0 if kind == "insert" else len(some))] = b"" if kind == "remove" else some
    return bytes(changed)


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, (20, 1, SIZE, SIZE)).astype(np.float32)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, x: np.ndarray) -> dict[str, bytes]:
    """A float model and the same as QDQ."""
    path = tmp_path_factory.mktemp("models") / "float.onnx"
    onnx.save(tiny_model(), path)
    return {"float": path.read_bytes(), "qdq": edgecomp.load(path).quantize(x, method="min-max").to_onnx()}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", ["float", "qdq"])
@settings(max_examples=250)
@given(damage=damages())
def test_a_damaged_model(models: dict[str, bytes], x: np.ndarray, tmp_path: Path, form: str, damage: Damage) -> None:
    path = tmp_path / "damaged.onnx"
    path.write_bytes(damaged(models[form], damage))
    try:
        qgraph = edgecomp.load(path).quantize(x, method="min-max").qgraph
    except EdgecompError:
        return
    assert qgraph.verify() is qgraph


@settings(max_examples=250)
@given(damage=damages())
def test_damaged_data(x: np.ndarray, tmp_path: Path, damage: Damage) -> None:
    path = tmp_path / "damaged.npz"
    np.savez(path, x=x[:3], y=np.arange(3))
    path.write_bytes(damaged(path.read_bytes(), damage))
    try:
        read, _ = load_samples(path)
    except DataError as error:
        if "damaged.npz" not in str(error):
            raise
        return
    assert len(read)

"""Exported folders of the digit classifier, and machines to run them on."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

import edgecomp
from edgecomp.artifacts import replace_directory
from edgecomp.data.digits import load_digits
from edgecomp.data.samples import Preprocessing
from edgecomp.emit import emit
from edgecomp.exports import export
from edgecomp.exports.known_answer import known_answer
from edgecomp.exports.library import Library, Package
from edgecomp.pipeline import QuantizedModel
from edgecomp.target import load_target
from tests.exports.machines import Machine, machine

Exported = Callable[..., Path]


@pytest.fixture(scope="session")
def digits(digits_onnx: Path) -> QuantizedModel:
    x, _ = load_digits("train")
    preprocessing = Preprocessing(layout="nhwc", mean=(0.0,), std=(16.0,))
    return edgecomp.load(digits_onnx).quantize(x[:50], preprocessing=preprocessing, method="min-max")


@pytest.fixture(scope="session")
def library(digits: QuantizedModel) -> Callable[..., Library]:
    """The digit classifier for a board, with the first test image as its known answer."""

    @lru_cache(maxsize=32)
    def make(board: str, prefix: str | None = None, package: Package | None = None) -> Library:
        plan = digits.plan(load_target(board))
        x, _ = load_digits("test")
        row = digits.buffers(digits.samples(np.asarray(x[:1])))
        answer = known_answer(plan.qgraph, [row[0]], "the first test image")
        return Library(plan, emit(plan, prefix), answer, package or Package())

    return make


@pytest.fixture
def exported(library: Callable[..., Library], tmp_path: Path) -> Exported:
    """A folder as `edgecomp generate --format` writes it."""

    def write(format_name: str, board: str, **options: object) -> Path:
        folder = tmp_path / "exported" / format_name
        replace_directory(folder, export(library(board, **options), format_name))
        return folder

    return write


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Machine]:
    """Machines by board; skips the test where a tool is missing."""

    @lru_cache(maxsize=16)
    def make(board: str) -> Machine | str:
        return machine(board, tmp_path_factory.mktemp(board))

    def get(board: str) -> Machine:
        found = make(board)
        if isinstance(found, str):
            pytest.skip(found)
        return found

    return get

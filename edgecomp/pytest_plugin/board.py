"""The fixture's value: a board, models loaded on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from edgecomp.assembly import assemble
from edgecomp.data.samples import DEFAULT_CALIBRATION_ROWS, Layout, load_samples
from edgecomp.errors import DataError, EdgecompError
from edgecomp.graph import Array, Shape
from edgecomp.pipeline import Model, QuantizedModel
from edgecomp.pipeline import load as load_model
from edgecomp.pytest_plugin.result import InferenceResult
from edgecomp.report import LayerFacts, Memory, RunReport
from edgecomp.target import Target
from edgecomp.verify import Built, RunOptions, run_built

if TYPE_CHECKING:
    from edgecomp.boards.hardware_map import MappedBoard
    from edgecomp.pytest_plugin.session import BoardSession

P = ParamSpec("P")
T = TypeVar("T")
_COUNTED = ("instructions", "cycles")


def _told_plainly(function: Callable[P, T]) -> Callable[P, T]:
    """An error of edgecomp's says all there is to know: without the frames it came through."""

    @wraps(function)
    def call(*arguments: P.args, **named: P.kwargs) -> T:
        __tracebackhide__ = True
        try:
            return function(*arguments, **named)
        except EdgecompError as error:
            raise error.with_traceback(None) from None

    return call


@dataclass(frozen=True, eq=False)
class Board:
    """A board that a test has to itself."""

    target: Target
    place: MappedBoard | None
    """Where it is plugged in; None for this computer and emulators."""
    counts: str
    """What it counts: "instructions", "cycles" or "none"."""
    session: BoardSession

    @property
    def name(self) -> str:
        return self.target.name

    @property
    def port(self) -> str | None:
        """Its serial port, as pyserial takes it."""
        return self.place.port if self.place else None

    @_told_plainly
    def load(
        self,
        model: str | os.PathLike[str] | Model | QuantizedModel,
        calibration: ArrayLike | str | os.PathLike[str] | None = None,
        *,
        layout: Layout | None = None,
        mean: float | tuple[float, ...] | None = None,
        std: float | tuple[float, ...] | None = None,
        method: str = "auto",
        shapes: Mapping[str, Shape] | None = None,
        optimize: str = "speed",
        profiled_samples: int = 5,
        timeout_s: float = 300.0,
    ) -> LoadedModel:
        """Build a model, put it on the board, and hold it against the reference on random inputs.

        `model` is an ONNX file, or what `edgecomp.load` and `quantize` made. A float model is quantized on `calibration`: raw data
        [N, ...], or an `.npz` file of which the first 200 rows serve. `layout`, `mean` and `std` say how data become the input, as on
        the command line. What was quantized and built before is not made again.

        Raises:
            ModelError, UnsupportedError, DataError, FitError, RunError: as the stages say.
        """
        quantized = self._quantized(model, calibration, layout, mean, std, method, shapes)
        options = replace(self.session.run_options(self), optimize=optimize, profiled_samples=profiled_samples, timeout_s=timeout_s)
        built = self.session.store.built(quantized, self.target, options)
        proof = partial(self.session.store.prove, built, self.port or "", replace(options, profiled_samples=0))
        self.session.with_program(self, built, proof)
        loaded = LoadedModel(self, quantized, built, options)
        self.session.artifacts.keep_firmware(self.session.test, loaded.artifact_name, built)
        return loaded

    def __repr__(self) -> str:
        return f"<board {self.name}{f' at {self.port}' if self.port else ''}>"

    def _quantized(
        self,
        model: str | os.PathLike[str] | Model | QuantizedModel,
        calibration: ArrayLike | str | os.PathLike[str] | None,
        layout: Layout | None,
        mean: float | tuple[float, ...] | None,
        std: float | tuple[float, ...] | None,
        method: str,
        shapes: Mapping[str, Shape] | None,
    ) -> QuantizedModel:
        if isinstance(model, QuantizedModel):
            return model
        loaded = model if isinstance(model, Model) else load_model(model, shapes)
        if calibration is None and not loaded.is_quantized:
            raise DataError(f"{loaded.path}: a float model is calibrated on data: load(..., calibration=x), x [N, ...] or an .npz file")
        preprocessing = loaded.preprocessing.override(layout, _per_channel(mean), _per_channel(std))
        return self.session.store.quantized(loaded, _rows(calibration), preprocessing, method)


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model on a board."""

    board: Board
    quantized: QuantizedModel
    built: Built
    options: RunOptions

    @property
    def name(self) -> str:
        return self.quantized.model.name

    @property
    def artifact_name(self) -> str:
        """Of its folder among a test's artifacts."""
        return f"{self.name}.{self.board.name}"

    @property
    def report(self) -> RunReport:
        """What is known without running: sizes and layers."""
        return assemble(self.quantized, self.built.plan, self.built.firmware, self.built.target, None)

    @property
    def memory(self) -> Memory:
        """Bytes of arena, scratch, weights, code, flash and RAM; the stack is measured by running."""
        return self.report.memory

    @property
    def layers(self) -> tuple[LayerFacts, ...]:
        """The kernel calls, without counts."""
        return self.report.layers

    @_told_plainly
    def infer(self, x: ArrayLike, y: ArrayLike | None = None, *, index: ArrayLike | None = None) -> InferenceResult:
        """Run over raw data `x` [N, ...]; `y` [N] are labels, for the accuracy, and `index` [N] names the rows in messages.

        Raises:
            DataError: the data do not fit the model.
            RunError: the board hung, crashed, or did not answer.
        """
        session = self.board.session
        rows = None if index is None else np.asarray(index)
        labels = None if y is None else np.asarray(y)
        run = partial(run_built, self.quantized, self.built, np.asarray(x), labels, index=rows, source="x", options=self.options)
        report = session.with_program(self.board, self.built, run)
        session.artifacts.keep_run(session.test, self.artifact_name, report)
        return InferenceResult(report, self.board.target.clock_hz, _unmeasured(self.board), session.baselines)

    def __repr__(self) -> str:
        return f"<model {self.name} on {self.board.name}>"


def _unmeasured(board: Board) -> frozenset[str]:
    """Quantities that this kind of board never tells."""
    never = {what for what in _COUNTED if what != board.counts}
    if board.target.timing_model == "none" or board.counts != "instructions":
        never.add("estimated-cycles")
    return frozenset(never | ({"stack"} if board.target.link_script is None else set()))


def _per_channel(values: float | tuple[float, ...] | None) -> tuple[float, ...] | None:
    return (float(values),) if isinstance(values, int | float) else values


def _rows(calibration: ArrayLike | str | os.PathLike[str] | None) -> Array | None:
    if calibration is None:
        return None
    if isinstance(calibration, str | os.PathLike):
        return load_samples(Path(calibration))[0][:DEFAULT_CALIBRATION_ROWS]
    return np.asarray(calibration)

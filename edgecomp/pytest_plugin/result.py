"""What a model computed on a board, with assertions that say what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from edgecomp.compare import QUANTITIES, Limit, Limits, Result, Run, compare, parse_limit, read_runs, run_of, write_runs
from edgecomp.errors import DataError
from edgecomp.graph import Array
from edgecomp.report import Difference, LayerFacts, Memory, Outputs, RunReport

_ACCURACY_LIMITS: Final = ("max_accuracy_loss", "min_accuracy", "same_outputs")


@dataclass(frozen=True)
class Baselines:
    """Where runs to compare with lie, and whether they are to be written."""

    folder: Path
    """That relative paths are of: the test's."""
    update: bool
    runs: Path | None
    """Folder that gets every run held against a baseline."""


@dataclass(frozen=True, eq=False)
class InferenceResult:
    """Outputs and measurements of `infer`; counts are means an inference, None where the board cannot tell."""

    report: RunReport
    """All of it, as `edgecomp run --json` writes it."""
    clock_hz: int
    """Of the board's core; 0 where it has no clock of its own."""
    unmeasured: frozenset[str] = field(repr=False)
    """Quantities (`edgecomp.compare.QUANTITIES`) that this kind of board never tells."""
    baselines: Baselines = field(repr=False)

    @property
    def outputs(self) -> Array:
        """Integers of the model's first output as the board gave them, [N, ...] in its ONNX shape."""
        return self._outputs.target

    @property
    def outputs_float(self) -> Array:
        """The same as real values, float32."""
        return self._outputs.target_float

    @property
    def float_model_outputs(self) -> Array | None:
        """Of the model as it came, in ONNX Runtime."""
        return self._outputs.float

    @property
    def classes(self) -> Array:
        """Index of the greatest output of each sample, [N]."""
        best: Array = np.argmax(self.outputs.reshape(len(self.outputs), -1), axis=1)
        return best

    @property
    def matches_reference(self) -> bool:
        """Whether every output bit is the numpy reference's."""
        return self.report.bit_exact is not None and self.report.bit_exact.equal

    @property
    def accuracy(self) -> float | None:
        """Top-1 on the board, a fraction; None without labels."""
        found = self.report.accuracy
        return found.target if found and found.metric == "top1" else None

    @property
    def instructions(self) -> int | None:
        """Counted in QEMU."""
        return self.report.per_inference.instructions

    @property
    def cycles(self) -> int | None:
        """Measured on a board."""
        return self.report.per_inference.cycles

    @property
    def latency_s(self) -> float | None:
        """Measured cycles at the board's clock."""
        return self.cycles / self.clock_hz if self.cycles is not None and self.clock_hz else None

    @property
    def estimated_cycles(self) -> int | None:
        """By the timing table `report.target.cycle_model`; never a measurement."""
        return self.report.per_inference.estimated_cycles

    @property
    def layers(self) -> tuple[LayerFacts, ...]:
        """The profile, one entry a kernel call."""
        return self.report.layers

    def layer(self, name: str) -> LayerFacts:
        """The layer that an ONNX node went into.

        Raises:
            KeyError: no layer holds it; lists what there is.
        """
        for layer in self.layers:
            if name == layer.name or name in layer.name.split("+"):
                return layer
        raise KeyError(f"no layer holds {name!r}; there are {', '.join(layer.name for layer in self.layers)}")

    @property
    def memory(self) -> Memory:
        """Bytes of arena, scratch, stack, weights, code, flash and RAM."""
        return self.report.memory

    @property
    def stack_bytes(self) -> int | None:
        """Deepest stack of an inference below its call."""
        return self.memory.stack_bytes

    @property
    def ram_bytes(self) -> int:
        """Arena, scratch, stack and context."""
        return self.memory.ram_bytes

    @property
    def flash_bytes(self) -> int:
        """The model and the runtime it links."""
        return self.memory.flash_bytes

    def assert_matches_reference(self) -> None:
        """Fail where an output bit differs from the reference, with the first difference: sample, layer, element, both values."""
        __tracebackhide__ = True
        exact = self.report.bit_exact
        if exact is not None and exact.first_difference is not None:
            raise AssertionError(f"{self._title} differs from the reference: {described(exact.first_difference)}")

    def assert_within(self, baseline: str | Path | None = None, **limits: str | float | bool) -> None:
        """Fail where a limit is broken, saying which and by how much.

        Limits are those of `edgecomp compare`, with underscores: `max_instructions="+2%"`, `max_cycles=300_000`, `max_ram="64KiB"`,
        `max_layer_instructions="+10%"`, `max_accuracy_loss=0.5` (points), `min_accuracy=97` (per cent), `same_outputs=True`. Relative
        ones need `baseline`, a file or folder of runs, relative to the test's folder. What a kind of board never counts is not judged
        there. With `--edgecomp-update` the run is written to `baseline`, and only limits that need none are judged.

        Raises:
            AssertionError: a limit is broken.
            DataError: a limit is not understood, or the baseline cannot be read.
        """
        __tracebackhide__ = True
        wanted = _limits(limits)
        run = run_of(self.report.to_json(), self._title)
        path = None if baseline is None else self.baselines.folder / baseline
        if path is not None and self.baselines.update:
            write_runs(path, [run])
            wanted = _without_baseline(wanted)
            path = None
        if baseline is not None and self.baselines.runs:
            write_runs(self.baselines.runs / f"{run.model}.{run.board}.json", [run])
        result = _judged(run, path, wanted)
        blind = [text for text in result.unjudged if not self._never_told(text)]
        reasons = [*(reason for comparison in result.comparisons for reason in comparison.reasons)]
        reasons += [f"{self._title}: {text} judged nothing: the run has no such figure" for text in blind]
        if reasons:
            raise AssertionError("\n".join(["limits are broken:", *reasons]))

    def __repr__(self) -> str:
        counts = [f"{self.instructions:,} instructions"] if self.instructions is not None else []
        counts += [f"{self.cycles:,} cycles"] if self.cycles is not None else []
        exact = "as the reference" if self.matches_reference else "NOT as the reference"
        return f"<{self._title}: {', '.join([f'{self.report.samples} samples', exact, *counts])}>"

    def _never_told(self, limit: str) -> bool:
        option = limit.partition(" ")[0]
        return option.removeprefix("--max-").removeprefix("layer-") in self.unmeasured

    @property
    def _title(self) -> str:
        return f"{self.report.model.name} on {self.report.target.board}"

    @property
    def _outputs(self) -> Outputs:
        assert self.report.outputs is not None, "what ran has outputs"
        return self.report.outputs


def described(difference: Difference) -> str:
    """Where and how an output differs."""
    layer = "" if difference.layer is None else f", layer {difference.layer} ({difference.layer_name})"
    where = f"sample {difference.sample}{layer}, element {difference.index}"
    return f"first in {where}: the board computed {difference.target}, the reference {difference.reference}"


def _limits(given: Mapping[str, str | float | bool]) -> Limits:
    """Keyword arguments as limits.

    Raises:
        DataError: one is unknown or not understood.
    """
    totals = {f"max_{name.replace('-', '_')}": name for name, quantity in QUANTITIES.items() if quantity.gated}
    layers = {f"max_layer_{name.replace('-', '_')}": name for name, quantity in QUANTITIES.items() if quantity.of_layers}
    unknown = sorted(set(given) - set(totals) - set(layers) - set(_ACCURACY_LIMITS))
    if unknown:
        raise DataError(f"assert_within has no limit {unknown[0]!r}; allowed: {', '.join([*totals, *layers, *_ACCURACY_LIMITS])}")
    loss, least = given.get("max_accuracy_loss"), given.get("min_accuracy")
    return Limits(
        _chosen(totals, given),
        _chosen(layers, given),
        None if loss is None else float(loss),
        None if least is None else float(least),
        bool(given.get("same_outputs", False)),
    )


def _chosen(names: Mapping[str, str], given: Mapping[str, str | float | bool]) -> dict[str, Limit]:
    values = {name: given[key] for key, name in names.items() if key in given}
    return {name: parse_limit(value if isinstance(value, str) else f"{value:.0f}") for name, value in values.items()}


def _without_baseline(limits: Limits) -> Limits:
    """Those that need none."""
    totals = {name: limit for name, limit in limits.totals.items() if not limit.relative}
    layers = {name: limit for name, limit in limits.layers.items() if not limit.relative}
    return Limits(totals, layers, least_accuracy=limits.least_accuracy)


def _judged(run: Run, path: Path | None, limits: Limits) -> Result:
    """The comparison.

    Raises:
        DataError: there is no baseline, or none of this model and board, while a limit needs one.
    """
    if path is None and limits.need_baseline:
        raise DataError('a limit such as "+2%" needs assert_within(baseline=...), a file or folder of runs')
    if path is not None and not path.exists():
        raise DataError(f"{path}: there is no baseline yet: write it with `pytest --edgecomp-update`")
    known = [] if path is None else [baseline for baseline in read_runs(path) if baseline.key == run.key]
    if path is not None and not known and limits.need_baseline:
        raise DataError(f"{path}: has no run of {run.title}: add it with `pytest --edgecomp-update`")
    return compare(known, [run], limits)

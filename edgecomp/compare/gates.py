"""Limits applied to runs beside their baselines: verdicts, reasons where one is broken, and what else a reader should know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from edgecomp.compare.limits import Limit
from edgecomp.compare.quantities import QUANTITIES
from edgecomp.compare.runs import LayerFigures, Run
from edgecomp.errors import DataError

METRICS = {"top1": "points", "sqnr_db": "dB"}
"""What accuracy is counted in on the command line and in limits, by metric."""


@dataclass(frozen=True)
class Limits:
    """What is allowed. `totals` and `layers` are by the name of a quantity (`QUANTITIES`)."""

    totals: Mapping[str, Limit] = field(default_factory=dict)
    layers: Mapping[str, Limit] = field(default_factory=dict)
    accuracy_loss: float | None = None
    """Percentage points of top-1, or dB of SQNR, that may be lost to the baseline."""
    least_accuracy: float | None = None
    """Per cent top-1, or dB of SQNR, whatever the baseline."""
    same_outputs: bool = False
    """Whether every output bit must be the baseline's."""

    def __post_init__(self) -> None:
        for allowed, given in ((set(QUANTITIES), self.totals), ({q.name for q in QUANTITIES.values() if q.of_layers}, self.layers)):
            unknown = sorted(set(given) - allowed)
            if unknown:
                raise DataError(f"there is no quantity {unknown[0]!r} to limit; allowed: {', '.join(sorted(allowed))}")

    @property
    def any(self) -> bool:
        """Whether anything is limited."""
        return bool(self.totals or self.layers or self.same_outputs) or (self.accuracy_loss, self.least_accuracy) != (None, None)

    @property
    def need_baseline(self) -> bool:
        """Whether any limit is relative."""
        relative = any(limit.relative for limit in (*self.totals.values(), *self.layers.values()))
        return relative or self.same_outputs or self.accuracy_loss is not None


@dataclass(frozen=True)
class Verdict:
    """One limit on one figure. `layer` is None for the whole run."""

    limit: str
    """Such as "--max-instructions +2%"."""
    quantity: str
    layer: str | None
    reason: str | None
    """Why it is broken; None where it holds."""

    @property
    def holds(self) -> bool:
        return self.reason is None


@dataclass(frozen=True, eq=False)
class Comparison:
    """A run and its baseline, None where there is none."""

    baseline: Run | None
    new: Run
    verdicts: Sequence[Verdict]
    notes: Sequence[str]

    @property
    def reasons(self) -> list[str]:
        """Of the limits that are broken."""
        return [f"{self.new.title}: {verdict.reason}" for verdict in self.verdicts if verdict.reason]

    def verdict(self, quantity: str, layer: str | None = None) -> Verdict | None:
        """The verdict on a figure, the broken one where there are two; None where nothing limits it."""
        found = [verdict for verdict in self.verdicts if (verdict.quantity, verdict.layer) == (quantity, layer)]
        return min(found, key=lambda verdict: verdict.holds, default=None)


@dataclass(frozen=True, eq=False)
class Result:
    """All comparisons of a call. `unjudged` are limits that met no figure in any run."""

    comparisons: Sequence[Comparison]
    unjudged: Sequence[str] = ()
    notes: Sequence[str] = ()

    @property
    def reasons(self) -> list[str]:
        """Why limits are broken, by run; empty where all hold."""
        blind = [f"{limit} judged nothing: no run has that figure" for limit in self.unjudged]
        return [*(reason for comparison in self.comparisons for reason in comparison.reasons), *blind]

    @property
    def passed(self) -> bool:
        return not self.reasons


def compare(baselines: Sequence[Run], runs: Sequence[Run], limits: Limits, *, allow_different: bool = False) -> Result:
    """Judge each run beside the baseline of its model and board. One run and one baseline are a pair whatever they are of.

    Raises:
        DataError: a run has no baseline while a limit needs one, or a single pair is of two models or boards and
            `allow_different` is false.
    """
    notes: list[str] = []
    if len(baselines) == len(runs) == 1:
        pairs: list[tuple[Run | None, Run]] = [(_of_one_kind(baselines[0], runs[0], allow_different), runs[0])]
    else:
        by_key = {run.key: run for run in baselines}
        pairs = [(by_key.get(run.key), run) for run in runs]
        compared = {run.key for run in runs}
        notes += [f"{run.title} is in the baseline and was not run" for run in baselines if run.key not in compared]
    orphan = next((run for baseline, run in pairs if baseline is None), None)
    if orphan and limits.need_baseline:
        known = ", ".join(run.title for run in baselines)
        raise DataError(f"the baseline has no run of {orphan.title} ({orphan.source}), only {known}: add it with --update")
    comparisons = [judge(baseline, run, limits) for baseline, run in pairs]
    judged = {verdict.limit for comparison in comparisons for verdict in comparison.verdicts}
    return Result(comparisons, [name for name in _names(limits) if name not in judged], notes)


def _of_one_kind(baseline: Run, new: Run, allow_different: bool) -> Run:
    for what, before, after in (("model", baseline.model, new.model), ("board", baseline.board, new.board)):
        if before != after and not allow_different:
            raise DataError(
                f"{baseline.source} is a run of {what} {before!r}, {new.source} of {after!r}: "
                f"compare runs of one {what}, or add --allow-different"
            )
    return baseline


def judge(baseline: Run | None, new: Run, limits: Limits) -> Comparison:
    """Judge one run. A figure that neither run has is not judged."""
    verdicts = list(_correctness(baseline, new, limits))
    for name, limit in limits.totals.items():
        before = baseline.figures[name] if baseline else None
        verdicts += _verdict(name, None, before, new.figures[name], limit, baseline is not None)
    old_layers = {layer.name: layer for layer in baseline.layers} if baseline else {}
    for name, limit in limits.layers.items():
        for layer in new.layers:
            verdicts += _layer_verdict(name, layer, old_layers.get(layer.name), limit)
    verdicts += _accuracy(baseline, new, limits)
    return Comparison(baseline, new, verdicts, _notes(baseline, new))


def _names(limits: Limits) -> Iterable[str]:
    yield from (_option(name, None, limit) for name, limit in limits.totals.items())
    yield from (_option(name, "", limit) for name, limit in limits.layers.items())
    if limits.accuracy_loss is not None:
        yield _loss_option(limits.accuracy_loss)
    if limits.least_accuracy is not None:
        yield _least_option(limits.least_accuracy)


def _option(name: str, layer: str | None, limit: Limit) -> str:
    return f"--max-{'' if layer is None else 'layer-'}{name} {limit.text}"


def _loss_option(loss: float) -> str:
    return f"--max-accuracy-loss {loss:g}"


def _least_option(least: float) -> str:
    return f"--min-accuracy {least:g}"


def _layer_verdict(name: str, new: LayerFigures, old: LayerFigures | None, limit: Limit) -> list[Verdict]:
    if old is None and limit.relative:
        return []  # a layer that is new has no figure to be held against; the notes name it
    return _verdict(name, new.name, old.figures[name] if old else None, new.figures[name], limit, old is not None)


def _verdict(name: str, layer: str | None, before: int | None, now: int | None, limit: Limit, has_baseline: bool) -> list[Verdict]:
    """The verdict on one figure; none where neither run has it."""
    quantity = QUANTITIES[name]
    what = f"{quantity.title}{f' of layer {layer}' if layer is not None else ''}"
    option = _option(name, layer, limit)
    if now is None:
        gone = f"{what}: {before:,} in the baseline, none in the new run" if before is not None else None
        return [Verdict(option, name, layer, gone)] if gone else []
    if before is None and limit.relative:
        cause = "the baseline has no figure; write it again with --update" if has_baseline else "there is no baseline"
        return [Verdict(option, name, layer, f"{what}: {now:,} now, {cause}")]
    if now <= limit.most(before or 0):
        return [Verdict(option, name, layer, None)]
    came = f"{what} {describe_change(before, now)}" if before is not None else f"{what}: {now:,} {quantity.unit}".rstrip()
    return [Verdict(option, name, layer, f"{came}; at most {int(limit.most(before or 0)):,} allowed ({option})")]


def describe_change(before: int, now: int) -> str:
    """Such as "rose by 10.0 % (100 -> 110)"."""
    if before == now:
        return f"stayed at {now:,}"
    part = f"{abs(now - before) / before:.1%}".replace("%", " %") if before else f"{now - before:,}"
    return f"{'rose' if now > before else 'fell'} by {part} ({before:,} -> {now:,})"


def _correctness(baseline: Run | None, new: Run, limits: Limits) -> Iterable[Verdict]:
    if new.bit_exact is False:
        found = new.document["bit_exact"]
        yield Verdict("bit-exact", "bit_exact", None, f"outputs differ from the reference: {found.get('first_difference')}")
    if limits.same_outputs:
        equal = baseline is not None and new.outputs_sha256 is not None and baseline.outputs_sha256 == new.outputs_sha256
        why = "not the same samples" if baseline and baseline.samples != new.samples else "other bits"
        yield Verdict("--same-outputs", "outputs", None, None if equal else f"outputs are not the baseline's ({why})")


def _accuracy(baseline: Run | None, new: Run, limits: Limits) -> Iterable[Verdict]:
    if limits.least_accuracy is not None and new.accuracy is not None:
        found = shown_accuracy(new)
        low = accuracy_points(new) < limits.least_accuracy
        reason = f"accuracy is {found}; at least {limits.least_accuracy:g} wanted (--min-accuracy)" if low else None
        yield Verdict(_least_option(limits.least_accuracy), "accuracy", None, reason)
    if limits.accuracy_loss is None or (new.accuracy is None and (baseline is None or baseline.accuracy is None)):
        return
    yield Verdict(_loss_option(limits.accuracy_loss), "accuracy", None, _lost(baseline, new, limits.accuracy_loss))


def _lost(baseline: Run | None, new: Run, allowed: float) -> str | None:
    """Why the accuracy of `new` is not allowed; None where it is."""
    if baseline is None or baseline.accuracy is None or new.accuracy is None:
        return f"accuracy is known of {'the new run' if new.accuracy is not None else 'the baseline'} only"
    if (baseline.metric, baseline.samples) != (new.metric, new.samples):
        sides = [f"{run.metric} over {run.samples:,} samples" for run in (baseline, new)]
        return f"accuracy cannot be compared: {sides[0]} in the baseline, {sides[1]} now; run the same samples, or --update"
    loss = accuracy_points(baseline) - accuracy_points(new)
    if round(loss, 9) <= allowed:  # what rounding of binary fractions adds is no loss
        return None
    unit = METRICS.get(new.metric or "", "")
    return f"accuracy fell by {loss:.2f} {unit} ({shown_accuracy(baseline)} -> {shown_accuracy(new)}); at most {allowed:g} allowed"


def accuracy_points(run: Run) -> float:
    """Accuracy in per cent, or in dB."""
    return (run.accuracy or 0.0) * (100 if run.metric == "top1" else 1)


def shown_accuracy(run: Run) -> str:
    """Accuracy for people."""
    if run.accuracy is None:
        return "-"
    return f"{accuracy_points(run):.2f} {'%' if run.metric == 'top1' else 'dB'}"


def _notes(baseline: Run | None, new: Run) -> list[str]:
    if baseline is None:
        return ["no baseline"]
    notes = []
    if baseline.key != new.key:
        notes.append(f"baseline: {baseline.title}")
    if baseline.model_sha256 != new.model_sha256:
        notes.append("the model file is another one")
    if baseline.compiler != new.compiler:
        notes.append(f"compiler: {baseline.compiler} -> {new.compiler}")
    if baseline.samples != new.samples:
        notes.append(f"samples: {baseline.samples:,} -> {new.samples:,}")
    elif baseline.outputs_sha256 != new.outputs_sha256:
        notes.append("outputs are other bits than the baseline's")
    names, old_names = [layer.name for layer in new.layers], [layer.name for layer in baseline.layers]
    for word, layers in (("new", set(names) - set(old_names)), ("gone", set(old_names) - set(names))):
        if layers:
            notes.append(f"layers that are {word}: {', '.join(name for name in (*names, *old_names) if name in layers)}")
    return notes

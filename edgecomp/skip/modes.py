"""The modes of `edgecomp skip`: what each searches, and what all of them answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgecomp.errors import DataError
from edgecomp.graph import Array
from edgecomp.qgraph import IntArray, QGraph
from edgecomp.qops.conv2d import Conv2D
from edgecomp.skip import auto, early, perforated
from edgecomp.skip.budget import Budget
from edgecomp.skip.costs import Costs, layer_groups
from edgecomp.skip.facts import mask_text, rates, threshold_text
from edgecomp.skip.rules import Spatial
from edgecomp.skip.search.patterns import diagonal
from edgecomp.skip.search.settings import MODES as MASK_MODES
from edgecomp.skip.search.settings import SearchSettings
from edgecomp.skip.sites import find_sites
from edgecomp.target import Target

if TYPE_CHECKING:
    from edgecomp.pipeline import QuantizedModel

MODES = ("auto", "exact", *MASK_MODES, "early-exact", "early-predictive", "perforated")
FACTS_SAMPLES = 64
"""On which rates are told."""
AIMED_LOSS = 0.9
"""Of the loss allowed, what `auto` aims at: many combinations are tried, and the best of many looks better than it is."""
AUTO_SHARE = 0.4
"""Of the seconds, for rules of all kinds; the rest is for masks."""

Watch = Callable[[str, int, int], None]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What the user asked for. `layers` and `couple` are ONNX names, tensors or indices among the convolutions; the rest as in
    `SearchSettings` and `auto.Request`. `samples` None takes what time and memory allow."""

    mode: str
    max_loss_points: float
    samples: int | None = None
    seconds: float = 600.0
    patch: int = 2
    ones_range: tuple[int, int] | None = None
    patterns: tuple[int, ...] | None = None
    granularity: int = 1
    top: int = 2
    layers: tuple[str, ...] = ()
    couple: tuple[tuple[str, ...], ...] = ()
    records: str | None = None
    scheduler: str | None = None


@dataclass(frozen=True)
class LayerFacts:
    """One convolution: its rule in words, and on some samples the share of its products left out, and of its outputs made zero that would
    not be. `kernel` computes it; `reason` says why nothing is left out where `enabled` is false."""

    name: str
    mask: str | None
    threshold: str | None
    zero_rate: float
    false_zero_rate: float
    kernel: str
    enabled: bool
    reason: str | None


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a search came to. `quantized` has the rules; accuracies 0..1 are on samples that chose nothing, as `split` says.

    `front` holds (cost, points lost) of the combinations tried, the dense network's first; `cost` is that of the one chosen, as far as it
    was foreseen; costs are in `unit`.
    """

    mode: str
    quantized: QuantizedModel
    accuracy_dense: float
    accuracy_skip: float
    macs_dense: int
    macs_executed: float
    layers: Sequence[LayerFacts]
    front: Sequence[tuple[float, float]]
    unit: str
    evaluations: int
    seconds: float
    split: str
    costs: Costs | None = None
    cost: float | None = None


def search(
    quantized: QuantizedModel,
    x: Array,
    y: IntArray | None,
    target: Target | None,
    wanted: Wanted,
    watch: Watch = lambda *_: None,
    say: Say = lambda _: None,
) -> Outcome:
    """Search in the mode that is wanted, on raw data `x` [N, ...] and classes `y` [N] or None; `say` is told what a user should know
    beforehand.

    Raises:
        DataError: an option does not fit the model or the data.
    """
    _check_options(wanted)
    quantized = replace(quantized, rules={})
    layers = named_layers(quantized.dense, wanted.layers)
    if wanted.mode in ("auto", "exact"):
        return _auto(quantized, x, y, target, wanted, layers, watch)
    if wanted.mode in MASK_MODES:
        return _masks(quantized, x, y, target, wanted, watch, say=say)
    budget = Budget(wanted.max_loss_points, wanted.samples or Budget.samples, wanted.seconds, layers)
    if wanted.mode == "perforated":
        found = perforated.search(quantized, x, y, budget, target=target)
    else:
        found = early.search(quantized, x, y, budget, predictive=wanted.mode == "early-predictive", target=target)
    front = [(float(found.macs_dense), 0.0), *found.front, (found.macs_executed, found.loss_points)]
    return _outcome(
        wanted.mode, replace(quantized, rules=found.rules), x, (found.accuracy_dense, found.accuracy_skip), front, "MACs",
        found.evaluations, found.seconds, found.split, target, None, dict(found.reasons),
    )  # fmt: skip


def _judged_at(quantized: QuantizedModel, names: Sequence[str], patch: int) -> tuple[str, ...]:
    """The tensors that masks of the named convolutions are judged on: their outputs, or the sums behind them.

    Raises:
        DataError: a name is of no convolution, or of one whose zeros cannot be predicted.
    """
    layers = named_layers(quantized.dense, names)
    if layers is None:
        return ()
    groups = layer_groups(quantized.dense)
    places = {groups[site.tensor]: site.tensor for site in find_sites(quantized, patch)}
    useless = [layer for layer in layers if layer not in places]
    if useless:
        raise DataError(f"--layers: {', '.join(useless)} ends in no ReLU, so its zeros cannot be predicted; leave it out")
    return tuple(places[layer] for layer in layers)


def _check_options(wanted: Wanted) -> None:
    """Options for masks belong to the modes that search masks.

    Raises:
        DataError: one was given for another mode.
    """
    if wanted.mode == "auto" or wanted.mode in MASK_MODES:
        return
    given = {
        "--records": wanted.records,
        "--scheduler": wanted.scheduler,
        "--couple": wanted.couple,
        "--ones-range": wanted.ones_range,
        "--patterns": wanted.patterns,
    }
    useless = [name for name, value in given.items() if value]
    if useless:
        raise DataError(f"{', '.join(useless)}: not for --mode {wanted.mode}; leave it out, or take one of auto, {', '.join(MASK_MODES)}")


def named_layers(dense: QGraph, names: Sequence[str]) -> tuple[str, ...] | None:
    """Output tensors of the convolutions that are named by tensor, ONNX node or index among the convolutions; None for no name.

    Raises:
        DataError: a name is of none.
    """
    if not names:
        return None
    convolutions = [node for node in dense.nodes if isinstance(node.op, Conv2D)]
    known = {str(index): node.output for index, node in enumerate(convolutions)}
    known |= {name: node.output for node in convolutions for name in (node.output, node.layer, *node.layer.split("+"))}
    unknown = [name for name in names if name not in known]
    if unknown:
        listed = ", ".join(f"{index} ({node.layer.split('+')[0]})" for index, node in enumerate(convolutions))
        raise DataError(f"--layers {','.join(unknown)}: no convolution has this name; there are {listed}")
    return tuple(dict.fromkeys(known[name] for name in names))


def _auto(
    quantized: QuantizedModel,
    x: Array,
    y: IntArray | None,
    target: Target | None,
    wanted: Wanted,
    layers: tuple[str, ...] | None,
    watch: Watch,
) -> Outcome:
    """Rules of all kinds by `auto`; where spatial ones pay, a search of their masks too, and the cheaper of both answers."""
    started = time.monotonic()
    request = auto.Request(
        AIMED_LOSS * wanted.max_loss_points,
        exact=wanted.mode == "exact",
        layers=layers,
        samples=wanted.samples or auto.Request.samples,
        seconds=wanted.seconds,
        seconds_if_spatial=AUTO_SHARE * wanted.seconds,
        patch=wanted.patch,
        pattern=wanted.patterns[0] if wanted.patterns else diagonal(wanted.patch),
    )
    found = auto.select(quantized, x, y, target, request, watch)
    reasons = {place: _why_dense(options, found.costs) for place, options in found.options.items()}
    best = _outcome(
        wanted.mode, replace(quantized, rules=found.rules), x, (found.accuracy_dense, found.accuracy_skip),
        [(found.costs.total, 0.0), *found.front], found.costs.unit, found.evaluations,
        found.seconds, found.split, target, found.costs, reasons,
    )  # fmt: skip
    best = replace(best, cost=found.cost)
    if any(isinstance(rule, Spatial) for rule in found.rules.values()):
        ones = request.pattern.bit_count()  # of the masks whose cost was measured
        seconds = max(wanted.seconds - (time.monotonic() - started), 1.0)
        left = replace(
            wanted,
            mode="uniform-layer",
            ones_range=wanted.ones_range or (ones, ones),
            seconds=seconds,
            max_loss_points=request.max_loss_points,
        )
        masks = _masks(quantized, x, y, target, left, watch, found)
        cost = auto.cost_of(masks.quantized, found, quantized.buffers(quantized.samples(x[:FACTS_SAMPLES])))
        if cost < found.cost and masks.accuracy_dense - masks.accuracy_skip <= wanted.max_loss_points / 100:
            front = [*best.front, (cost, 100 * (masks.accuracy_dense - masks.accuracy_skip))]
            best = replace(masks, mode=wanted.mode, front=front, unit=best.unit, costs=found.costs, cost=cost)
        best = replace(best, evaluations=found.evaluations + masks.evaluations, seconds=time.monotonic() - started)
    return best


def _why_dense(options: Sequence[auto.Option], costs: Costs) -> str:
    if len(options) == 1:
        return f"no rule takes fewer {costs.unit} than the dense kernel at the rates that were calibrated"
    return "what it could save costs more accuracy than in other layers"


def _masks(
    quantized: QuantizedModel,
    x: Array,
    y: IntArray | None,
    target: Target | None,
    wanted: Wanted,
    watch: Watch,
    beside: auto.Selection | None = None,
    say: Say = lambda _: None,
) -> Outcome:
    """A search of masks. `beside` has what they save, and rules that change no bit for the layers that get none."""
    from edgecomp.skip.search import evaluations_needed
    from edgecomp.skip.search import search as search_masks

    settings = SearchSettings(
        max_loss=wanted.max_loss_points,
        mode=wanted.mode,
        patch=wanted.patch,
        ones_range=wanted.ones_range,
        patterns=wanted.patterns,
        granularity=wanted.granularity,
        top=wanted.top,
        layers=_judged_at(quantized, wanted.layers, wanted.patch),
        couple=tuple(_judged_at(quantized, names, wanted.patch) for names in wanted.couple),
        budget_seconds=wanted.seconds,
        records=wanted.records,
    )
    if wanted.mode == "exhaustive-uniform-layer":
        say(f"at most {evaluations_needed(quantized, settings):,} evaluations")
    count = wanted.samples or len(x)
    rows = None if y is None else y[:count]

    def report(done: int, total: int) -> None:
        watch("searching masks", done, total)

    saving = beside.saving if beside else None
    with executor_of(wanted.scheduler) as executor:
        found = search_masks(quantized, x[:count], rows, settings, saving=saving, progress=report, executor=executor)
    front = [((1.0 - point.macs_saved) * found.macs_dense, point.loss) for point in found.front]
    reasons = {layer.tensor: layer.reason for layer in found.layers if not layer.enabled}
    rules = {**(beside.exact_rules if beside else {}), **found.rules}
    return _outcome(
        wanted.mode, replace(found.quantized, rules=rules), x, (found.accuracy.dense, found.accuracy.skip), front, "MACs",
        found.evaluations, found.seconds, found.split, target, None, reasons,
    )  # fmt: skip


@contextmanager
def executor_of(scheduler: str | None) -> Iterator[Executor | None]:
    """A Dask cluster's executor, or None for the cores of this machine."""
    if scheduler is None:
        yield None
        return
    from edgecomp.skip.cluster import cluster_executor

    with cluster_executor(scheduler) as executor:
        yield executor


def _outcome(
    mode: str, quantized: QuantizedModel, x: Array, accuracies: tuple[float, float], front: Sequence[tuple[float, float]], unit: str,
    evaluations: int, seconds: float, split: str, target: Target | None, costs: Costs | None, reasons: dict[str, str],
) -> Outcome:  # fmt: skip
    buffers = quantized.buffers(quantized.samples(x[:FACTS_SAMPLES]))
    layers = _layer_facts(quantized, buffers, target, reasons)
    rates = {layer.name: layer.zero_rate for layer in layers}
    executed = sum(node.op.work.macs * (1.0 - rates.get(node.layer, 0.0)) for node in quantized.qgraph.nodes)
    return Outcome(
        mode, quantized, *accuracies, quantized.dense.macs, executed, layers,
        front, unit, evaluations, seconds, split, costs,
    )  # fmt: skip


def _layer_facts(quantized: QuantizedModel, buffers: IntArray, target: Target | None, reasons: dict[str, str]) -> list[LayerFacts]:
    steps = quantized.plan(target).steps if target else ()
    found = rates(quantized, buffers)
    facts = []
    for node in quantized.qgraph.nodes:
        if not isinstance(node.op, Conv2D):
            continue
        serving = (step.kernel.symbol for step in steps if f"{step.node.layer}+".startswith(f"{node.layer}+"))  # a plan may join more to it
        kernel = next(serving, node.op.kernel)
        rule = quantized.rules.get(node.output)
        if rule is None:
            facts.append(LayerFacts(node.layer, None, None, 0.0, 0.0, kernel, False, reasons.get(node.output, "the search left it dense")))
            continue
        each = found[node.output]
        words = (mask_text(rule), threshold_text(rule))
        facts.append(LayerFacts(node.layer, *words, each.zero_rate, each.false_zero_rate, kernel, True, None))
    return facts

"""The rules that save most on a board within a loss of accuracy: every layer has its ways to leave work out, and the budget goes where it
buys instructions.

What an option saves is told by lines measured on the board (`costs`), what it does to the outputs by the divergence of the class
probabilities when it alone is applied. Divergences of layers nearly add up, so the best combination for each exchange rate between
instructions and divergence is found layer by layer (Shoham and Gersho, "Efficient Bit Allocation for an Arbitrary Set of Quantizers",
1988); of these combinations the cheapest is taken whose accuracy holds on the samples that choose, then on others that chose nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from edgecomp.errors import DataError
from edgecomp.graph import Array
from edgecomp.qgraph import IntArray, QGraph
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.conv2d_add_spatial import Conv2DAddSpatial
from edgecomp.qops.conv2d_zero_input import Conv2DZeroInput
from edgecomp.skip.apply import apply
from edgecomp.skip.costs import Costs, layer_groups, measure_costs, most_left_out, shares_left_out, with_densities
from edgecomp.skip.rule_trials import RuleTrials, Tried, most_samples
from edgecomp.skip.rules import Rule, Rules, Spatial, ZeroInput
from edgecomp.skip.sites import Site, find_sites
from edgecomp.skip.thresholds import calibrate, cut_patches
from edgecomp.target import Target

if TYPE_CHECKING:
    from edgecomp.pipeline import QuantizedModel

BETAS = (0.0, 0.003, 0.01, 0.02, 0.04, 0.07, 0.12, 0.2)
"""Energy a threshold may cost, in parts of a channel's mean."""
SPANS = (0, 2, 4, 6, 9, 12, 15, 19, 24, 30, 38, 48)
"""Steps above zero up to which inputs count as zero."""
CALIBRATION_SAMPLES = 200
COUNTED_SAMPLES = 48
OPTION_SAMPLES = 600
"""On which the divergence of an option is judged."""
FEW_SAMPLES = 2000
"""On which combinations are first compared."""
MARGIN = 1.0
"""Standard errors by which the loss must hold."""
RATES = np.geomspace(1e3, 1e-6, 200)
LEAST_SAVING = 0.002
"""Of the network's cost, below which an option is left alone."""

Watch = Callable[[str, int, int], None]
Rated = Sequence[tuple[Spatial, float]]


@dataclass(frozen=True)
class Request:
    """What is wanted. `max_loss_points` of top-1 accuracy; `exact` allows rules that change no bit only; `layers` are outputs of
    convolutions, None for all; the best found is returned after `seconds`, or earlier where spatial rules pay; `pattern` is the spatial
    mask of `patch` x `patch` positions."""

    max_loss_points: float
    exact: bool = False
    layers: tuple[str, ...] | None = None
    samples: int = 20_000
    seconds: float = 600.0
    seconds_if_spatial: float = 600.0
    patch: int = 2
    pattern: int = 0b1001


@dataclass(frozen=True, eq=False)
class Option:
    """A rule for one layer, judged on `tensor`, None for none: what the layer then costs, and how far the outputs go astray by it alone."""

    tensor: str
    rule: Rule | None
    cost: float
    share: float = 0.0
    divergence: float = 0.0


@dataclass(frozen=True, eq=False)
class Combination:
    """One option a layer."""

    options: Mapping[str, Option]
    cost: float

    @property
    def rules(self) -> Rules:
        """Of the layers that have one."""
        return {option.tensor: option.rule for option in self.options.values() if option.rule is not None}


@dataclass(frozen=True, eq=False)
class Selection:
    """What was found. `front` holds (cost, loss in points) of the combinations tried, `options` what each layer could have done."""

    rules: Rules
    costs: Costs
    cost: float
    accuracy_dense: float
    accuracy_skip: float
    options: Mapping[str, Sequence[Option]]
    front: Sequence[tuple[float, float]]
    evaluations: int
    seconds: float
    split: str
    spatial_most: float
    """Share of products that the spatial rules could leave out whose costs were measured."""
    chosen: Mapping[str, Option] = field(default_factory=dict)

    @property
    def exact_rules(self) -> Rules:
        """Those that change no bit, where they are cheaper than the dense kernels."""
        exact = {layer: min((option for option in each if option.divergence == 0.0), key=_cost) for layer, each in self.options.items()}
        return {option.tensor: option.rule for option in exact.values() if isinstance(option.rule, ZeroInput)}

    def saving(self, tensor: str, zero_rate: float, rule: Spatial) -> float:
        """What a spatial rule saves of one inference against the cheapest that changes no bit; negative where it costs more."""
        if tensor not in self.costs.spatial:
            return -1.0
        exact = min(option.cost for option in self.options[self.costs.layers[tensor]] if option.divergence == 0.0)
        return exact - self.costs.spatial[tensor].at(zero_rate * most_left_out(rule) / self.spatial_most)


def select(
    quantized: QuantizedModel, x: Array, y: IntArray | None, target: Target | None, request: Request, watch: Watch = lambda *_: None
) -> Selection:
    """Search rules for `quantized` on raw data `x` [N, ...] with labels `y` [N] or None.

    Raises:
        DataError: the network has several inputs, or there are fewer than two rows.
    """
    start = time.monotonic()
    dense = quantized.dense
    if len(dense.inputs) != 1 or len(x) < 2:
        raise DataError(f"{dense.name}: a search needs one input and two rows of data, found {len(dense.inputs)} and {len(x)}")
    count = min(len(x), request.samples, 2 * most_samples(dense))
    buffers = quantized.buffers(quantized.samples(x[:count]))
    labels = None if y is None else np.asarray(y[:count], np.int64)
    chooser = RuleTrials(dense, buffers[0::2], None if labels is None else labels[0::2])
    sites = {site.tensor: site for site in find_sites(quantized, request.patch)}
    layers = layer_groups(dense)
    places = [name for name in _places(dense, sites) if request.layers is None or layers[name] in request.layers]
    spatial = {} if request.exact else {place: _spatial_rules(chooser, sites[place], request) for place in places if place in sites}
    middle = {place: each[len(BETAS) // 2][0] for place, each in spatial.items()}
    costs = measure_costs(quantized, target, buffers, places, middle, lambda done, total: watch("measuring kernels", done, total))
    options = _options(chooser, spatial, places, costs, request, start, watch)
    if any(isinstance(option.rule, Spatial) for each in options.values() for option in each):
        request = replace(request, seconds=request.seconds_if_spatial)
    combinations = _combinations(options, costs)
    front: list[tuple[float, float]] = []
    best = _cheapest(chooser, combinations, request, front, start, watch)
    refined = _refined(chooser, combinations[best], options, request, front, start)
    judge = RuleTrials(dense, buffers[1::2], None if labels is None else labels[1::2])
    for found in (refined, *reversed(combinations[: best + 1])):
        verdict = judge.tried(found.rules)
        if _holds(verdict, request.max_loss_points):
            break
    rules = with_densities(found.rules, dense, buffers[:COUNTED_SAMPLES])
    return Selection(
        rules=rules,
        costs=costs,
        cost=found.cost,
        accuracy_dense=judge.accuracy,
        accuracy_skip=judge.accuracy - verdict.loss_points / 100.0,
        options=options,
        front=front,
        evaluations=chooser.evaluations + judge.evaluations,
        seconds=time.monotonic() - start,
        split=f"of the first {count} rows every second chose ({chooser.count}); the others ({judge.count}) judged, and could only refuse",
        spatial_most=1.0 - request.pattern.bit_count() / request.patch**2,
        chosen=found.options,
    )


def cost_of(quantized: QuantizedModel, selection: Selection, buffers: IntArray) -> float:
    """What a network with rules costs by the measured curves, on samples int8 [N, size]."""
    costs, shares = selection.costs, shares_left_out(quantized.dense, quantized.rules, buffers)
    found = dict(costs.dense)
    for place, rule in quantized.rules.items():
        if isinstance(rule, Spatial):
            found[costs.layers[place]] = costs.spatial[place].at(shares[place] * most_left_out(rule) / selection.spatial_most)
        elif isinstance(rule, ZeroInput):
            found[costs.layers[place]] = costs.zero_input[place].at(shares[place])
    return costs.rest + sum(found.values())


def _cost(option: Option) -> float:
    return option.cost


def _places(dense: QGraph, sites: Mapping[str, Site]) -> Iterator[str]:
    """Tensors a rule may be judged on: outputs of convolutions, and sums that end in a ReLU."""
    for node in dense.nodes:
        if type(node.op) is Conv2D or node.output in sites:
            yield node.output


def _options(
    trials: RuleTrials, spatial: Mapping[str, Rated], places: Sequence[str], costs: Costs, request: Request, start: float, watch: Watch
) -> dict[str, list[Option]]:
    """For each layer the options that save something, with their divergence; the dense one first."""
    found = {layer: [Option(layer, None, cost)] for layer, cost in costs.dense.items()}
    for done, place in enumerate(places):
        watch("trying layers", done, len(places))
        layer = found[costs.layers[place]]
        in_time = time.monotonic() - start < 0.6 * request.seconds
        rated = [(rule, share, costs.spatial[place].at(share)) for rule, share in spatial.get(place, ())]
        for rule, share, cost in [*_zero_input_candidates(trials, place, costs, request), *rated]:
            if cost > layer[0].cost - LEAST_SAVING * costs.total:
                continue
            exact = isinstance(rule, ZeroInput) and rule.span == 0
            if exact or in_time:
                divergence = 0.0 if exact else trials.tried({place: rule}, OPTION_SAMPLES).divergence
                layer.append(Option(place, rule, cost, share, divergence))
    watch("trying layers", len(places), len(places))
    return found


def _zero_input_candidates(trials: RuleTrials, place: str, costs: Costs, request: Request) -> Iterator[tuple[Rule, float, float]]:
    """Rules for one layer, the share of work each leaves out, and its cost."""
    if place not in costs.zero_input:
        return
    node = next(node for node in trials.dense.nodes if node.output == place)
    inputs = trials.value(node.inputs[0], COUNTED_SAMPLES)
    op = node.op
    assert isinstance(op, Conv2D)
    image = inputs.reshape(-1, op.input_h, op.input_w, op.input_c)
    for span in (0,) if request.exact or not _non_negative(trials.dense, node.inputs[0]) else SPANS:
        left = _operator(apply(trials.dense, {place: ZeroInput(1.0, span)}), place)
        share = 1.0 - left.executed_macs(inputs) / (op.work.macs * len(inputs))
        lost = np.zeros(0, np.int32)
        if span:
            without = np.where(left.counts_as_zero(image), np.int8(op.input_zero_point), image)
            lost = np.rint((op._accumulators(image) - op._accumulators(without)).mean(axis=0)).astype(np.int32)
        yield ZeroInput(1.0 - share, span, lost), share, costs.zero_input[place].at(share)


def _non_negative(dense: QGraph, tensor: str) -> bool:
    return dense.tensors[tensor].zero_point == -128


def _operator(graph: QGraph, place: str) -> Conv2DZeroInput:
    op = next(node.op for node in graph.nodes if node.output == place)
    assert isinstance(op, Conv2DZeroInput)
    return op


def _spatial_rules(trials: RuleTrials, site: Site, request: Request) -> Rated:
    """Rules for one layer from the safest to the greediest, and the share of what it could leave out that each does."""
    masks = np.full((1, 1, 1), request.pattern, np.uint16)
    found = []
    for calibrated in calibrate(cut_patches(site, _real_values(trials, site)), masks, BETAS):
        rule = site.rule(calibrated.choice)
        found.append((rule, min(calibrated.skipped / most_left_out(rule), 1.0)))
    return found


def _real_values(trials: RuleTrials, site: Site) -> Array:
    """What the rule is judged on, before the ReLU: float32 [samples, channels, height, width], very low where a channel was removed."""
    nothing = Spatial(site.spatial.patch, np.full((1, 1, 1), 1, np.uint16), np.zeros(int(site.kept.sum()), np.int32))
    node = next(node for node in apply(trials.dense, {site.tensor: nothing}).nodes if node.output == site.tensor)
    inputs = [trials.value(name, CALIBRATION_SAMPLES) for name in node.inputs]
    op = node.op
    assert isinstance(op, Conv2D)
    sums = (
        op.sums(*inputs)
        if isinstance(op, Conv2DAddSpatial)
        else op._accumulators(inputs[0].reshape(-1, op.input_h, op.input_w, op.input_c))
    )
    maps = sums.reshape(-1, op.output_h, op.output_w, op.output_c).transpose(0, 3, 1, 2)
    values = np.full((len(maps), site.spatial.channels, op.output_h, op.output_w), -1e9, np.float32)
    values[:, site.kept] = (maps - site.offset) * site.step[site.kept].reshape(-1, 1, 1)
    return values


def _combinations(options: Mapping[str, Sequence[Option]], costs: Costs) -> list[Combination]:
    """The best for each exchange rate, the safest first: it changes no bit."""
    found: list[Combination] = []
    seen: set[tuple[int, ...]] = set()
    for rate in RATES:
        chosen = {
            place: min(range(len(each)), key=lambda i: (each[i].cost / costs.total + rate * each[i].divergence, i))
            for place, each in options.items()
        }
        key = tuple(chosen.values())
        if key not in seen:
            seen.add(key)
            picked = {place: options[place][index] for place, index in chosen.items()}
            found.append(Combination(picked, costs.rest + sum(option.cost for option in picked.values())))
    exact = {place: min((o for o in each if o.divergence == 0.0), key=lambda o: o.cost) for place, each in options.items()}
    return [Combination(exact, costs.rest + sum(option.cost for option in exact.values())), *found]


def _cheapest(
    trials: RuleTrials, combinations: Sequence[Combination], request: Request, front: list[tuple[float, float]], start: float, watch: Watch
) -> int:
    """The last combination that holds: by halving on a few samples, for losses grow along the list but for noise; then on all of them."""
    steps = len(combinations).bit_length() + 3
    done = 0

    def holds(index: int, samples: int | None) -> bool:
        nonlocal done
        tried = trials.tried(combinations[index].rules, samples)
        front.append((combinations[index].cost, tried.loss_points))
        done = min(done + 1, steps)
        watch("choosing", done, steps)
        return _holds(tried, request.max_loss_points)

    low, high = 0, len(combinations) - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle, FEW_SAMPLES) else (low, middle - 1)
    rising = low == 0 or holds(low, None)
    while time.monotonic() - start < 0.8 * request.seconds:
        if rising and low + 1 < len(combinations) and holds(low + 1, None):
            low += 1
        elif not rising and low > 1:
            low -= 1
            if holds(low, None):
                break
        else:
            break
    watch("choosing", steps, steps)
    return low


def _refined(
    trials: RuleTrials,
    found: Combination,
    options: Mapping[str, Sequence[Option]],
    request: Request,
    front: list[tuple[float, float]],
    start: float,
) -> Combination:
    """The combination with cheaper options layer by layer as long as it holds, those first that go astray least for what they save."""

    def strays(place: str, option: Option) -> float:
        now = found.options[place]
        return (option.divergence - now.divergence) / (now.cost - option.cost)

    closed: set[str] = set()
    while time.monotonic() - start < 0.8 * request.seconds:
        cheaper = [
            (strays(place, option), place, option)
            for place, each in options.items()
            for option in each
            if place not in closed and option.cost < found.options[place].cost
        ]
        if not cheaper:
            break
        _, place, option = min(cheaper, key=lambda item: (item[0], item[1]))
        tried = Combination({**found.options, place: option}, found.cost - found.options[place].cost + option.cost)
        verdict = trials.tried(tried.rules)
        front.append((tried.cost, verdict.loss_points))
        if _holds(verdict, request.max_loss_points):
            found = tried
        else:
            closed.add(place)
    return found


def _holds(tried: Tried, max_loss_points: float) -> bool:
    return tried.divergence == 0.0 or tried.loss_points + MARGIN * tried.error_points <= max_loss_points

"""Instructions a product against products a byte: how near each layer comes to the best shape of its kind.

After Williams, Waterman and Patterson, "Roofline: an insightful visual performance model for multicore architectures", 2009. The roof of a
kernel is the best figure measured for its kind, drawn from the table that plans are made by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, log10, sqrt

from edgecomp.page.axes import Tick, log_ticks, place
from edgecomp.page.documents import Document, Layer
from edgecomp.page.families import family
from edgecomp.page.layers import layer_names
from edgecomp.page.measure import Measure, total
from edgecomp.readable import short_kernel

LARGEST_RADIUS_PX = 15.0
SMALLEST_RADIUS_PX = 4.0
INSIDE_FROM_PX = 8.5
PER_CHARACTER_PX = 3.6
"""Radius from which a circle has room for a number, and for each character of its label."""
BESIDE_PX = 8.0
FEW = 24
"""Layers, up to which they have labels."""
SAME_PLACE = 0.012
"""Of the plot: circles that are nearer to one another share one label."""
MARGIN = 0.06
"""Of the range, around the points."""


@dataclass(frozen=True)
class Point:
    """One layer; the area of its circle is its share of the time.

    `label` is its number, or those of all that lie in the same place, `label_rise_px` above the middle of the circle; it may be empty.
    """

    index: int
    name: str
    family: str
    kernel: str
    x: str
    y: str
    radius_px: float
    label: str
    label_rise_px: float
    intensity: float
    per_mac: float
    share: float


@dataclass(frozen=True)
class Roof:
    """The best of a kind."""

    kernel: str
    family: str
    y: str
    per_mac: float


@dataclass(frozen=True)
class Roofline:
    """One run's plot; better is higher."""

    points: tuple[Point, ...]
    roofs: tuple[Roof, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class _Place:
    layer: Layer
    name: str
    index: int
    intensity: float
    per_mac: float
    share: float


@dataclass(frozen=True)
class _LogAxis:
    low: float
    high: float

    def at(self, value: float) -> float:
        """0 for `low`, 1 for `high`."""
        return log10(value / self.low) / log10(self.high / self.low)

    @classmethod
    def around(cls, values: Sequence[float]) -> _LogAxis:
        low, high = min(values), max(values)
        stretch = max((high / low) ** MARGIN, 1.15)
        return cls(low / stretch, high * stretch)


def rooflines(documents: Sequence[Document], measure: Measure) -> tuple[Roofline | None, ...]:
    """One a run, all with the same axes; None for a run of which too little is known."""
    places = [() if measure.is_work else _places(document, measure) for document in documents]
    known = [each for run in places for each in run]
    if not known:
        return (None,) * len(documents)
    best = [each.layer.best_instructions_per_mac for each in known if each.layer.best_instructions_per_mac]
    across = _LogAxis.around([each.intensity for each in known])
    upwards = _LogAxis.around([*(each.per_mac for each in known), *best])
    return tuple(_roofline(run, measure, across, upwards) if run else None for run in places)


def _places(document: Document, measure: Measure) -> tuple[_Place, ...]:
    found = []
    whole = total(measure, document)
    for index, (layer, name) in enumerate(zip(document.layers, layer_names(document), strict=True)):
        value = measure.of(layer)
        moved = (layer.input_bytes or 0) + (layer.output_bytes or 0) + (layer.constant_bytes or 0)
        if value and value > 0 and layer.macs and layer.macs > 0 and moved > 0:
            found.append(_Place(layer, name, index, layer.macs / moved, value / layer.macs, value / whole))
    return tuple(found)


def _roofline(run: Sequence[_Place], measure: Measure, across: _LogAxis, upwards: _LogAxis) -> Roofline:
    scale = LARGEST_RADIUS_PX / sqrt(max(each.share for each in run))
    labels = _labels(run, across, upwards)
    points = [_point(each, scale, labels[each.index], across, upwards) for each in run]
    return Roofline(
        tuple(sorted(points, key=lambda point: -point.radius_px)),  # small ones lie over large ones
        _roofs(run, upwards) if measure.name == "Instructions" else (),
        tuple(Tick(place(across.at(tick)), _plain(tick)) for tick in log_ticks(across.low, across.high)),
        tuple(Tick(place(upwards.at(tick)), _plain(tick)) for tick in log_ticks(upwards.low, upwards.high)),
    )


def _labels(run: Sequence[_Place], across: _LogAxis, upwards: _LogAxis) -> dict[int, str]:
    """What stands at each layer: numbers of layers in one place at the smallest circle of them, which lies on top."""
    labels = {each.index: "" for each in run}
    if len(run) > FEW:
        return labels
    left = sorted(run, key=lambda each: each.share)
    while left:
        top = left[0]
        near = [each for each in left if _distance(top, each, across, upwards) < SAME_PLACE]
        labels[top.index] = ",".join(str(index) for index in sorted(each.index for each in near))
        left = [each for each in left if each not in near]
    return labels


def _distance(a: _Place, b: _Place, across: _LogAxis, upwards: _LogAxis) -> float:
    return hypot(across.at(a.intensity) - across.at(b.intensity), upwards.at(a.per_mac) - upwards.at(b.per_mac))


def _point(each: _Place, scale: float, label: str, across: _LogAxis, upwards: _LogAxis) -> Point:
    radius = max(SMALLEST_RADIUS_PX, scale * sqrt(each.share))
    is_inside = radius >= max(INSIDE_FROM_PX, PER_CHARACTER_PX * len(label))
    return Point(
        index=each.index,
        name=each.name,
        family=family(each.layer),
        kernel=short_kernel(each.layer.kernel),
        x=place(across.at(each.intensity)),
        y=place(upwards.at(each.per_mac)),
        radius_px=round(radius, 1),
        label=label,
        label_rise_px=0.0 if is_inside else round(radius + BESIDE_PX, 1),
        intensity=each.intensity,
        per_mac=each.per_mac,
        share=each.share,
    )


def _roofs(run: Sequence[_Place], upwards: _LogAxis) -> tuple[Roof, ...]:
    found = {}
    for each in run:
        best = each.layer.best_instructions_per_mac
        if best and best > 0:
            kind = family(each.layer)
            found[kind, best] = Roof(kind, kind, place(upwards.at(best)), best)
    return tuple(sorted(found.values(), key=lambda roof: roof.per_mac))


def _plain(tick: float) -> str:
    return f"{tick:,.0f}" if tick >= 10 else f"{tick:.3g}"

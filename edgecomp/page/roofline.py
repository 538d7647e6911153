"""Instructions a product against products a byte: how near each layer comes to the best shape of its kind.

After Williams, Waterman and Patterson, "Roofline: an insightful visual performance model for multicore architectures", 2009. The roof of a
kernel is the best figure measured for its kind, drawn from the table that plans are made by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10, sqrt

from edgecomp.page.axes import Tick, log_ticks, place
from edgecomp.page.documents import Document, Layer
from edgecomp.page.families import family
from edgecomp.page.layers import layer_names
from edgecomp.page.measure import Measure, total
from edgecomp.readable import short_kernel

LARGEST_RADIUS_PX = 15.0
SMALLEST_RADIUS_PX = 4.0
INSIDE_FROM_PX = 8.5
"""Radius from which a circle has room for its number; beside smaller ones it stands where there are few."""
FEW = 24
MARGIN = 0.06
"""Of the range, around the points."""


@dataclass(frozen=True)
class Point:
    """One layer; the area of its circle is its share of the time.

    Its number stands `label_rise_px` above the middle of the circle, nowhere for None.
    """

    index: int
    name: str
    family: str
    kernel: str
    x: str
    y: str
    radius_px: float
    label_rise_px: float | None
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
    return tuple(
        _roofline(run, total(measure, document), measure, across, upwards) if run else None
        for run, document in zip(places, documents, strict=True)
    )


def _places(document: Document, measure: Measure) -> tuple[_Place, ...]:
    found = []
    for index, (layer, name) in enumerate(zip(document.layers, layer_names(document), strict=True)):
        value = measure.of(layer)
        moved = (layer.input_bytes or 0) + (layer.output_bytes or 0) + (layer.constant_bytes or 0)
        if value and value > 0 and layer.macs and layer.macs > 0 and moved > 0:
            found.append(_Place(layer, name, index, layer.macs / moved, value / layer.macs))
    return tuple(found)


def _roofline(run: Sequence[_Place], whole: int, measure: Measure, across: _LogAxis, upwards: _LogAxis) -> Roofline:
    shares = [(measure.of(each.layer) or 0) / whole for each in run]
    scale = LARGEST_RADIUS_PX / sqrt(max(shares))
    points = [_point(each, share, scale, len(run) <= FEW, across, upwards) for each, share in zip(run, shares, strict=True)]
    return Roofline(
        tuple(sorted(points, key=lambda point: -point.radius_px)),  # small ones lie over large ones
        _roofs(run, upwards) if measure.name == "Instructions" else (),
        tuple(Tick(place(across.at(tick)), _plain(tick)) for tick in log_ticks(across.low, across.high)),
        tuple(Tick(place(upwards.at(tick)), _plain(tick)) for tick in log_ticks(upwards.low, upwards.high)),
    )


def _point(each: _Place, share: float, scale: float, are_few: bool, across: _LogAxis, upwards: _LogAxis) -> Point:
    radius = max(SMALLEST_RADIUS_PX, scale * sqrt(share))
    rise = 0.0 if radius >= INSIDE_FROM_PX else radius + 8.0 if are_few else None
    where = (place(across.at(each.intensity)), place(upwards.at(each.per_mac)))
    kernel = short_kernel(each.layer.kernel)
    return Point(each.index, each.name, family(each.layer), kernel, *where, round(radius, 1), rise, each.intensity, each.per_mac, share)


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

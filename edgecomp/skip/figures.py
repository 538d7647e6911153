"""Pictures of a search: accuracy against work with the Pareto front, and the masks layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgecomp.errors import ToolError
from edgecomp.graph import Array
from edgecomp.skip.facts import places
from edgecomp.skip.rules import Perforated, Rule, Spatial, ZeroInput

if TYPE_CHECKING:
    from edgecomp.skip.modes import Outcome

COLUMNS = 4
DPI = 150
SHOWN_POINTS = 2.0
"""Of accuracy, below what was chosen."""


def draw(outcome: Outcome, stem: Path) -> list[Path]:
    """Write `stem`.front.png and `stem`.masks.png; returns the paths.

    Raises:
        ToolError: matplotlib is missing.
    """
    require_matplotlib()
    drawn = {".front.png": _front(outcome), ".masks.png": _masks(outcome)}
    paths = []
    for suffix, figure in drawn.items():
        path = stem.with_name(stem.name + suffix)
        figure.savefig(path, dpi=DPI, bbox_inches="tight")
        paths.append(path)
    return paths


def require_matplotlib() -> None:
    """Raise ToolError with the cure where matplotlib is missing."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ToolError("pictures need matplotlib: pip install 'edgecomp[figures]', or leave --figures out") from error


def pareto(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Of (cost, loss) those that no other beats in both, in the order of cost."""
    found: list[tuple[float, float]] = []
    for cost, loss in sorted(points):
        if not found or loss < found[-1][1]:
            found.append((cost, loss))
    return found


def _front(outcome: Outcome) -> Any:
    """Accuracy against what is executed, in the unit that was searched, as a share of the dense network."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5))
    axes = figure.subplots()
    dense = outcome.costs.total if outcome.costs else float(outcome.macs_dense)
    accuracy = 100 * outcome.accuracy_dense

    def placed(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
        return [100 * (1 - cost / dense) for cost, _ in points], [accuracy - loss for _, loss in points]

    axes.plot(*placed(outcome.front), "o", color="#9aa5b1", markersize=4, label="tried")
    axes.plot(*placed(pareto(outcome.front)), "o-", color="#1f5fa8", markersize=5, linewidth=1.5, label="Pareto front")
    axes.axhline(accuracy, color="#52606d", linewidth=0.8, linestyle="--", label="dense")
    left_out = 100 * (1 - outcome.macs_executed / max(outcome.macs_dense, 1))
    chosen = 100 * outcome.accuracy_skip
    cost = outcome.macs_executed if outcome.unit == "MACs" else outcome.cost
    if cost is not None:
        saved = 100 * (1 - cost / dense)
        axes.plot([saved], [chosen], "*", color="#c0392b", markersize=13, label="chosen, judged on other samples")
    axes.set_ylim(min(chosen, accuracy) - SHOWN_POINTS, max(chosen, accuracy) + SHOWN_POINTS / 2)
    axes.set_xlabel(f"{outcome.unit} saved, %")
    axes.set_ylabel("top-1 accuracy, %")
    axes.set_title(f"{outcome.quantized.model.name}: {outcome.mode}, {left_out:.1f} % of MACs left out", fontsize=10)
    axes.grid(True, linewidth=0.3)
    axes.legend(fontsize=8)
    return figure


def _masks(outcome: Outcome) -> Any:
    """One picture a layer that has a rule: positions that are always computed are dark."""
    from matplotlib.figure import Figure

    rules = list(outcome.quantized.rules.items())
    rows = max(1, ceil(len(rules) / COLUMNS))
    figure = Figure(figsize=(2.6 * COLUMNS, 2.7 * rows))
    plots = np.atleast_1d(figure.subplots(rows, COLUMNS)).reshape(-1)
    names = {node.output: node.layer for node in outcome.quantized.qgraph.nodes}
    for axes in plots:
        axes.axis("off")
    for axes, (tensor, rule) in zip(plots, rules, strict=False):
        picture, text = _picture(rule)
        axes.imshow(picture, cmap="Blues", vmin=0, vmax=1, interpolation="nearest", aspect="auto" if picture.shape[0] == 1 else "equal")
        axes.set_title(f"{names[tensor].split('+')[0]}\n{text}", fontsize=7)
        axes.axis("on")
        axes.set_xticks([])
        axes.set_yticks([])
    return figure


def _picture(rule: Rule) -> tuple[Array, str]:
    """Shares 0..1 of what is always computed, over the patch or map, and what they are."""
    match rule:
        case Spatial():
            return places(rule), f"{rule.patch}x{rule.patch}, computed first, mean of {rule.masks.shape[2]} channel masks"
        case Perforated():
            return places(rule), "positions computed"
        case ZeroInput():
            return np.array([[rule.density]]), f"inputs that remain: {rule.density:.0%} of products"
        case _:
            order = np.asarray(rule.exact_from, float).reshape(1, -1)
            return order / max(order.max(), 1.0), "products before a sum may end, by channel"

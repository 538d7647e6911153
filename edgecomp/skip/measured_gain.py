"""Whether rules take fewer instructions on a board: layers are measured there, with what a plan may join them with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgecomp.errors import EdgecompError
from edgecomp.qgraph import IntArray, QGraph
from edgecomp.skip.apply import apply
from edgecomp.skip.costs import Curve, Profiler, layer_groups
from edgecomp.skip.rules import Rules
from edgecomp.target import Target


@dataclass(frozen=True, eq=False)
class Board:
    """A board that layers are measured on, and samples int8 [N, size] that they are measured with."""

    dense: QGraph
    target: Target
    buffers: IntArray

    def instructions(self, rules: Rules) -> dict[str, float] | None:
        """Of each convolution and what may be joined with it, by its output, under some rules; None where the board tells none."""
        try:
            found = Profiler(self.target, self.buffers).instructions(apply(self.dense, rules))
        except EdgecompError:
            return None
        if found is None:
            return None
        groups, total = layer_groups(self.dense), dict[str, float]()
        for name, count in found.items():
            group = groups.get(name, name)
            total[group] = total.get(group, 0.0) + count
        return total


def paying(board: Board, rules: Rules, shares: Mapping[str, float]) -> tuple[Rules, dict[str, str]]:
    """The rules under which their layers take fewer instructions than dense, and why each other is off.

    `shares` says by layer what part of its products the rule leaves out. Where the board counts no instructions, all are kept.
    """
    dense, under_rules = board.instructions({}), board.instructions(rules) if rules else {}
    if dense is None or under_rules is None:
        return rules, {}
    kept = {name: rule for name, rule in rules.items() if under_rules[name] < dense[name]}
    return kept, {name: _why_off(board, shares.get(name, 0.0), under_rules[name] / dense[name]) for name in rules if name not in kept}


def _why_off(board: Board, share: float, ratio: float) -> str:
    return f"saves {share:.0%} of its products but takes {ratio:.2f} times the dense kernel's instructions on {board.target.name}"


def curves(board: Board, trials: Sequence[tuple[float, Rules]]) -> dict[str, Curve] | None:
    """Instructions of layers by a share that is left out: straight between the trials, each a share and rules that leave it out.

    None where the board counts no instructions.
    """
    points: dict[str, list[tuple[float, float]]] = {}
    for share, rules in trials:
        found = board.instructions(rules)
        if found is None:
            return None
        for name in rules:
            points.setdefault(name, []).append((share, found[name]))
    return {name: Curve.through(*each) for name, each in points.items()}

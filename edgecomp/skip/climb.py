"""Combinations of one option a layer, from nothing to the greediest, and the last of them whose accuracy holds.

Every layer has a ladder of options, each of which saves more and loses more than the one before. What an option loses is told by the
divergence of the class probabilities when it alone is applied: divergences of layers nearly add up and are far less noisy than counted
losses, so the next step is always the one that diverges least for what it saves. Accuracy decides how far the climb may go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edgecomp.skip.budget import Search
from edgecomp.skip.rules import Rule

COMPARED_SAMPLES = 200
"""On which divergences are told."""
CHECK_EVERY = 6
"""Steps between two looks at the accuracy."""
LEAST_DIVERGENCE = 1e-9
"""Of a step, so that of two that change nothing the one that saves most is taken."""


@dataclass(frozen=True, eq=False)
class Ladder:
    """One layer. `costs` and `macs` of an inference are by step, `rule` gives the rule of a step; step 0 changes no bit."""

    name: str
    costs: Sequence[float]
    macs: Sequence[float]
    rule: Callable[[int], Rule | None]


State = Mapping[str, int]


def climb(running: Search, ladders: Sequence[Ladder]) -> dict[str, int]:
    """The step of each layer, by its name: as far up as the samples that choose allow, and those that judge do not refuse."""
    climber = _Climber(running, ladders)
    path: list[dict[str, int]] = [{ladder.name: 0 for ladder in ladders}]
    holds = 0
    while not running.late and (step := climber.next_step(path[-1])):
        path.append({**path[-1], step[0]: step[1]})
        if len(path) % CHECK_EVERY == 0:
            if not climber.holds(path[-1]):
                break
            holds = len(path) - 1
    holds = climber.last_that_holds(path, holds)
    while holds and running.refused(climber.rules(path[holds])):
        holds -= 1
    return path[holds]


class _Climber:
    def __init__(self, running: Search, ladders: Sequence[Ladder]) -> None:
        self.running, self.ladders = running, ladders
        self._divergences: dict[tuple[str, int], float] = {(ladder.name, 0): 0.0 for ladder in ladders}

    def rules(self, state: State) -> dict[str, Rule]:
        """Of all layers."""
        found = {ladder.name: ladder.rule(state[ladder.name]) for ladder in self.ladders}
        return {name: rule for name, rule in found.items() if rule is not None}

    def holds(self, state: State) -> bool:
        """Whether the loss is allowed."""
        layers = {node.output: node.op.work.macs for node in self.running.dense.nodes}
        saved = sum(layers[ladder.name] - ladder.macs[state[ladder.name]] for ladder in self.ladders)
        return self.running.budget.holds(self.running.tried(self.rules(state), self.running.dense.macs - saved))

    def next_step(self, state: State) -> tuple[str, int] | None:
        """The layer, and its next step that costs less, with the least divergence for what it saves; None at the top."""
        options = []
        for ladder in self.ladders:
            now = state[ladder.name]
            step = next((step for step in range(now + 1, len(ladder.costs)) if ladder.costs[step] < ladder.costs[now]), None)
            if step is not None:
                further = self._divergence(ladder, step) - self._divergence(ladder, now)
                options.append((max(further, LEAST_DIVERGENCE) / (ladder.costs[now] - ladder.costs[step]), ladder.name, step))
        return min(options)[1:] if options else None

    def last_that_holds(self, path: Sequence[State], known: int) -> int:
        """By bisection above a place that is known to hold; no further than that where time is up."""
        low, high = known, len(path)
        while high - low > 1 and not self.running.late:
            middle = (low + high) // 2
            low, high = (middle, high) if self.holds(path[middle]) else (low, middle)
        return low

    def _divergence(self, ladder: Ladder, step: int) -> float:
        if (ladder.name, step) not in self._divergences:
            rule = ladder.rule(step)
            rules = {} if rule is None else {ladder.name: rule}
            self._divergences[ladder.name, step] = self.running.chooser.tried(rules, COMPARED_SAMPLES).divergence
        return self._divergences[ladder.name, step]

"""How far to go in each of several layers: choices with sizes and energies, and the way down that loses the least energy.

Zhang et al., "Efficient and Accurate Approximations of Nonlinear Convolutional Networks" (CVPR 2015), section 3.4: the network's error is
judged by the product over the layers of the energy that each keeps, and the choices are made greedily, each step where the least of that
product is lost for what is saved.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edgecomp.compress.budget import Budget, Size
from edgecomp.errors import DataError

LEAST_ENERGY = 1e-12


@dataclass(frozen=True)
class Choice:
    """What one layer may become.

    Attributes:
        rank: the size of the approximation; 0: the layer stays as it is.
        size: of the layer then.
        energy: share of the variance of its responses that is kept, 0..1.
    """

    rank: int
    size: Size
    energy: float


Assignment = Mapping[str, Choice]
"""A choice for each layer, by name."""


def descent(choices: Mapping[str, Sequence[Choice]], weigh: Callable[[Size], float]) -> list[dict[str, Choice]]:
    """Assignments from "nothing changed" to the least possible, each one step further.

    Args:
        choices: by layer; the first of them is the layer as it is.
        weigh: what is to be saved, as one number.
    """
    now = {name: options[0] for name, options in choices.items()}
    found = [dict(now)]
    while True:
        steps = [
            (_loss(now[name], option) / (weigh(now[name].size) - weigh(option.size)), name, option)
            for name, options in choices.items()
            for option in options
            if weigh(option.size) < weigh(now[name].size)
        ]
        if not steps:
            return found
        _, name, option = min(steps, key=lambda step: (step[0], step[1], -step[2].rank))
        now[name] = option
        found.append(dict(now))


def _loss(before: Choice, after: Choice) -> float:
    """Of the logarithm of the product of energies."""
    return max(0.0, math.log(max(before.energy, LEAST_ENERGY)) - math.log(max(after.energy, LEAST_ENERGY)))


def weight_of(budget: Budget) -> Callable[[Size], float]:
    """A size as one number: shares of what the budget limits, of MACs and of parameters alike where it limits neither."""
    either = budget.names_a_size
    macs = 1.0 / budget.reference.macs if budget.keep_macs is not None or not either else 0.0
    parameters = 1.0 / budget.reference.parameters if budget.keep_parameters is not None or not either else 0.0
    return lambda size: macs * size.macs + parameters * size.parameters


def chosen(method: str, whole: Size, choices: Mapping[str, Sequence[Choice]], budget: Budget, energy: float) -> Assignment:
    """A choice for each layer: the most energy within the budget; where it names no size, the smallest that keeps `energy` in each layer.

    Args:
        method: for messages.
        whole: size of the network as it is.
        choices: by layer; the first of them is the layer as it is.
        energy: share to keep in each layer where the budget names no size, 0..1.

    Raises:
        DataError: no layer can be made smaller, or all of them not as small as the budget asks; the least possible is said.
    """
    if not any(len(options) > 1 for options in choices.values()):
        raise DataError(f"{method}: none of the layers that may change can be made smaller this way; take another method or other layers")
    if not budget.names_a_size:
        return {name: _keeping(options, energy) for name, options in choices.items()}
    path = descent(choices, weight_of(budget))
    sizes = [_with(whole, choices, step) for step in path]
    fitting = [step for step, size in zip(path, sizes, strict=True) if budget.allows(size)]
    if not fitting:
        macs, parameters = sizes[-1].macs / budget.reference.macs, sizes[-1].parameters / budget.reference.parameters
        raise DataError(
            f"{method}: the budget is below what it can reach: at the least {macs:.3f} of the MACs and {parameters:.3f} of the parameters "
            "remain; keep at least that, or let another method go on from here"
        )
    return fitting[0]


def _keeping(options: Sequence[Choice], energy: float) -> Choice:
    """The smallest choice with at least this energy."""
    enough = [option for option in options if option.energy >= energy or option.rank == 0]
    return min(enough, key=lambda option: (option.size.macs + option.size.parameters, -option.energy))


def _with(whole: Size, choices: Mapping[str, Sequence[Choice]], step: Assignment) -> Size:
    saved = [(choices[name][0].size, choice.size) for name, choice in step.items()]
    return Size(
        whole.macs - sum(old.macs - new.macs for old, new in saved),
        whole.parameters - sum(old.parameters - new.parameters for old, new in saved),
    )

"""The methods of compression by name: a method is one module and one line here.

The module has one function, `compress(graph: Graph, job: Job) -> Graph`. It takes and returns a simplified float graph, changes no node
that `job.may_change` forbids, meets `job.budget` or raises `DataError` that says the least possible, and tells `job.watch` how far it is.
Where it trains, it calls `compress.finetune.finetune`, which also keeps checkpoints. `budget.max_loss_points` is the caller's business:
it tries sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from edgecomp.compress.job import Job
from edgecomp.errors import DataError
from edgecomp.graph import Graph


@dataclass(frozen=True)
class Option:
    """What a method may be told: its `default`, which also says the type, what it means, and the words allowed, if they are few."""

    default: Any
    help: str
    allowed: tuple[str, ...] = ()

    def read(self, name: str, value: Any) -> Any:
        """A value from a command line or a recipe.

        Raises:
            DataError: it is of another type, or not allowed.
        """
        kind = type(self.default)
        try:
            read = str(value).lower() in ("1", "true", "yes", "on") if kind is bool else kind(value)
        except (TypeError, ValueError):
            raise DataError(f"option {name} = {value!r}: must be of type {kind.__name__}, as {self.default!r}") from None
        if self.allowed and read not in self.allowed:
            raise DataError(f"option {name} = {value!r}: must be one of {', '.join(self.allowed)}")
        return read


@dataclass(frozen=True)
class Method:
    """A line of the registry: the module, one sentence, and what it needs.

    Attributes:
        needs_labels: the training data must have classes.
        trains: PyTorch is needed even for `--epochs 0`.
        limits: "macs" or "parameters": what it makes less of where nobody says.
    """

    module: str
    summary: str
    needs_labels: bool = False
    trains: bool = False
    limits: str = "macs"
    options: Mapping[str, Option] = field(default_factory=dict)

    def function(self) -> Callable[[Graph, Job], Graph]:
        """The method, imported now."""
        compress: Callable[[Graph, Job], Graph] = import_module(self.module).compress
        return compress

    def read_options(self, method: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """All options, those given checked.

        Raises:
            DataError: an option is unknown or has a wrong value.
        """
        unknown = sorted(set(given) - set(self.options))
        if unknown:
            known = ", ".join(self.options) or "none"
            raise DataError(f"{method} has no option {unknown[0]!r}; it has: {known}")
        return {name: option.read(name, given[name]) if name in given else option.default for name, option in self.options.items()}


ENERGY = Option(0.95, "share of the responses' variance kept in each layer, where the budget names no size")

METHODS: dict[str, Method] = {
    "prune-filters-l1": Method("edgecomp.compress.filters_l1", "filters of least l1 norm go"),
    "slimming": Method(
        "edgecomp.compress.slimming",
        "channels go whose batch-norm scales an l1 term presses to zero, by one threshold for all layers",
        options={"sparsity": Option(1e-3, "weight of the l1 term")},
    ),
    "fisher": Method(
        "edgecomp.compress.fisher",
        "channels of least saliency go, by the diagonal of the Fisher information",
        needs_labels=True,
        trains=True,
    ),
    "svd": Method(
        "edgecomp.compress.svd",
        "fully connected layers in two, by singular values",
        limits="parameters",
        options={"energy": ENERGY, "metric": Option("data", "errors in the norm of the responses or of the weights", ("data", "weights"))},
    ),
    "lowrank": Method(
        "edgecomp.compress.lowrank", "layers in two, by the principal components of their responses", options={"energy": ENERGY}
    ),
    "lowrank-nonlinear": Method(
        "edgecomp.compress.lowrank_nonlinear",
        "as lowrank, for the responses behind the ReLU and from layers approximated already",
        options={"energy": ENERGY},
    ),
    "separable": Method(
        "edgecomp.compress.separable",
        "k x k convolutions as k x 1 and 1 x k",
        options={
            "energy": ENERGY,
            "fit": Option("data", "to the filters, to each layer's responses, or then to all at once", ("filters", "data", "joint")),
        },
    ),
    "depthwise-separable": Method(
        "edgecomp.compress.depthwise_separable", "k x k convolutions as depthwise and pointwise ones", options={"energy": ENERGY}
    ),
}
"""In the order `--help` shows."""


def method(name: str) -> Method:
    """A method by name.

    Raises:
        DataError: there is none of this name.
    """
    if name not in METHODS:
        raise DataError(f"no method {name!r}: must be one of {', '.join(METHODS)}")
    return METHODS[name]

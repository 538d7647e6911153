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
from typing import TYPE_CHECKING, Any

from edgecomp.errors import DataError

if TYPE_CHECKING:
    from edgecomp.compress.job import Job
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

WIDTHS = Option("", "shares of the channels that stay: one for all groups of layers, or one each, with commas; empty: by the budget")

STUDENT: dict[str, Option] = {
    "student": Option("", "an ONNX file to train; empty: the original with fewer channels"),
    "widths": WIDTHS,
    "temperature": Option(4.0, "softens the outputs of both networks"),
    "share": Option(0.9, "of the original's outputs in the loss, 0..1; the rest is the labels'"),
}

METHODS: dict[str, Method] = {
    "prune-filters-l1": Method("edgecomp.compress.filters_l1", "filters of least l1 norm go"),
    "thinet": Method(
        "edgecomp.compress.thinet",
        "channels go that least change what the next layer answers, whose weights are fitted again; layer by layer",
        options={
            "rescale": Option("weights", "what is fitted: a factor a channel, or all weights", ("channels", "weights")),
            "epochs_between": Option(0, "epochs of training behind each layer"),
        },
    ),
    "prune-activations": Method(
        "edgecomp.compress.activations",
        "neurons and channels that seldom fire go, in cycles of training, counting and pruning",
        options={
            "variant": Option("plain", "what is done besides", ("plain", "distortion", "l1", "outliers")),
            "cycles": Option(2, "how many"),
            "strength": Option(0.1, "of the distortion, as a share of the weights' deviation; or weight of the l1 term"),
            "least_rate": Option(0.01, "how often a unit must fire to stay, where no size is given"),
        },
    ),
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
    "cramnet": Method(
        "edgecomp.compress.cramnet",
        "layer by layer from the output, each piece trained with the original as teacher",
        limits="parameters",
        options={
            "structure": Option("thinner", "what layers become", ("thinner", "residual", "depthwise-separable", "separable")),
            "widths": WIDTHS,
            "energy": ENERGY,
        },
    ),
    "distill": Method("edgecomp.compress.distill", "a student learns the original's softened outputs", options=STUDENT),
    "fitnet": Method(
        "edgecomp.compress.fitnet",
        "a student is led by a layer in the original's middle, then by its outputs",
        options={
            **STUDENT,
            "hint": Option("", "layer of the original that leads; empty: the middle one"),
            "guided": Option("", "layer of the student that is led; empty: the one named in hint, or the middle one"),
        },
    ),
    "width": Method("edgecomp.compress.width", "all layers with one share of their channels", options={"widths": WIDTHS}),
    "resolution": Method(
        "edgecomp.compress.resolution",
        "a smaller image, and smaller maps behind it",
        options={"scale": Option(0.0, "of the image's sides; 0: by the budget")},
    ),
    "bottleneck": Method("edgecomp.compress.bottleneck", "k x k convolutions between two 1 x 1 ones", options={"energy": ENERGY}),
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
